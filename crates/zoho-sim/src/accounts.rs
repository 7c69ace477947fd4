//! The accounts server: one line per path.

mod client;
mod client_credentials;
mod exchange;
mod introspect;
mod refresh;
mod refusal;
mod revoke;
mod serverinfo;
mod token;
mod token_reply;
mod user_info;

use bytes::Bytes;
use http::{Request, StatusCode};

pub(crate) use refusal::refuse;
pub(crate) use token::note;

use crate::data_center::Door;
use crate::manners::RevokePath;
use crate::parameters::Parameters;
use crate::reply::{self, Reply};
use crate::requests::Entry;
use crate::state::State;

/// A request with what was read of it so far.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) door: Door,
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) parameters: &'a Parameters,
}

/// Answers a request to the accounts server and notes in `entry` what is worth listing.
/// Source of the paths: <https://accounts.zoho.com/.well-known/openid-configuration>
pub(crate) fn answer(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    match asked.request.uri().path() {
        "/oauth/v2/token" => token::answer(state, asked, entry),
        revoke::OLD if state.manners.revoke_path != RevokePath::New => {
            revoke::answer_old(state, asked, entry)
        }
        revoke::NEW if state.manners.revoke_path != RevokePath::Old => {
            revoke::answer_new(state, asked, entry)
        }
        "/oauth/v2/introspect" => introspect::answer(state, asked, entry),
        "/oauth/serverinfo" => serverinfo::answer(state),
        "/oauth/user/info" => user_info::answer(state, asked, entry),
        _ => reply::html(
            StatusCode::NOT_FOUND,
            "The page you are looking for is not found",
        ),
    }
}
