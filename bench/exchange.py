"""Measures one exchange by several programs in turns against one simulator. Run by bench/exchange."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import programs
from link import Link
from measure import Sample, in_turns, peak_memory, table
from simulator import Simulator
from syncs import timeline

LINK_SECONDS = 0.02
SYSTEM_ROOTS = Path("/etc/ssl/certs/ca-certificates.crt")


def main() -> None:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        with Simulator(arguments.evergrant, Path(folder)) as simulator:
            for place, home in places(arguments.only, Path(folder)):
                for roots, ca_file in trusted(simulator, Path(folder)):
                    compare(arguments, simulator, place, home, roots, ca_file)
            syncs(arguments, simulator, Path(folder))


def compare(arguments, simulator, place: str, home: Path, roots: str, ca_file: Path) -> None:
    entrants = {
        "curl": programs.Curl(home, simulator, ca_file),
        "evergrant": programs.Evergrant(arguments.evergrant, home, simulator, ca_file),
    }
    if not arguments.without_sdk:
        entrants["Python SDK"] = programs.Sdk(arguments.sdk_python, home, simulator, ca_file)
    for program in entrants.values():
        program.warm_up()
    samples: dict[str, list[Sample]] = in_turns(entrants, arguments.rounds)
    memory = {name: peak_memory(program) for name, program in entrants.items()}
    print(f"\n## Home on {place}, {roots}, {arguments.rounds} rounds\n")
    print(table(samples, memory, base="curl"), flush=True)


def syncs(arguments, simulator: Simulator, folder: Path) -> None:
    """Counts the syncs at hand and over a link as long as that to Zoho, where a handshake takes its time."""
    print("\n## Syncs of one exchange on an existing vault\n")
    ours = programs.Evergrant(arguments.evergrant, folder, simulator)
    ours.warm_up()
    print("- beside the server: " + timeline(ours))
    ours.accounts_domain = Link(simulator.accounts_domain, LINK_SECONDS).url
    print(f"- {LINK_SECONDS * 1000:.0f} ms away from it: " + timeline(ours))


def places(only: str | None, folder: Path):
    """Yields the folders to keep homes in: one on disk and one in memory, so that the two are told apart."""
    if only in (None, "disk"):
        yield "disk", folder
    if only in (None, "tmpfs"):
        with tempfile.TemporaryDirectory(prefix="evergrant-bench-", dir="/dev/shm") as memory:
            yield "tmpfs", Path(memory)


def trusted(simulator: Simulator, folder: Path):
    """Yields the files of trusted certificates: the simulator's alone, and with all of the system's."""
    yield "one CA given", simulator.ca_file
    bundle = folder / "bundle.pem"
    shutil.copyfile(SYSTEM_ROOTS, bundle)
    with bundle.open("a") as file:
        file.write(simulator.ca_file.read_text())
    yield "system roots", bundle


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/exchange")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--sdk-python", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--without-sdk", action="store_true")
    parser.add_argument("--only", choices=["disk", "tmpfs"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
