"""Servers to be measured, and wrk, which measures them."""

import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from home import Home
from simulator import Simulator


def await_file(path: Path, process: subprocess.Popen) -> None:
    """Waits for the file by which a process says that it is ready."""
    while not path.exists():
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended before it was ready; is its port taken?")
        time.sleep(0.01)


class Estate:
    """A running `evergrant serve` with one thread, a connection `acme`, and its callers; gone when its block ends."""

    def __init__(self, evergrant: Path, folder: Path, simulator: Simulator, *options: str, name: str = "estate", config: str = "") -> None:
        self.home = Home(evergrant, folder / name, simulator, config)
        self.options = options or self.home.trusting()

    def __enter__(self) -> "Estate":
        if not self.home.database.exists():
            self.home.exchange("acme")
        ready = self.home.folder / "ready.json"
        words = ["serve", "--quiet", "--workers", "1", "--listen", "127.0.0.1:0", "--ready-file", str(ready)]
        command = self.home.command(*words, *self.options)
        self.process = subprocess.Popen(command.words, env=command.environment)
        await_file(ready, self.process)
        self.address = json.loads(ready.read_text())["addresses"][0]
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait()

    def caller(self, name: str, *how: str) -> dict:
        """Adds a caller and returns its variables, as soon as the server knows it."""
        words = ["callers", "add", name, "--connection", "acme", *how, "--format", "variables"]
        added = json.loads(self.home.output(*words))
        time.sleep(1)
        return added

    def memory(self) -> int:
        """Returns what it holds in memory, in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Nginx:
    """A running nginx with one worker; gone when its block ends."""

    def __init__(self, folder: Path, port: int, server: str, http: str = "", listen: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.address = f"127.0.0.1:{port}"
        self.configuration = f"""
daemon off; worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h;
  client_body_temp_path {self.folder}; proxy_temp_path {self.folder}; fastcgi_temp_path {self.folder};
  uwsgi_temp_path {self.folder}; scgi_temp_path {self.folder};
  {http}
  server {{ listen {self.address} {listen} backlog=4096; {server} }}
}}"""

    def __enter__(self) -> "Nginx":
        path = self.folder / "nginx.conf"
        path.write_text(self.configuration)
        self.process = subprocess.Popen(["nginx", "-c", path, "-p", self.folder], stderr=subprocess.DEVNULL)
        await_file(self.folder / "pid", self.process)
        time.sleep(0.2)
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait()


@dataclass
class Load:
    """What wrk saw."""

    per_second: float
    p50: float
    p99: float


UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def wrk(url: str, script: Path, connections: int, seconds: int) -> Load:
    """Asks as often as it can, with one thread; times are milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", told)
    if failed:
        raise SystemExit(f"{url}: {failed.group(0)}")

    def time_at(percent: str) -> float:
        number, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", told).groups()
        return float(number) * UNITS[unit]

    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", told).group(1))
    return Load(per_second, time_at("50"), time_at("99"))


def compare(entrants: dict, rounds: int, connections: int, seconds: int, base: str) -> str:
    """Asks several servers in turns and writes medians, with the medians of the ratios of each round."""
    loads: dict[str, list[Load]] = {name: [] for name in entrants}
    names = list(entrants)
    for _ in range(rounds):
        for name in names:
            loads[name].append(wrk(*entrants[name], connections, seconds))
        names.append(names.pop(0))
    lines = ["| | requests/s | ratio | p50 ms | ratio | p99 ms | ratio |", "|---|---|---|---|---|---|---|"]
    for name, seen in loads.items():
        cells = [name]
        for what, digits in (("per_second", 0), ("p50", 3), ("p99", 3)):
            values = [getattr(load, what) for load in seen]
            ratios = [value / getattr(other, what) for value, other in zip(values, loads[base])]
            cells += [f"{median(values):.{digits}f}", f"{median(ratios):.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
