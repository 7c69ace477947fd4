//! The server through real sockets, in front of a real vault and the simulator.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod accounts;
mod ahead;
mod api;
mod chores;
mod crowd;
mod described;
mod estate;
mod exchange;
mod health;
mod hostile;
mod local;
mod metrics;
mod proxy;
// A world with a vault, a connection and a simulator, which the library's own tests made.
#[path = "../../../evergrant/tests/it/world.rs"]
#[allow(dead_code, reason = "the library's tests use all of it")]
mod world;
