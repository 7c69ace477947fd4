#![doc = include_str!("../README.md")]

mod accounts;
mod activity;
mod admin_key;
mod ahead;
mod alerts;
mod api;
mod asking;
mod body;
mod callers;
mod chores;
mod config;
mod connection;
mod denials;
pub mod explain;
mod exposition;
mod failures;
mod gate;
mod hand_outs;
mod health;
mod host;
mod keeper;
mod listen;
mod local;
mod metrics;
mod overview;
mod place;
mod problem;
mod proxy;
mod reload;
mod request_log;
mod routes;
mod server;
mod shares;
pub mod shown;
mod silence;
mod state;
pub mod time;
mod tls;
mod tokens;
mod workers;

pub use self::{
    admin_key::AdminKey,
    alerts::{AlertCommand, Alerts, InvalidWebhook, Webhook},
    api::WARNING_HEADER,
    config::{Config, InvalidPublicUrl, Patience, PublicUrl, TlsFiles, USUAL_ADDRESS},
    listen::ListenError,
    local::LocalUser,
    problem::{Code, ERROR_HEADER, Problem, Told, links},
    proxy::{QueueLimits, Settings as ProxySettings},
    reload::Reloader,
    server::{Server, StartError},
    tls::TlsError,
};
