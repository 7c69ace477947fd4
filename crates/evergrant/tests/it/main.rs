//! The library as a whole: a real vault, a simulator of Zoho behind real sockets, and a clock in hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod broker;
mod broker_failures;
mod broker_limits;
mod broker_meanwhile;
mod callers;
mod example;
mod world;
