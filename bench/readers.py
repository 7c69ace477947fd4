"""The ways to read a secret that bench/token compares: each makes the command that prints it."""

import socket
import sqlite3
import subprocess
import time
from pathlib import Path

from home import Home
from measure import run
from openid_provider import ACCESS_TOKEN, OpenIdProvider
from programs import ENVIRONMENT, Command
from servers import Estate


class Reader:
    """One way; `token` is what it must print."""

    token: str

    def command(self) -> Command:
        raise NotImplementedError

    def warm_up(self) -> None:
        """Fills the page cache, and looks that the right thing is printed."""
        for _ in range(3):
            run(self.command())
        if self.token not in output(self.command()):
            raise SystemExit(f"prints something else: {self.command().words}")


class Cat(Reader):
    """A token that lies about in clear: the least that any program costs."""

    def __init__(self, folder: Path, token: str) -> None:
        self.token = token
        self.file = folder / "token"
        self.file.write_text(token)

    def command(self) -> Command:
        return Command(["cat", str(self.file)], ENVIRONMENT)


class Sqlite(Reader):
    """The same row of a copy of the vault, still sealed: who opens a database meets what the one before left."""

    token = "blob"

    def __init__(self, home: Home, copy: Path) -> None:
        home.rows("VACUUM INTO ?", str(copy))
        sqlite3.connect(copy).execute("PRAGMA journal_mode = WAL")
        sql = "SELECT sealed_token, typeof(sealed_token) FROM refreshes"
        sql += " WHERE credential = (SELECT credential FROM connections WHERE name = 'acme')"
        self.words = ["sqlite3", str(copy), sql]

    def command(self) -> Command:
        return Command(self.words, ENVIRONMENT)


class Evergrant(Reader):
    """Ours: reads the row and the key, and opens it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.token = home.output("token", "acme").strip()

    def command(self) -> Command:
        return self.home.command("token", "acme")


class EvergrantServer(Reader):
    """Ours beside a running server: asks it by its Unix socket."""

    def __init__(self, estate: Estate) -> None:
        self.home = estate.home
        self.token = self.home.output("token", "acme").strip()

    def command(self) -> Command:
        return self.home.command("token", "acme")


class Age(Reader):
    """A file that age sealed, and its identity file."""

    def __init__(self, folder: Path, token: str) -> None:
        self.token = token
        self.identity, self.sealed = folder / "identity", folder / "token.age"
        made = subprocess.run(["age-keygen", "-o", self.identity], stderr=subprocess.PIPE, text=True, check=True)
        recipient = made.stderr.split()[-1]
        words = ["age", "--encrypt", "--recipient", recipient, "--output", self.sealed]
        subprocess.run(words, input=token, text=True, check=True)

    def command(self) -> Command:
        return Command(["age", "--decrypt", "--identity", str(self.identity), str(self.sealed)], ENVIRONMENT)


class OidcAgent(Reader):
    """An account in a running oidc-agent, which keeps its access token in memory and is asked by a socket."""

    token = ACCESS_TOKEN

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "oidc"
        self.folder.mkdir(mode=0o700)
        self.socket = self.folder / "agent.sock"
        places = {"OIDC_SOCK": str(self.socket), "OIDC_CONFIG_DIR": str(self.folder), "HOME": str(self.folder)}
        self.environment = ENVIRONMENT | places

    def __enter__(self) -> "OidcAgent":
        self.provider = OpenIdProvider().__enter__()
        words = ["oidc-agent", "--console", "--no-autoload", "--bind_address", str(self.socket)]
        self.agent = subprocess.Popen(words, env=self.environment, stdout=subprocess.DEVNULL)
        while not self.socket.exists():
            time.sleep(0.05)
        # Loads the account too; --no-save leaves no file behind.
        words = ["oidc-gen", "acme", "--manual", "--no-save", "--prompt=none", "--confirm-default", "--pw-cmd=echo bench"]
        words += [f"--iss={self.provider.issuer}", "--client-id=bench", "--client-secret=bench"]
        words += ["--scope=openid offline_access", "--redirect-uri=http://localhost:8080"]
        words += ["--flow=refresh", "--rt=bench"]
        silent = subprocess.DEVNULL
        subprocess.run(words, env=self.environment, stdin=silent, stdout=silent, timeout=60, check=True)
        self.asked = self.provider.tokens
        return self

    def __exit__(self, *_) -> None:
        self.agent.terminate()
        self.agent.wait()
        self.provider.__exit__()
        if self.provider.tokens != self.asked:
            raise SystemExit("oidc-agent asked its provider: it did not serve what it keeps")

    def command(self) -> Command:
        return Command(["oidc-token", "acme"], self.environment)


class OpenBao(Reader):
    """A secret in a development server of OpenBao, which keeps it in memory and is asked by plain HTTP."""

    def __init__(self, bao: str, folder: Path, token: str) -> None:
        self.bao = bao
        self.token = token
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        client = {"HOME": str(folder), "BAO_ADDR": f"http://{self.address}", "BAO_TOKEN": "bench"}
        self.environment = ENVIRONMENT | client

    def __enter__(self) -> "OpenBao":
        words = [self.bao, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=bench"]
        words += [f"-dev-listen-address={self.address}"]
        silent = subprocess.DEVNULL
        self.server = subprocess.Popen(words, env=self.environment, stdout=silent, stderr=silent)
        put = [self.bao, "kv", "put", "secret/acme", f"token={self.token}"]
        while subprocess.run(put, env=self.environment, stdout=silent, stderr=silent).returncode:
            if self.server.poll() is not None:
                raise SystemExit("bao server ended")
            time.sleep(0.2)
        return self

    def __exit__(self, *_) -> None:
        self.server.terminate()
        self.server.wait()

    def command(self) -> Command:
        return Command([self.bao, "kv", "get", "-field=token", "secret/acme"], self.environment)


def output(command: Command) -> str:
    ran = subprocess.run(command.words, env=command.environment, stdout=subprocess.PIPE, check=True)
    return ran.stdout.decode(errors="replace")
