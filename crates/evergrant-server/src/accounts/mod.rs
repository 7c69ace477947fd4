//! Zoho's accounts server, towards callers: the paths are Zoho's, and so are the words.

mod answer;
mod parameters;
mod revoke;
mod serverinfo;
mod token;

pub(crate) use self::{answer::Refusal, revoke::revoke, serverinfo::serverinfo, token::token};
