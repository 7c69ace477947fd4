//! The program as a whole: the real binary in a world of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "counts and seeds are for the tester")]

mod checks;
mod connections;
mod demo;
mod doctor;
mod documents;
mod failures;
mod flow;
mod golden;
mod handing_over;
mod inputs;
mod keeping;
mod listener;
mod outcomes;
mod proxies;
mod readme;
mod refusals;
mod retries;
mod scopes;
mod server_based;
mod signals;
mod simulate;
mod simulator;
mod streams;
mod vault_checks;
mod world;
mod worlds;
