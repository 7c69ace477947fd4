"""Measures how fast tokens are given to callers. Run by bench/server."""

import argparse
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from servers import Estate, Nginx, compare
from simulator import Simulator

PORT = 18471


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        folder = Path(folder)
        with Simulator(arguments.evergrant, folder) as simulator, Estate(arguments.evergrant, folder, simulator) as estate:
            print(f"idle: {estate.memory() / 2**20:.1f} MiB")
            for mode in ("--direct", "--proxied"):
                measure(arguments, folder, estate, mode)


def measure(arguments, folder: Path, estate: Estate, mode: str) -> None:
    variables = estate.caller("caller" + mode, mode)
    form = {"grant_type": "refresh_token", "client_id": variables["ZohoClientId"]}
    form |= {"client_secret": variables["ZohoClientSecret"], "refresh_token": variables["ZohoRefreshToken"]}
    form = urllib.parse.urlencode(form)
    url = f"http://{estate.address}/oauth/v2/token"
    with urllib.request.urlopen(url, form.encode()) as reply:
        answer = reply.read().decode()
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
        f'wrk.body = "{form}"\n'
    )
    quoted = answer.replace("'", "")
    location = "location / { default_type application/json; add_header Cache-Control no-store; " f"return 200 '{quoted}'; }}"
    with Nginx(folder, PORT, location) as nginx:
        entrants = {
            "nginx": (f"http://{nginx.address}/oauth/v2/token", script),
            "evergrant": (url, script),
        }
        for connections in (1, 32):
            print(f"\n## {mode[2:]} caller, {connections} connection(s), {arguments.rounds} rounds\n")
            print(compare(entrants, arguments.rounds, connections, arguments.seconds, "nginx"), flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/server")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
