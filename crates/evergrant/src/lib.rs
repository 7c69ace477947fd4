#![doc = include_str!("../README.md")]
#![warn(clippy::missing_errors_doc)]

pub mod app;
pub mod audit;
pub mod broker;
pub mod caller;
pub mod clock;
pub mod connection;
pub mod exchange;
mod id;
pub mod import;
pub mod revoke;
pub mod vault;

pub use broker::Broker;
