"""Measures how fast API calls go through the proxy. Run by bench/proxy."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from servers import Estate, Nginx, compare
from simulator import Simulator

UPSTREAM, THEIR_NGINX, THEIR_HAPROXY = 18472, 18473, 18474

# As long as one record that a call for a contact brings.
RECORD = json.dumps({"data": [{"id": "5000000000000017", "Last_Name": "x" * 900}], "info": {"more_records": False}})


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        folder = Path(folder)
        certificate(folder)
        with Simulator(arguments.evergrant, folder) as simulator:
            for scheme in (arguments.only,) if arguments.only else ("https", "http"):
                measure(arguments, folder, simulator, scheme)


def measure(arguments, folder: Path, simulator: Simulator, scheme: str) -> None:
    upstream = f"{scheme}://127.0.0.1:{UPSTREAM}"
    trusted = folder / "trusted.pem"
    trusted.write_text(simulator.ca_file.read_text() + (folder / "upstream.pem").read_text())
    # Without waiting for turns, which the others know nothing of.
    config = "[server]\nsimultaneous = 64\n"
    estate = Estate(arguments.evergrant, folder, simulator, "--ca-file", str(trusted), name=scheme, config=config)
    answer = f"location / {{ default_type application/json; return 200 '{RECORD}'; }}"
    tls = f"ssl_certificate {folder}/upstream.pem; ssl_certificate_key {folder}/upstream.key; "
    listen = "ssl" if scheme == "https" else ""
    with Nginx(folder, UPSTREAM, (tls if listen else "") + answer, listen=listen):
        estate.home.exchange("acme")
        estate.home.output("connections", "set", "acme", "--api-domain", upstream)
        with estate, their_nginx(folder, scheme) as nginx, Haproxy(folder, scheme) as haproxy:
            script = folder / f"get-{scheme}.lua"
            script.write_text(f'wrk.headers["Authorization"] = "Zoho-oauthtoken {token(estate)}"\n')
            path = "/crm/v8/Contacts/5000000000000017"
            entrants = {
                "nothing between": (upstream + path, script),
                "nginx": (f"http://{nginx.address}{path}", script),
                "haproxy": (f"http://{haproxy.address}{path}", script),
                "evergrant": (f"http://{estate.address}{path}", script),
            }
            for connections in (1, 32):
                print(f"\n## {scheme} upstream, {connections} connection(s), {arguments.rounds} rounds\n")
                print(compare(entrants, arguments.rounds, connections, arguments.seconds, "nginx"), flush=True)


def token(estate: Estate) -> str:
    """Gets a proxy token as a proxied caller does."""
    variables = estate.caller("wrk", "--proxied")
    form = {"grant_type": "refresh_token", "client_id": variables["ZohoClientId"]}
    form |= {"client_secret": variables["ZohoClientSecret"], "refresh_token": variables["ZohoRefreshToken"]}
    url = f"http://{estate.address}/oauth/v2/token"
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode()) as reply:
        return json.load(reply)["access_token"]


def their_nginx(folder: Path, scheme: str) -> Nginx:
    http = f"upstream zoho {{ server 127.0.0.1:{UPSTREAM}; keepalive 64; keepalive_requests 100000000; }}"
    server = f"""location / {{
      proxy_pass {scheme}://zoho; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization "Zoho-oauthtoken 1000.{'0' * 32}.{'0' * 32}";
    }}"""
    return Nginx(folder, THEIR_NGINX, server, http)


class Haproxy:
    """A running haproxy with one thread; gone when its block ends."""

    def __init__(self, folder: Path, scheme: str) -> None:
        self.address = f"127.0.0.1:{THEIR_HAPROXY}"
        tls = "ssl verify none" if scheme == "https" else ""
        self.path = folder / f"haproxy-{scheme}.cfg"
        self.path.write_text(f"""global
  nbthread 1
defaults
  mode http
  timeout client 1h
  timeout server 1h
  timeout connect 5s
frontend callers
  bind {self.address}
  default_backend zoho
backend zoho
  http-reuse always
  http-request set-header Authorization "Zoho-oauthtoken 1000.{'0' * 32}.{'0' * 32}"
  server zoho 127.0.0.1:{UPSTREAM} {tls}
""")

    def __enter__(self) -> "Haproxy":
        self.process = subprocess.Popen(["haproxy", "-f", self.path], stderr=subprocess.DEVNULL)
        time.sleep(0.3)
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait()


def certificate(folder: Path) -> None:
    """Makes the upstream's certificate, which is its own authority."""
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1"
    words += f" -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE -keyout {folder}/upstream.key -out {folder}/upstream.pem"
    subprocess.run(words.split(), check=True, stderr=subprocess.DEVNULL)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/proxy")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--only", choices=["https", "http"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
