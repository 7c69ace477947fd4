"""Runs commands and says what they cost."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass
class Sample:
    """What one run cost, in milliseconds."""

    wall: float
    cpu: float


def run(command) -> Sample:
    """Runs a command to its end; one that fails ends the benchmark."""
    silent = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)]
    begin = time.perf_counter()
    process = os.posix_spawnp(command.words[0], command.words, command.environment, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - begin
    if status or not command.succeeded():
        sys.exit(f"failed with status {status}: {' '.join(command.words)}")
    return Sample(wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


def in_turns(programs: dict, rounds: int) -> dict[str, list[Sample]]:
    """Runs the programs in turns, so that what else the machine does hits all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in programs}
    names = list(programs)
    for _ in range(rounds):
        for name in names:
            samples[name].append(run(programs[name].command()))
        names.append(names.pop(0))
    return samples


def peak_memory(program, times: int = 3) -> float:
    """Measures the peak memory in MiB, by a small starter: a process inherits the peak of the one that starts it."""
    peaks = []
    for _ in range(times):
        command = program.command()
        with tempfile.NamedTemporaryFile("r") as report:
            words = ["/usr/bin/time", "--format", "%M", "--output", report.name, *command.words]
            silent = subprocess.DEVNULL
            subprocess.run(words, env=command.environment, stdout=silent, stderr=silent, check=True)
            peaks.append(int(report.read()) / 1024)
    return median(peaks)


def table(samples: dict[str, list[Sample]], memory: dict[str, float], base: str) -> str:
    """Writes the figures as a table; the ratios are those of the medians to the base's."""
    lines = ["| | wall p50 | p90 | ratio | CPU p50 | p90 | ratio | memory |", "|---|---|---|---|---|---|---|---|"]
    for name, runs in samples.items():
        cells = [name]
        for cost in (lambda sample: sample.wall, lambda sample: sample.cpu):
            cells += costs(runs, samples[base], cost)
        cells.append(f"{memory[name]:.1f} MiB")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def costs(runs: list[Sample], base: list[Sample], cost: Callable[[Sample], float]) -> list[str]:
    values = [cost(sample) for sample in runs]
    p50, p90 = median(values), quantiles(values, n=10)[-1]
    ratio = p50 / median(map(cost, base))
    return [f"{p50:.1f} ms", f"{p90:.1f} ms", f"**{ratio:.2f}**"]
