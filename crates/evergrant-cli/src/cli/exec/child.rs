//! What the program sees, and what its end means.

use std::{
    ffi::{OsStr, OsString},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus},
};

use evergrant::broker::Token;
use evergrant_server::shown::Token as Shown;
use rustix::process::{Pid, kill_process};
use tokio::process::Child;

use super::signals::{Signals, reaches_the_program_by_itself};
use crate::cli::{Context, error::CliError, exit_code::Kind, token::format::variables};

/// The variable that names the token's file.
const FILE: &str = "ZOHO_ACCESS_TOKEN_FILE";

/// What this command sets. Those that it does not set this time are taken out: they are another
/// connection's, of an `exec` around this one, and half of each would send a token to the wrong server.
const OURS: [&str; 4] = [
    "ZOHO_ACCESS_TOKEN",
    "ZOHO_API_DOMAIN",
    "ZOHO_ACCESS_TOKEN_EXPIRES_AT",
    FILE,
];

/// A program and its arguments.
pub(super) struct Program<'a> {
    name: &'a OsStr,
    arguments: &'a [OsString],
}

impl<'a> Program<'a> {
    /// Takes the words after `--`; whatever can be wrong with them is said before a token is got.
    pub(super) fn of(words: &'a [OsString]) -> Result<Self, CliError> {
        let Some((name, arguments)) = words.split_first() else {
            return Err(CliError::usage("missing_argument", "a program is missing")
                .next("evergrant exec --help"));
        };
        if name.is_empty() {
            let message = "the program after -- is an empty text";
            return Err(CliError::usage("missing_argument", message)
                .next("see that the variable that should name the program is set"));
        }
        Ok(Self { name, arguments })
    }
}

/// Prepares the program: this environment without our secrets, and the token.
pub(super) fn command(
    program: &Program<'_>,
    token: &Token,
    file: Option<&Path>,
    context: &Context<'_>,
) -> Result<Command, CliError> {
    let is_ours = |name: &OsStr| OURS.iter().any(|ours| name == *ours);
    let inherited = context.environment_of_children()?;
    let mut command = Command::new(program.name);
    command
        .args(program.arguments)
        .env_clear()
        .envs(inherited.iter().filter(|(name, _)| !is_ours(name)))
        .envs(variables(&Shown::from(token)))
        .envs(file.map(|file| (FILE, file)));
    Ok(command)
}

/// Waits for the program's end, passes signals on meanwhile, and returns its exit code.
pub(super) async fn wait(child: &mut Child, signals: &mut Signals) -> Result<u8, CliError> {
    loop {
        // The id is there until the end was seen, so that a signal never reaches a stranger with its number.
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        tokio::select! {
            biased;
            ended = child.wait() => {
                let failed = |error| CliError::new(Kind::Internal, "wait", "cannot wait for the program")
                    .cause(error)
                    .next("it may still run; please report this");
                return ended.map(exit_code).map_err(failed);
            }
            signal = signals.next() => if let Some(id) = id && !reaches_the_program_by_itself(signal) {
                // It may have ended this moment.
                let _ = kill_process(id, signal);
            }
        }
    }
}

/// Returns the exit code that a shell gives to a program with this end.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| Some(128 + status.signal()?))
        .unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_a_signal_is_128_and_its_number() {
        assert_eq!(exit_code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(exit_code(ExitStatus::from_raw(0)), 0);
        assert_eq!(exit_code(ExitStatus::from_raw(15)), 143);
        assert_eq!(exit_code(ExitStatus::from_raw(6 | 0x80)), 134);
    }
}
