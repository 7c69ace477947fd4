"""The crowds that bench/crowd compares: many processes of one program on one token that is over."""

import csv
import subprocess
from pathlib import Path

from home import Home
from programs import ENVIRONMENT, Command
from simulator import Simulator


class Evergrant:
    """Processes of `evergrant token` on one vault."""

    # Whether the processes say `ready` and wait until they are told to begin.
    wait = False

    def __init__(self, evergrant: Path, folder: Path, simulator: Simulator) -> None:
        # As the simulator's limits are lifted, so is ours: rounds follow each other in less than ten minutes.
        self.home = Home(evergrant, folder / "home", simulator, "[limits]\nrefreshes = 100000\n")
        self.home.exchange("acme")

    def restore(self) -> None:
        """Nothing has to be made whole."""

    def expire(self) -> None:
        self.home.rows("UPDATE refreshes SET expires_ms = 1, expires_uptime_ms = 1")
        self.home.rows("UPDATE leases SET closed_until_ms = 0")

    def command(self) -> Command:
        return self.home.command("token", "acme", *self.home.trusting())

    def is_intact(self, given: set[str]) -> bool:
        """Looks whether the database is whole, its audit too, and still has a token that somebody was given."""
        whole = self.home.rows("PRAGMA quick_check") == [("ok",)]
        self.home.output("audit", "--verify")
        return whole and self.home.output("token", "acme").strip() in given


class Sdk:
    """Processes of Zoho's Python SDK on one file store."""

    def __init__(self, python: str, folder: Path, simulator: Simulator, wait: bool) -> None:
        self.python = python
        self.simulator = simulator
        self.self_client = simulator.self_client()
        self.store = folder / f"{self.self_client.stem}.csv"
        self.wait = False
        filled = self.command("-")
        subprocess.run(filled.words, env=filled.environment, stdout=subprocess.DEVNULL, check=True)
        self.refresh_token = self.rows()[1][REFRESH_TOKEN]
        self.whole = self.rows()
        self.wait = wait

    def restore(self) -> None:
        """Begins with a whole store, whose token lives: what the last crowd left may be none."""
        self.write(self.whole)

    def expire(self) -> None:
        heading, row = self.whole
        self.write([heading, [*row[:EXPIRY_TIME], "1", *row[EXPIRY_TIME + 1 :]]])

    def write(self, rows: list[list[str]]) -> None:
        with self.store.open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    def command(self, refresh_token: str | None = None) -> Command:
        words = [self.python, str(Path(__file__).with_name("sdk_token.py")), str(self.self_client)]
        words += [refresh_token or self.refresh_token, self.simulator.accounts_domain, self.simulator.api_domain]
        environment = {"REQUESTS_CA_BUNDLE": str(self.simulator.ca_file), "PYTHONDONTWRITEBYTECODE": "1"}
        words += [str(self.store), *(["wait"] if self.wait else [])]
        return Command(words, ENVIRONMENT | environment)

    def is_intact(self, given: set[str]) -> bool:
        """Looks whether heading and row are there, and the SDK finds a token that somebody was given."""
        rows = self.rows()
        shape = [rows[0] if rows else [], len(rows)]
        return shape == [self.whole[0], 2] and self.find() in given

    def find(self) -> str:
        client_id, client_secret, refresh_token = self.whole[1][CLIENT_ID : REFRESH_TOKEN + 1]
        words = [self.python, str(Path(__file__).with_name("sdk_find.py")), client_id, client_secret, refresh_token]
        environment = ENVIRONMENT | {"PYTHONDONTWRITEBYTECODE": "1"}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        return subprocess.run([*words, str(self.store)], env=environment, check=False, **streams).stdout.strip()

    def rows(self) -> list[list[str]]:
        with self.store.open(newline="") as file:
            return list(csv.reader(file))


# Columns of the SDK's file store.
CLIENT_ID, REFRESH_TOKEN, EXPIRY_TIME = 2, 4, 7
