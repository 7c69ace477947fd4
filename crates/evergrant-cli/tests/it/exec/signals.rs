//! Signals to a program that runs beside us.

use std::io::{BufRead, BufReader, Read};

use super::{WAYS, by, connected, kill, start};
use crate::world::Outcome;

/// What is passed on (a program that waits for one in vain ends all the same), the one that ends the test's program last.
const PASSED_ON: [&str; 7] = ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "TERM"];

/// Counts each signal at the moment at which it comes, so that two of one are two.
const COUNTS_INTERRUPTS: &str = "
import os, signal, time
heard, tell = os.pipe()
os.set_blocking(tell, False)
signal.signal(signal.SIGINT, lambda *_: None)
signal.set_wakeup_fd(tell)
print('ready', flush=True)
os.read(heard, 1)
time.sleep(0.5)
os.set_blocking(heard, False)
try:
    more = len(os.read(heard, 99))
except BlockingIOError:
    more = 0
print('heard', 1 + more, flush=True)
";

#[test]
fn each_reaches_the_program_once() {
    let flow = connected(3600);
    let script = "for s in HUP INT QUIT USR1 USR2 WINCH; do trap \"echo $s\" $s; done; trap 'echo TERM; exit 9' TERM; \
                  echo ready; for i in $(seq 400); do sleep 0.02; done";
    let mut child = start(&mut flow.exec("--token-file token", script));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    for signal in PASSED_ON {
        kill(&child, signal);
        assert_eq!(lines.next().unwrap().unwrap(), signal);
    }
    assert!(lines.next().is_none(), "each once");
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert!(!flow.has_token_file());
}

#[test]
fn what_is_typed_at_a_terminal_reaches_it_once() {
    let flow = connected(3600);
    for way in WAYS {
        let program = flow.exec_of(way, &["python3", "-c", COUNTS_INTERRUPTS]);
        let person = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py");
        let mut person = by(&["python3", person, "ready=\u{3}", "--"], &program);
        let outcome = Outcome::of(&mut person);
        assert!(outcome.stdout.contains("heard 1"), "{way}: {outcome:?}");
        assert_eq!(outcome.exit_code, 0, "{way}: {outcome:?}");
    }
    assert!(!flow.has_token_file());
}

#[test]
fn when_we_are_to_end_the_program_ends_first_and_the_file_is_there_until_then() {
    let flow = connected(3600);
    let script = "trap 'sleep 0.3; test -s \"$ZOHO_ACCESS_TOKEN_FILE\" && echo there; exit 3' TERM; \
                  echo ready; for i in $(seq 400); do sleep 0.02; done";
    for (script, said, code) in [
        (script, "there\n", 3),
        ("echo ready; exec sleep 60", "", 143),
    ] {
        let mut child = start(&mut flow.exec("--token-file token", script));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(flow.has_token_file());
        kill(&child, "TERM");
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!((&*rest, child.wait().unwrap().code()), (said, Some(code)));
        assert!(!flow.has_token_file());
    }
}

#[test]
fn whoever_ignores_the_ends_of_programs_still_gets_the_exit_code() {
    let flow = connected(3600);
    let command = flow.exec("--token-file token", "exit 7");
    let ignores = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])";
    let outcome = Outcome::of(&mut by(&["python3", "-c", ignores], &command));
    assert_eq!(outcome.exit_code, 7, "{outcome:?}");
}
