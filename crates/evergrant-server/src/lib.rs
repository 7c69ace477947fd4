#![doc = include_str!("../README.md")]

mod accounts;
mod ahead;
mod body;
mod callers;
mod chores;
mod config;
mod connection;
mod denials;
mod failures;
mod gate;
mod hand_outs;
mod host;
mod keeper;
mod listen;
mod metrics;
mod problem;
mod proxy;
mod request_log;
mod routes;
mod server;
mod state;
mod tls;
mod workers;

pub use self::{
    config::{Config, InvalidPublicUrl, Patience, PublicUrl, TlsFiles},
    listen::ListenError,
    problem::{Code, ERROR_HEADER},
    proxy::{QueueLimits, Settings as ProxySettings},
    server::{Server, StartError},
    tls::TlsError,
};
