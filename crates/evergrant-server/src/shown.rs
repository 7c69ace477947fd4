//! What is shown of things, as JSON: the same objects by the command line's `--json` and over HTTP.

mod audit;
mod caller;
mod connection;
mod credentials;
mod token;

pub use self::{
    audit::AuditRow,
    caller::{Caller, CallerConnection, CallerExchange},
    connection::{AccessToken, Connection, Refreshes},
    credentials::{Credentials, HandleRow},
    token::{SCHEME, Token},
};
