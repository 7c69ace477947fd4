"""Measures the window in which a reply that has arrived can still be lost, over many exchanges under strace."""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from programs import Evergrant
from simulator import Simulator

# "PID TIME call(...) = RETURNED <DURATION>", once finished and resumed lines are one.
CALL = re.compile(r"^\d+ +(?P<time>[\d.]+) (?P<call>.*) = (?P<returned>\d+) <(?P<duration>[\d.]+)>$")
UNFINISHED = re.compile(r"^(?P<thread>\d+) +(?P<begun>.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(?P<thread>\d+) +[\d.]+ <\.\.\. \w+ resumed>(?P<rest>.*)$")


def trace(program) -> list[str]:
    """Runs one exchange; only the calls that are looked for are stopped at."""
    command = program.command()
    with tempfile.NamedTemporaryFile("r") as file:
        words = ["strace", "--follow-forks", "--seccomp-bpf", "-y", "-ttt", "-T", "--string-limit=0"]
        words += ["--trace=recvfrom,fdatasync", "--output", file.name, *command.words]
        silent = subprocess.DEVNULL
        subprocess.run(words, env=command.environment, stdout=silent, stderr=silent, check=True)
        return file.read().splitlines()


def window(lines: list[str]) -> float:
    """Returns the time between the two returns, in microseconds."""
    begun, last_read = {}, None
    for line in lines:
        if unfinished := UNFINISHED.match(line):
            begun[unfinished["thread"]] = line.removesuffix(" <unfinished ...>")
            continue
        if resumed := RESUMED.match(line):
            line = begun.pop(resumed["thread"]) + resumed["rest"]
        if not (found := CALL.match(line)):
            continue
        returned_at = float(found["time"]) + float(found["duration"])
        if found["call"].startswith("recvfrom") and int(found["returned"]) > 0:
            last_read = returned_at
        elif found["call"].startswith("fdatasync") and "/escrow/" in found["call"]:
            return (returned_at - last_read) * 1e6
    raise SystemExit("no reply was synced:\n" + "\n".join(lines))


def percentile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--evergrant", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    evergrant = arguments.evergrant.resolve()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, Simulator(evergrant, Path(folder)) as simulator:
        program = Evergrant(evergrant, Path(folder), simulator)
        program.warm_up()
        windows = sorted(window(trace(program)) for _ in range(arguments.rounds))
    print(
        f"{len(windows)} exchanges over TLS, from the reply's last byte read to the escrow file synced: "
        f"p50 {percentile(windows, 0.5):.0f} µs, p99 {percentile(windows, 0.99):.0f} µs, longest {windows[-1]:.0f} µs"
    )
    print("strace's own stops are in these times: without it they are shorter.")


if __name__ == "__main__":
    main()
