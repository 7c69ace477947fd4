//! The `evergrant` program.

use std::{ffi::OsString, process::ExitCode};

use evergrant_cli::{Environment, Streams};

fn main() -> ExitCode {
    evergrant_cli::forbid_core_dumps();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let environment = Environment::of_process();
    evergrant_cli::short_way(&arguments, &environment)
        .unwrap_or_else(|| evergrant_cli::run(arguments, &environment, Streams::of_process()))
}
