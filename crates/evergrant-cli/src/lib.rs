//! The command line of Evergrant, as a function: arguments, environment and streams come in as values,
//! an exit code goes out. Nothing in here reads or changes the process's own environment, so that `run`
//! can be called as often as one likes, with several worlds side by side.

mod cli;
mod config;
mod core_dumps;
mod duration;
mod environment;
mod http;
mod inputs;
mod lifecycle;
mod open_files;
mod paths;
mod short_way;
mod socket;
mod supervisor;
mod telemetry;

pub use cli::{output::Streams, run};
pub use core_dumps::forbid_core_dumps;
pub use environment::Environment;
pub use short_way::short_way;
