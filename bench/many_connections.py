"""Measures commands on a vault with one connection and on one with very many. Run by bench/many-connections."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from home import Home
from measure import in_turns, peak_memory, run
from programs import Command
from simulator import Simulator

COMMANDS = {
    "token": ["token", "acme"],
    "connections list": ["connections", "list"],
    "connections list --json": ["connections", "list", "--json"],
    "status": ["status"],
    "status acme": ["status", "acme"],
}

# Rows like the one real connection's, with another id, name and credential; nobody opens what is sealed in them.
NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
COPY_CONNECTIONS = f"""{NUMBERS}
INSERT INTO connections (id, name, app_id, grant_type, soid, refresh_token_sealed, credential, scopes, api_domain,
    environment, state, state_reason, state_since, generation, created_at)
SELECT printf('%s-%06d', c.id, n), printf('customer-%06d', n), c.app_id, c.grant_type, c.soid, c.refresh_token_sealed,
    CAST(printf('%032d', n) AS BLOB), c.scopes, c.api_domain, c.environment, c.state, c.state_reason, c.state_since,
    c.generation, c.created_at
FROM connections c, numbers"""
COPY_TOKENS = f"""{NUMBERS}
INSERT INTO refreshes (credential, epoch, started_ms, ended_ms, outcome, sealed_token, fingerprint, expires_ms,
    handed_out_ms, boot, expires_uptime_ms)
SELECT CAST(printf('%032d', n) AS BLOB), r.epoch, r.started_ms, r.ended_ms, r.outcome, r.sealed_token,
    CAST(printf('%032d', n) AS BLOB), r.expires_ms, r.handed_out_ms, r.boot, r.expires_uptime_ms
FROM refreshes r, numbers"""


@dataclass
class Program:
    """One command in one home."""

    home: Home
    words: list[str]

    def command(self) -> Command:
        return self.home.command(*self.words)


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        with Simulator(arguments.evergrant, Path(folder)) as simulator:
            one, many = (Home(arguments.evergrant, Path(folder) / name, simulator) for name in ("one", "many"))
            for home in (one, many):
                home.exchange("acme")
        fill(many, arguments.connections - 1)
        print(f"\n{arguments.connections} connections beside 1, {arguments.rounds} rounds in turns\n")
        print("| | wall p50 with 1 | p90 | with many | p90 | ratio | memory with 1 | with many |")
        print("|---|---|---|---|---|---|---|---|")
        for name, words in COMMANDS.items():
            print(compare(name, Program(one, words), Program(many, words), arguments.rounds), flush=True)


def fill(home: Home, copies: int) -> None:
    home.rows(COPY_CONNECTIONS, copies)
    home.rows(COPY_TOKENS, copies)
    listed = home.output("connections", "list", "--json").count('"name":')
    if listed != copies + 1:
        raise SystemExit(f"{listed} connections are listed, not {copies + 1}")


def compare(name: str, one: Program, many: Program, rounds: int) -> str:
    programs = {"one": one, "many": many}
    for program in programs.values():
        run(program.command())
    samples = {key: [sample.wall for sample in runs] for key, runs in in_turns(programs, rounds).items()}
    memory = {key: peak_memory(program) for key, program in programs.items()}
    cells = [f"`{name}`"]
    for walls in samples.values():
        cells += [f"{median(walls):.1f} ms", f"{quantiles(walls, n=10)[-1]:.1f} ms"]
    cells.append(f"**{median(samples['many']) / median(samples['one']):.2f}**")
    cells += [f"{memory[key]:.1f} MiB" for key in programs]
    return "| " + " | ".join(cells) + " |"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/many-connections")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--connections", type=int, default=10_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
