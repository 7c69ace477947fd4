"""Plays a person at a terminal: person.py QUESTION=ANSWER ... -- PROGRAM ARGUMENT ...

Starts the program on a pseudo terminal of its own, answers each question when it is asked, and prints all that the
person saw. A question that begins with "!" is answered once the terminal has stopped showing what is typed. The
answer that ends with ^C or ^D is sent without a line break. At the end, standard error says what was left behind.
"""
import os
import pty
import signal
import sys
import termios

# A question that is never asked ends the test instead of holding it up.
signal.alarm(60)

split = sys.argv.index("--")
questions, program = sys.argv[1:split], sys.argv[split + 1 :]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)

screen = b""


def see():
    """Reads what the program shows next; false when it has ended."""
    global screen
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        piece = b""
    screen += piece
    return piece != b""


def shows_typing():
    return termios.tcgetattr(terminal)[3] & termios.ECHO


seen = 0
for line in questions:
    question, answer = line.split("=", 1)
    hidden, question = question.startswith("!"), question.lstrip("!").encode()
    while question not in screen[seen:] and see():
        pass
    seen = screen.find(question, seen) + len(question)
    while hidden and shows_typing():
        os.sched_yield()
    os.write(terminal, answer.encode() + (b"" if answer.endswith(("\x03", "\x04")) else b"\n"))
while see():
    pass
sys.stdout.buffer.write(screen)
exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(f"exit code {exit_code}, typing is {'shown' if shows_typing() else 'hidden'}", file=sys.stderr)
sys.exit(exit_code)
