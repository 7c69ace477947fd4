//! Zoho's accounts server, towards callers: the paths are Zoho's, and so are the words.

mod answer;
mod exchange;
mod parameters;
mod revoke;
mod serverinfo;
mod token;

pub(crate) use self::{
    answer::Refusal, exchange::Exchanges, revoke::revoke, serverinfo::serverinfo, token::token,
};
