//! The signals that are meant for the program when they reach this process.

use std::{fs::File, future::poll_fn, io, task::Poll};

use rustix::{
    process::{Signal, getpgrp},
    termios::tcgetpgrp,
};
use tokio::signal::unix::{self, SignalKind, signal};

use crate::cli::{error::CliError, exit_code::Kind};

/// What is passed on. Stopping and going on is left to the system.
const PASSED_ON: [Signal; 7] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// The signals that this process takes over from the system.
pub(super) struct Signals {
    taken: Vec<(Signal, unix::Signal)>,
    /// Without a handler of ours the system might reap the program before us, if whoever started us
    /// ignores SIGCHLD: its exit code would be lost.
    _child: unix::Signal,
}

impl Signals {
    /// Takes them over, but for those that whoever started us chose to ignore, as `nohup` does: what is
    /// ignored stays so in the program too, and what has a handler does not.
    pub(super) fn listen() -> Result<Self, CliError> {
        let failed = |error: io::Error| {
            CliError::new(Kind::Internal, "signals", "cannot listen for signals")
                .cause(error)
                .next("the program was not started; please report this")
        };
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = ignored(&status);
        let mut taken = Vec::new();
        for one in PASSED_ON {
            if ignored & mask(one) == 0 {
                let kind = SignalKind::from_raw(one.as_raw());
                taken.push((one, signal(kind).map_err(failed)?));
            }
        }
        Ok(Self {
            taken,
            _child: signal(SignalKind::child()).map_err(failed)?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            for (name, signal) in &mut self.taken {
                if let Poll::Ready(Some(())) = signal.poll_recv(context) {
                    return Poll::Ready(*name);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Tells whether the terminal has given this signal to the program as well: what is typed goes to every
/// process of the foreground group, and passed on it would be two.
pub(super) fn reaches_the_program_by_itself(signal: Signal) -> bool {
    [Signal::INT, Signal::QUIT, Signal::WINCH].contains(&signal) && is_in_the_foreground()
}

fn is_in_the_foreground() -> bool {
    // Standard input may be something else than the terminal.
    let terminal = File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

/// Reads from `/proc/self/status` which signals are ignored, a bit for each
/// ([proc_pid_status(5)](https://man7.org/linux/man-pages/man5/proc_pid_status.5.html)); none where there
/// is no such file.
fn ignored(status: &str) -> u64 {
    let mut lines = status.lines();
    let digits = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    digits.map_or(0, |digits| {
        u64::from_str_radix(digits.trim(), 16).unwrap_or(0)
    })
}

fn mask(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_under_nohup_ignores_hangups() {
        let status = "Name:\tevergrant\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        let ignored = ignored(status);
        assert_ne!(ignored & mask(Signal::HUP), 0);
        assert_ne!(ignored & mask(Signal::PIPE), 0);
        assert_eq!(ignored & mask(Signal::TERM), 0);
        assert_eq!(super::ignored("no such line"), 0);
    }
}
