//! `POST /oauth/v2/introspect`: advertised by Zoho, its answer undocumented; RFC 7662 is followed.

use http::{Method, StatusCode};
use serde::Serialize;

use super::refusal::Refusal;
use super::{Asked, client};
use crate::hash::sha256_hex;
use crate::reply::{self, Reply};
use crate::requests::{Entry, TokenHashes};
use crate::state::State;

#[derive(Default, Serialize)]
struct Body {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}

/// Answers whether a token of the asking client works.
/// Source: <https://accounts.zoho.com/.well-known/openid-configuration> and <https://www.rfc-editor.org/rfc/rfc7662>
pub(crate) fn answer(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    if asked.request.method() != Method::POST {
        return Refusal::BadRequest.answer(state, entry);
    }
    entry.client_id = asked.parameters.client_id().map(str::to_owned);
    let client = match client::authenticate(state, asked) {
        Ok(client) => client,
        Err(refusal) => return refusal.answer(state, entry),
    };
    let token = asked.parameters.find("token").unwrap_or_default();
    entry.tokens = TokenHashes {
        access_token: Some(sha256_hex(token)),
        ..TokenHashes::default()
    };
    reply::json(StatusCode::OK, &describe(state, token, &client.id))
}

fn describe(state: &State, token: &str, client_id: &str) -> Body {
    let access = state
        .find_live_access_token(token)
        .filter(|access| access.client_id == client_id);
    if let Some(access) = access {
        return Body {
            active: true,
            scope: Some(access.scopes.join(" ")),
            client_id: Some(access.client_id.clone()),
            token_type: Some("Bearer"),
            exp: Some(access.expires_at / 1000),
        };
    }
    let refresh = state
        .refresh_tokens
        .get(token)
        .filter(|refresh| refresh.client_id == client_id);
    refresh.map_or_else(Body::default, |refresh| Body {
        active: true,
        scope: Some(refresh.scopes.join(" ")),
        client_id: Some(refresh.client_id.clone()),
        ..Body::default()
    })
}
