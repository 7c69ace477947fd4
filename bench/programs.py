"""The programs that are compared: each makes the command of one exchange with a grant token of its own."""

import itertools
import json
import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from measure import run
from simulator import Simulator

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8"}


@dataclass
class Command:
    """What to run, and what must be true afterwards."""

    words: list[str]
    environment: dict[str, str]
    succeeded: "callable" = lambda: True


class Program:
    """One way to exchange a grant token, with a home of its own."""

    numbers = itertools.count()

    def __init__(self, folder: Path, simulator: Simulator, ca_file: Path | None = None) -> None:
        self.home = folder / f"home-{next(self.numbers)}"
        self.home.mkdir(mode=0o700)
        self.simulator = simulator
        self.ca_file = ca_file or simulator.ca_file
        self.accounts_domain = simulator.accounts_domain

    def warm_up(self) -> None:
        """Makes what a first run makes, such as the vault, and fills the page cache."""
        for _ in range(3):
            run(self.command())

    def command(self) -> Command:
        raise NotImplementedError


class Curl(Program):
    """The same request by curl, which keeps the reply as a plain file."""

    def command(self) -> Command:
        client = json.loads(self.simulator.self_client().read_text())
        form = self.home / "form"
        fields = {"grant_type": "authorization_code", **client}
        wanted = ("grant_type", "client_id", "client_secret", "code")
        form.write_text(urllib.parse.urlencode({name: fields[name] for name in wanted}))
        reply = self.home / "reply.json"
        words = ["curl", "--silent", "--cacert", str(self.ca_file), "--output", str(reply)]
        words += ["--data", f"@{form}", self.accounts_domain + "/oauth/v2/token"]
        return Command(words, ENVIRONMENT, lambda: "refresh_token" in reply.read_text())


class Evergrant(Program):
    """`evergrant exchange` into a vault that exists, except for the first time."""

    def __init__(self, evergrant: Path, *rest) -> None:
        super().__init__(*rest)
        self.evergrant = evergrant
        self.connections = itertools.count()

    def command(self) -> Command:
        words = [str(self.evergrant), "exchange", f"bench-{next(self.connections)}"]
        words += ["--self-client", str(self.simulator.self_client())]
        words += ["--accounts-domain", self.accounts_domain]
        words += ["--ca-file", str(self.ca_file)]
        return Command(words, ENVIRONMENT | {"EVERGRANT_HOME": str(self.home)})


class Sdk(Program):
    """Zoho's Python SDK with its own file store."""

    def __init__(self, python: Path, *rest) -> None:
        super().__init__(*rest)
        self.python = python

    def command(self) -> Command:
        words = [str(self.python), str(Path(__file__).with_name("sdk_exchange.py"))]
        words += [str(self.simulator.self_client()), self.accounts_domain]
        words += [self.simulator.api_domain, str(self.home / "tokens.txt")]
        environment = {"REQUESTS_CA_BUNDLE": str(self.ca_file), "PYTHONDONTWRITEBYTECODE": "1"}
        return Command(words, ENVIRONMENT | environment)
