"""Lets crowds loose on a token that is over. Run by bench/crowd."""

import argparse
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import crowds
from simulator import Simulator

# Zoho's own, of one refresh token: so many refreshes in ten minutes.
ZOHO_TAKES = 10

# How long the simulator takes for a refresh: about as long as Zoho, over the internet.
ANSWER_SECONDS = 0.2


@dataclass
class Round:
    """What came of one crowd."""

    refreshes: int
    got: int
    tokens: int
    intact: bool
    seconds: float


def main() -> None:
    arguments = parse()
    rounds: dict[str, list[Round]] = {}
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        with Simulator(arguments.evergrant, Path(folder)) as simulator:
            entrants = {"evergrant": crowds.Evergrant(arguments.evergrant, Path(folder), simulator)}
            if not arguments.without_sdk:
                sdk = (arguments.sdk_python, Path(folder), simulator)
                entrants["Python SDK"] = crowds.Sdk(*sdk, wait=False)
                entrants["Python SDK, workers"] = crowds.Sdk(*sdk, wait=True)
            delay = {"on": "refresh", "do": "delay", "seconds": ANSWER_SECONDS, "times": 10**6}
            simulator.ask("PUT", "/faults", {"plan": [delay]})
            for _ in range(arguments.rounds):
                for name, crowd in entrants.items():
                    rounds.setdefault(name, []).append(let_loose(crowd, arguments.processes, simulator))
    print(f"\n{arguments.processes} processes at once, {arguments.rounds} rounds in turns\n")
    print(table(rounds, arguments.processes))


def let_loose(crowd, processes: int, simulator: Simulator) -> Round:
    """Starts all of them, and waits for the last."""
    crowd.restore()
    if not crowd.wait:
        crowd.expire()
    before = simulator.refreshes()
    command = crowd.command()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    begin = time.perf_counter()
    started = [subprocess.Popen(command.words, env=command.environment, **pipes) for _ in range(processes)]
    if crowd.wait:
        for process in started:
            process.stdout.readline()
        crowd.expire()
        begin = time.perf_counter()
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
    texts = [process.communicate()[0].strip() for process in started]
    seconds = time.perf_counter() - begin
    got = [text for process, text in zip(started, texts, strict=True) if process.returncode == 0 and "1000." in text]
    refreshes = simulator.refreshes() - before
    return Round(refreshes, len(got), len(set(got)), crowd.is_intact(set(got)), seconds)


def table(rounds: dict[str, list[Round]], processes: int) -> str:
    lines = ["| | refreshes that Zoho saw | processes with a token | tokens | store intact | seconds |"]
    lines.append("|---|---|---|---|---|---|")
    for name, made in rounds.items():
        refreshes, tokens = span(made, lambda one: one.refreshes), span(made, lambda one: one.tokens)
        locked_out = max(one.refreshes for one in made) > ZOHO_TAKES
        note = f" (Zoho takes {ZOHO_TAKES})" if locked_out else ""
        intact = f"{sum(one.intact for one in made)} of {len(made)} rounds"
        got = f"{span(made, lambda one: one.got)} of {processes}"
        seconds = f"{median(one.seconds for one in made):.2f}"
        lines.append(f"| {name} | {refreshes}{note} | {got} | {tokens} | {intact} | {seconds} |")
    return "\n".join(lines)


def span(made: list[Round], figure) -> str:
    values = sorted(map(figure, made))
    least, middle, most = values[0], values[len(values) // 2], values[-1]
    return str(least) if least == most else f"{middle} ({least}–{most})"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/crowd")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--sdk-python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=64)
    parser.add_argument("--without-sdk", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
