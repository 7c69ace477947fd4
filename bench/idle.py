"""Measures the memory of the server with nobody and with many who keep their connection. Run by bench/idle."""

import argparse
import socket
import sys
import tempfile
import urllib.parse
from pathlib import Path

from servers import Estate
from simulator import Simulator


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        folder = Path(folder)
        with Simulator(arguments.evergrant, folder) as simulator, Estate(arguments.evergrant, folder, simulator) as estate:
            variables = estate.caller("many", "--direct")
            ask(estate, variables).close()
            before = estate.memory()
            print(f"nobody: {before / 2**20:.1f} MiB")
            held = [ask(estate, variables) for _ in range(arguments.clients)]
            after = estate.memory()
            print(f"{len(held)} clients: {after / 2**20:.1f} MiB, {(after - before) / len(held) / 1024:.1f} KiB each")
            # All are still there, and are answered.
            for client in held[:: max(1, len(held) // 100)]:
                again(client, estate, variables)


def request(estate: Estate, variables: dict) -> bytes:
    form = {"grant_type": "refresh_token", "client_id": variables["ZohoClientId"]}
    form |= {"client_secret": variables["ZohoClientSecret"], "refresh_token": variables["ZohoRefreshToken"]}
    body = urllib.parse.urlencode(form)
    head = f"POST /oauth/v2/token HTTP/1.1\r\nHost: {estate.address}\r\nContent-Length: {len(body)}\r\n"
    return (head + "Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body).encode()


def ask(estate: Estate, variables: dict) -> socket.socket:
    host, port = estate.address.split(":")
    client = socket.create_connection((host, int(port)))
    again(client, estate, variables)
    return client


def again(client: socket.socket, estate: Estate, variables: dict) -> None:
    client.sendall(request(estate, variables))
    answer = client.recv(4096)
    if b'"access_token"' not in answer:
        sys.exit(f"no token: {answer!r}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/idle")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=10_000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
