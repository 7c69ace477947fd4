//! The `evergrant` program.

use std::process::ExitCode;

use evergrant_cli::{Environment, Streams};

fn main() -> ExitCode {
    evergrant_cli::forbid_core_dumps();
    evergrant_cli::run(
        std::env::args_os(),
        &Environment::of_process(),
        Streams::of_process(),
    )
}
