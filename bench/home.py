"""A vault with connections that were just exchanged, and the commands that use it."""

import sqlite3
import subprocess
from pathlib import Path

from programs import ENVIRONMENT, Command
from simulator import Simulator


class Home:
    """A home of its own; its connections are Zoho's at the simulator."""

    def __init__(self, evergrant: Path, folder: Path, simulator: Simulator, config: str = "") -> None:
        self.evergrant = evergrant
        self.folder = folder
        self.simulator = simulator
        folder.mkdir(mode=0o700)
        (folder / "config.toml").write_text(config)

    @property
    def database(self) -> Path:
        return self.folder / "vault.db"

    def exchange(self, name: str) -> None:
        """Makes a connection; its first access token comes with it and lives an hour."""
        words = ["exchange", name, "--quiet", "--self-client", str(self.simulator.self_client())]
        words += ["--accounts-domain", self.simulator.accounts_domain]
        self.output(*words, *self.trusting())

    def command(self, *words: str) -> Command:
        return Command([str(self.evergrant), *words], ENVIRONMENT | {"EVERGRANT_HOME": str(self.folder)})

    def trusting(self) -> list[str]:
        """Returns the arguments by which a command trusts the simulator's authority, if it is to send something."""
        return ["--ca-file", str(self.simulator.ca_file)]

    def output(self, *words: str) -> str:
        """Runs a command and returns what it printed."""
        command = self.command(*words)
        return subprocess.run(command.words, env=command.environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    def rows(self, sql: str, *values) -> list:
        """Runs one statement on the vault, past the program."""
        connection = sqlite3.connect(self.database, timeout=30)
        with connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows
