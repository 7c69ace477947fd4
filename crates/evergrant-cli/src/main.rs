//! The `evergrant` program.

use std::process::ExitCode;

use evergrant_cli::{Environment, Streams};
use rustix::process::{Resource, Rlimit, setrlimit};

fn main() -> ExitCode {
    forbid_core_dumps();
    evergrant_cli::run(
        std::env::args_os(),
        &Environment::of_process(),
        Streams::of_process(),
    )
}

/// A core file would hold in clear every secret that was in memory.
fn forbid_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering a limit is always allowed.
    let _ = setrlimit(Resource::Core, none);
}
