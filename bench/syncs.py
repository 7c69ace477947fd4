"""Counts the syncs of one exchange and says where they stand: before the request, beside the handshake, after."""

import re
import subprocess
import tempfile

CALLS = "fsync,fdatasync,sync_file_range,connect,sendto,sendmsg,write,writev,pwrite64"

SYNC = re.compile(r"\b(?:fsync|fdatasync|sync_file_range)\(")
CONNECT = re.compile(r"\bconnect\((\d+), \{sa_family=AF_INET")
# The two bytes in the escrow file that say that a request is about to leave.
SENDING = re.compile(r'\bpwrite64\(\d+, "s\\', re.ASCII)


def timeline(program) -> str:
    """Traces one exchange."""
    command = program.command()
    with tempfile.NamedTemporaryFile("r") as trace:
        words = ["strace", "--follow-forks", "-ttt", f"--trace={CALLS}", "--output", trace.name]
        silent = subprocess.DEVNULL
        subprocess.run(words + command.words, env=command.environment, stdout=silent, stderr=silent, check=True)
        return describe(trace.read().splitlines())


def describe(lines: list[str]) -> str:
    connect = next(index for index, line in enumerate(lines) if CONNECT.search(line))
    socket = CONNECT.search(lines[connect])[1]
    spoken = re.compile(rf"\b(?:sendto|sendmsg|write|writev)\({socket},")
    writes = [index for index, line in enumerate(lines) if index > connect and spoken.search(line)]
    sending = next(index for index, line in enumerate(lines) if SENDING.search(line))
    # The first write to the socket is the client's hello, the second ends its part of the handshake.
    shaken = writes[1]
    syncs = [index for index, line in enumerate(lines) if SYNC.search(line)]
    before = [index for index in syncs if index < sending]
    beside = [index for index in before if connect < index < shaken]
    return (
        f"{len(syncs)} syncs: {len(before)} before the request, of which {len(beside)} "
        f"between connecting and the handshake's end; {len(syncs) - len(before)} after the reply"
    )
