//! The runtime, and how a person stops it.

use std::{future::Future, io};

use crate::cli::{error::CliError, exit_code::Kind};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs a command's future to its end on this thread.
pub(crate) fn run<T>(future: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime
        .map_err(|error| CliError::new(Kind::Internal, "runtime", "cannot start").cause(error))?;
    let ended = runtime.block_on(future);
    // Nothing is left to do for the threads that worked for it, and nobody waits until they have ended.
    runtime.shutdown_background();
    ended
}

/// Asks a person something in a thread of its own, since whoever once listened for signals has taken
/// them over from the system for good: Ctrl-C would do nothing while this thread waits for an answer.
pub(crate) async fn ask_meanwhile(
    question: impl FnOnce() -> bool + Send + 'static,
) -> Result<bool, StopSignal> {
    let Ok(mut signals) = StopSignals::listen() else {
        return Ok(false);
    };
    let answer = tokio::task::spawn_blocking(question);
    tokio::select! {
        answer = answer => Ok(answer.unwrap_or(false)),
        signal = signals.next() => Err(signal),
    }
}

/// The two ways to ask a program to stop.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

/// What asked it to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// SIGINT, by Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl StopSignal {
    /// Returns the exit code that a shell gives to a program which the signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl StopSignals {
    /// Takes the signals over from the system, which would end the program at once.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            interrupt,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}
