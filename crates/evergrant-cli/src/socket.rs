//! The Unix socket of a running server, which gives tokens without the vault's being opened.

mod ask;
mod find;
mod http;

pub(crate) use self::{
    ask::{Given, Wish, look, may_ask, report, token},
    find::{Found, connect, places},
};
