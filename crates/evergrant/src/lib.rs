//! Keeps and shares Zoho's tokens: vault, escrow, exchange.
//!
//! A grant token lives for minutes and works once. [`exchange::exchange`] turns it into a connection
//! in a [`vault`], and what has reached this machine is not lost: every reply lies in escrow, synced,
//! before anybody looks at it.
//!
//! A [`Broker`] then gives access tokens to any number of processes, by as few refreshes as can be.
//!
//! Nothing here prints, prompts, reads the environment or looks for a home folder; time and
//! randomness come in as arguments.

pub mod app;
pub mod audit;
pub mod broker;
pub mod clock;
pub mod connection;
pub mod exchange;
mod id;
pub mod revoke;
pub mod vault;

pub use broker::Broker;
