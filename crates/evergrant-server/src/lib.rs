#![doc = include_str!("../README.md")]

mod accounts;
mod body;
mod callers;
mod config;
mod connection;
mod failures;
mod host;
mod keeper;
mod listen;
mod metrics;
mod problem;
#[allow(
    dead_code,
    unused_imports,
    reason = "the dispatch that calls it comes later"
)]
mod proxy;
mod routes;
mod server;
mod state;
mod tls;
mod workers;

pub use self::{
    config::{Config, InvalidPublicUrl, Patience, PublicUrl, TlsFiles},
    listen::ListenError,
    problem::{Code, ERROR_HEADER},
    server::{Server, StartError},
    tls::TlsError,
};
