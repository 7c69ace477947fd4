"""The simulator that all programs exchange their grant tokens with."""

import json
import subprocess
import urllib.request
from pathlib import Path

# Zoho's limits are far below what a benchmark needs.
NO_LIMITS = {"grant_tokens": 10**9, "exchanges": 10**9, "refresh_tokens": 10**9}
NO_LIMITS |= {"refreshes": 10**9, "active_access_tokens": 10**9}


class Simulator:
    """A running `evergrant simulate --tls`; gone when its block ends."""

    def __init__(self, evergrant: Path, folder: Path) -> None:
        self.evergrant = evergrant
        self.folder = folder
        self.grants = 0

    def __enter__(self) -> "Simulator":
        any_port = "127.0.0.1:0"
        command = [self.evergrant, "simulate", "--tls", "--listen", any_port, "--control", any_port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.control = ready["control"]
        self.ca_file = Path(ready["ca_file"])
        self.accounts_domain = ready["data_centers"]["us"]["accounts_domain"]
        self.api_domain = ready["data_centers"]["us"]["api_domain"]
        self.ask("PATCH", "/limits", NO_LIMITS)
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait()

    def ask(self, method: str, path: str, body: dict) -> dict:
        """Asks the control port."""
        request = urllib.request.Request(
            self.control + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def refreshes(self) -> int:
        """Counts the requests for access tokens by a refresh token that came so far."""
        with urllib.request.urlopen(self.control + "/requests") as reply:
            return sum(request.get("grant_type") == "refresh_token" for request in json.load(reply))

    def self_client(self) -> Path:
        """Makes a grant token and returns its self_client.json."""
        self.grants += 1
        grant = self.ask("POST", "/grants", {"scope": "ZohoCRM.modules.ALL", "minutes": 3})
        path = self.folder / f"self_client-{self.grants}.json"
        path.write_text(json.dumps(grant))
        path.chmod(0o600)
        return path
