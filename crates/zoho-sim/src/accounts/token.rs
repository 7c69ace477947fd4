//! `POST /oauth/v2/token`.

use http::{Method, StatusCode};

use super::refusal::Refusal;
use super::token_reply::TokenReply;
use super::{Asked, client, client_credentials, exchange, refresh};
use crate::hash::sha256_hex;
use crate::manners::FailedExchange;
use crate::reply::{self, Reply};
use crate::requests::{Entry, TokenHashes};
use crate::state::State;

/// Answers with tokens, or with Zoho's refusal.
/// Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
pub(crate) fn answer(state: &mut State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    note(asked, entry);
    match grant(state, asked) {
        Ok(tokens) => reply::json(StatusCode::OK, &tokens),
        Err(refusal) => {
            use_up_grant(state, asked);
            refusal.answer(state, entry)
        }
    }
}

/// Notes who asks and what with, tokens as hashes.
pub(crate) fn note(asked: &Asked<'_>, entry: &mut Entry) {
    let find = |name| asked.parameters.find(name);
    entry.grant_type = find("grant_type").map(str::to_owned);
    entry.client_id = asked.parameters.client_id().map(str::to_owned);
    entry.tokens = TokenHashes {
        grant_token: find("code").map(sha256_hex),
        refresh_token: find("refresh_token").map(sha256_hex),
        access_token: None,
    };
}

fn grant(state: &mut State, asked: &Asked<'_>) -> Result<TokenReply, Refusal> {
    if asked.request.method() != Method::POST {
        return Err(Refusal::BadRequest);
    }
    let grant_type = asked
        .parameters
        .find("grant_type")
        .ok_or(Refusal::BadRequest)?;
    let client = client::authenticate(state, asked)?;
    match grant_type {
        "authorization_code" => exchange::exchange(state, asked, &client),
        "refresh_token" => refresh::refresh(state, asked, &client),
        "client_credentials" => client_credentials::grant(state, asked, &client),
        _ => Err(Refusal::InvalidClient),
    }
}

/// Spends the grant token of a failed exchange, if that is the manner.
fn use_up_grant(state: &mut State, asked: &Asked<'_>) {
    if state.manners.failed_exchange != FailedExchange::UsesGrant {
        return;
    }
    if let Some(grant) = asked
        .parameters
        .find("code")
        .and_then(|code| state.grants.get_mut(code))
    {
        grant.used = true;
    }
}
