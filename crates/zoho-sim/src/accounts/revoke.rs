//! The two ways to revoke a token.

use http::{Method, StatusCode};
use serde_json::json;

use super::refusal::Refusal;
use super::{Asked, client};
use crate::hash::sha256_hex;
use crate::manners::{RevokeDeadToken, RevokeSuccess};
use crate::reply::{self, Reply};
use crate::requests::{Entry, TokenHashes};
use crate::state::State;

/// Whoever has the token may revoke it here.
pub(crate) const OLD: &str = "/oauth/v2/token/revoke";

/// An app revokes its own tokens here.
pub(crate) const NEW: &str = "/oauth/v2/revoke/token";

/// Which of a token's two kinds is to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Refresh,
    Access,
}

/// `POST /oauth/v2/token/revoke`: whoever has the token may revoke it.
/// Source: <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html>
pub(crate) fn answer_old(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    if asked.request.method() != Method::POST {
        return Refusal::BadRequest.answer(state, entry);
    }
    let token = asked.parameters.find("token").unwrap_or_default();
    let found = find(state, asked, token);
    note(entry, found, token);
    finish(state, entry, found, token)
}

/// `POST /oauth/v2/revoke/token`: the client says who it is by HTTP Basic, and may revoke its own tokens.
/// Source: <https://www.zoho.com/developer/oauth/revoke-oauth-token.html>
pub(crate) fn answer_new(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    if asked.request.method() != Method::POST {
        return Refusal::BadRequest.answer(state, entry);
    }
    entry.client_id = asked.parameters.client_id().map(str::to_owned);
    let client = match client::authenticate_basic(state, asked) {
        Ok(client) => client,
        Err(refusal) => return refusal.answer(state, entry),
    };
    let token = asked.parameters.find("token").unwrap_or_default();
    let wanted = match asked.parameters.find("token_type") {
        Some("access_token") => Kind::Access,
        _ => Kind::Refresh,
    };
    let found = find(state, asked, token)
        .filter(|kind| *kind == wanted && owner(state, *kind, token) == Some(client.id.as_str()));
    note(entry, Some(wanted), token);
    let reply = finish(state, entry, found, token);
    if reply.status() == StatusCode::OK && state.manners.revoke_success == RevokeSuccess::Empty {
        return reply::empty(StatusCode::OK);
    }
    reply
}

/// Returns the kind of a token that this data center knows.
fn find(state: &State, asked: &Asked<'_>, token: &str) -> Option<Kind> {
    let here = asked.door.data_center;
    if state
        .refresh_tokens
        .get(token)
        .is_some_and(|refresh| refresh.data_center == here)
    {
        return Some(Kind::Refresh);
    }
    let access = state
        .find_live_access_token(token)
        .filter(|access| access.data_center == here);
    access.map(|_| Kind::Access)
}

fn owner<'a>(state: &'a State, kind: Kind, token: &str) -> Option<&'a str> {
    match kind {
        Kind::Refresh => state
            .refresh_tokens
            .get(token)
            .map(|refresh| refresh.client_id.as_str()),
        Kind::Access => state
            .access_tokens
            .get(token)
            .map(|access| access.client_id.as_str()),
    }
}

fn note(entry: &mut Entry, kind: Option<Kind>, token: &str) {
    let hash = Some(sha256_hex(token));
    entry.tokens = match kind {
        Some(Kind::Access) => TokenHashes {
            access_token: hash,
            ..TokenHashes::default()
        },
        Some(Kind::Refresh) | None => TokenHashes {
            refresh_token: hash,
            ..TokenHashes::default()
        },
    };
}

fn finish(state: &mut State, entry: &mut Entry, found: Option<Kind>, token: &str) -> Reply {
    let revoked = match found {
        Some(Kind::Refresh) => state.revoke_refresh_token(token),
        Some(Kind::Access) => state.revoke_access_token(token),
        None => false,
    };
    if revoked {
        state.stats.revoked += 1;
    } else if state.manners.revoke_dead_token == RevokeDeadToken::BadRequest {
        state.stats.count_refusal("invalid_token");
        entry.error = Some("invalid_token".to_owned());
        return reply::json(StatusCode::BAD_REQUEST, &json!({"error": "invalid_token"}));
    }
    reply::json(StatusCode::OK, &json!({"status": "success"}))
}
