//! What is said when something cannot be had: the same words at the terminal and over HTTP.

mod broker;
mod caller;
mod vault;
mod warning;

pub(crate) use self::caller::lacking;
pub use self::{
    broker::{
        causes_of_death, min_valid_too_long, no_connection, no_token, not_believed, unavailable,
    },
    caller::missing_scopes,
    vault::{other, vault},
    warning::{Warning, warning},
};
