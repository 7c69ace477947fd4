//! Starting the program, in our place or beside us.

use std::{
    io::{self, ErrorKind},
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
};

use tokio::process::Child;

use crate::{
    cli::{error::CliError, redact::hide_token_as_path},
    core_dumps,
};

/// The exit codes of a program that did not start, as shells give them.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Turns this process into the program; comes back only if that fails.
///
/// Signals, exit code and job control are then the system's own. [`CommandExt::exec`] sets SIGPIPE, which
/// Rust's runtime ignores, back to the default, and handlers end with the old program.
pub(super) fn in_our_place(mut command: Command) -> CliError {
    let error = core_dumps::allowing_a_program(|| command.exec());
    not_started(&command, &error)
}

/// Starts the program beside this process.
pub(super) fn beside_us(command: Command) -> Result<Child, CliError> {
    let mut command = tokio::process::Command::from(command);
    let started = core_dumps::allowing_a_program(|| command.spawn());
    started.map_err(|error| not_started(command.as_std(), &error))
}

fn not_started(command: &Command, error: &io::Error) -> CliError {
    let program = hide_token_as_path(Path::new(command.get_program()));
    if error.kind() == ErrorKind::NotFound {
        CliError::config(
            "program_not_found",
            format!("there is no program {program}"),
        )
        .cause(error)
        .next("see how it is written and, if it is a script, that the program in its first line is there")
        .next("without a slash it is looked for in the folders of PATH")
        .exits_with(NOT_FOUND)
    } else {
        CliError::config("not_executable", format!("cannot run {program}"))
            .cause(error)
            .next(format!(
                "see that it is a program, and may be run: ls -l {program}"
            ))
            .exits_with(NOT_EXECUTABLE)
    }
}
