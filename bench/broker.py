"""Makes a vault with some connections whose tokens live, and has a broker give them. Run by bench/broker."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from home import Home
from simulator import Simulator

# One for each thread.
NAMES = ["acme", "bolt", "cask", "dune"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/broker")
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--speed", type=Path, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evergrant-bench-") as folder:
        with Simulator(arguments.evergrant, Path(folder)) as simulator:
            home = Home(arguments.evergrant, Path(folder) / "home", simulator)
            for name in NAMES:
                home.exchange(name)
            # The simulator goes: a broker that asked it would fail.
        subprocess.run([arguments.speed, home.folder, *NAMES], check=True)


if __name__ == "__main__":
    main()
