//! The program as a whole: the real binary in a world of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "counts and seeds are for the tester")]

mod apps;
mod audit;
mod callers;
mod checks;
mod clients;
mod completions;
mod connections;
mod demo;
#[cfg(target_os = "linux")]
mod disk_model;
mod doctor;
mod documents;
mod exec;
mod failures;
mod far_data_center;
mod flow;
mod from_server;
#[cfg(target_os = "linux")]
mod full_disk;
mod golden;
mod handing_over;
mod help;
mod import;
mod inputs;
mod keeping;
#[cfg(target_os = "linux")]
mod kill_at_every_call;
mod kill_at_random;
mod leaks;
mod listener;
#[cfg(target_os = "linux")]
mod many_processes;
#[cfg(target_os = "linux")]
mod order;
mod outcomes;
#[cfg(target_os = "linux")]
mod power_loss;
mod proxies;
mod readme;
mod refusals;
mod retries;
mod revoke;
#[cfg(target_os = "linux")]
mod ruined;
mod scopes;
mod sdk;
mod served;
mod server_based;
mod serving;
mod signals;
mod simulate;
mod simulator;
#[cfg(target_os = "linux")]
mod small_disk;
mod status;
mod story;
#[cfg(target_os = "linux")]
mod strace;
mod streams;
mod token;
#[cfg(target_os = "linux")]
mod tracee;
mod two_at_once;
mod unwritable;
mod vault_checks;
mod wire;
mod world;
mod worlds;
