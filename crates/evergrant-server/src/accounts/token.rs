//! `POST /oauth/v2/token`: what a caller asks for, and what it gets.

use std::{borrow::Cow, cmp, fmt::Write as _, sync::Arc};

use evergrant::{
    broker::{BrokerError, Token},
    caller::{Denied, Grant, Handle, Mode},
    clock::Timestamp,
};
use http::{Method, Request, Response};
use hyper::body::Incoming;

use super::{
    answer::{Dialect, Refusal, json_response},
    exchange::exchange,
    parameters::{Parameters, Unreadable, Value},
};
use crate::{
    asking, body::Body, callers::Callers, connection::Peer, problem::retry_after, state::State,
    tokens,
};

/// Answers a request for a token.
pub(crate) async fn token(
    state: &Arc<State>,
    peer: Peer,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let read = match head.method {
        Method::POST => Box::pin(Parameters::read(&head, body, state.patience.form)).await,
        _ => Err(Unreadable::NotPost),
    };
    let (dialect, given) = match read {
        Ok(asked) => (dialect_of(&asked), give(state, peer, &asked).await),
        Err(why) => (Dialect::Zoho, Err(Refusal::Unreadable(why))),
    };
    given.unwrap_or_else(|refusal| {
        state.metrics.refused(asking::caller().as_deref(), &refusal);
        refusal.into_response(dialect)
    })
}

fn dialect_of(asked: &Parameters) -> Dialect {
    match text(&asked.grant_type) {
        "client_credentials" => Dialect::Standard,
        _ => Dialect::Zoho,
    }
}

async fn give(
    state: &Arc<State>,
    peer: Peer,
    asked: &Parameters,
) -> Result<Response<Body>, Refusal> {
    if text(&asked.grant_type) == "authorization_code" {
        // In a box, since it is seldom needed.
        return Box::pin(exchange(state, peer, asked)).await;
    }
    let callers = state.callers();
    if let Ok(grant) = grant_of(state, &callers, asked) {
        return hand_out(state, &callers, grant, None).await;
    }
    // It may have been added, or got new credentials, a moment ago.
    Box::pin(state.look_again()).await;
    let callers = state.callers();
    let grant = grant_of(state, &callers, asked).map_err(|unknown| match unknown {
        Unknown::Denied(denied) => state.denied(peer, &denied),
        Unknown::Refused(refusal) => refusal,
    })?;
    hand_out(state, &callers, grant, None).await
}

/// Why nobody's token is meant.
enum Unknown {
    /// The credentials are wrong.
    Denied(Denied),
    /// The request is.
    Refused(Refusal),
}

/// Finds whose token is asked for.
fn grant_of<'a>(
    state: &State,
    callers: &'a Callers,
    asked: &Parameters,
) -> Result<&'a Grant, Unknown> {
    let (known, now) = (&callers.known, state.now());
    let (id, secret) = (text(&asked.client_id), text(&asked.client_secret));
    let refused = |refusal| Err(Unknown::Refused(refusal));
    match text(&asked.grant_type) {
        "refresh_token" => {
            let found = known.by_handle(id, secret, text(&asked.refresh_token), now);
            found.map_err(Unknown::Denied)
        }
        "client_credentials" => {
            let caller = known.by_client(id, secret, now).map_err(Unknown::Denied)?;
            asking::by(caller);
            // Which of several connections is meant, only a handle says.
            let mut grants = known.grants_of(caller);
            match (grants.next(), grants.next()) {
                (Some(only), None) => Ok(only),
                _ => refused(Refusal::UnsupportedGrantType),
            }
        }
        "" => refused(Refusal::Unreadable(Unreadable::NoGrantType)),
        _ => refused(Refusal::UnsupportedGrantType),
    }
}

/// Answers with a token, and with the handle if that is new.
pub(super) async fn hand_out(
    state: &State,
    callers: &Callers,
    grant: &Grant,
    handle: Option<&Handle>,
) -> Result<Response<Body>, Refusal> {
    asking::for_grant(grant);
    let token = tokens::token(&state.broker, &grant.connection, &grant.connection_id).await;
    // It may have taken a while.
    let now = state.now();
    if !state.callers().known.still_have(grant, now) {
        return Err(Refusal::InvalidCode);
    }
    let usage = callers.usage(grant);
    match token {
        Ok(token) => {
            usage.given(now);
            state.hand_outs.note(grant, usage, &token);
            let json = write(state, callers, grant, &token, handle, now);
            Ok(json_response(json))
        }
        Err(error) => {
            usage.refused();
            let (caller, connection) = (&grant.caller.name, &grant.connection);
            tracing::info!(%caller, %connection, reason = %error, "there is no token");
            Err(refusal_of(state, &error))
        }
    }
}

/// Writes the answer as Zoho would, in its order
/// (<https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>).
fn write(
    state: &State,
    callers: &Callers,
    grant: &Grant,
    token: &Token,
    handle: Option<&Handle>,
    now: Timestamp,
) -> Vec<u8> {
    let caller = &grant.caller;
    let mut left = token.left();
    if let Some(end) = callers.known.end_of(grant) {
        left = cmp::min(left, now.until(end));
    }
    // What stands in here needs no escaping: tokens, scopes and domains are letters, digits and a few marks.
    let mut json = String::with_capacity(512);
    json.push_str("{\"access_token\":\"");
    match caller.mode {
        Mode::Direct => json.push_str(token.access_token().expose_secret()),
        Mode::Proxied => {
            let proxy_token = callers.known.issue_proxy_token(grant, now.plus(left));
            json.push_str(proxy_token.expose_secret());
        }
    }
    if let Some(handle) = handle {
        json.push_str("\",\"refresh_token\":\"");
        json.push_str(handle.expose_secret());
    }
    json.push_str("\",\"scope\":\"");
    let both;
    let scopes = if caller.scopes.is_empty() {
        token.scopes()
    } else if token.scopes().is_empty() || token.scopes().covers(&caller.scopes) {
        &caller.scopes
    } else {
        both = token.scopes().common(&caller.scopes);
        &both
    };
    // Writing to a string cannot fail.
    let _ = write!(json, "{scopes}\",\"api_domain\":\"");
    match (caller.mode, token.api_domain()) {
        (Mode::Direct, Some(domain)) => json.push_str(&with_port(domain.as_str())),
        (Mode::Direct, None) => {}
        (Mode::Proxied, _) => json.push_str(state.public_url.as_str()),
    }
    let _ = write!(
        json,
        "\",\"token_type\":\"Bearer\",\"expires_in\":{}}}",
        left.as_secs()
    );
    json.into_bytes()
}

/// Names the port, even the usual one. On an exact match with a domain that they know, Zoho's SDKs turn to
/// Zoho's own accounts server from then on.
fn with_port(domain: &str) -> Cow<'_, str> {
    match domain.strip_prefix("https://") {
        Some(host) if !host.contains(':') => format!("{domain}:443").into(),
        _ => domain.into(),
    }
}

fn refusal_of(state: &State, error: &BrokerError) -> Refusal {
    match error {
        BrokerError::NotFound(_)
        | BrokerError::NewGrantNeeded { .. }
        | BrokerError::Revoked { .. } => Refusal::InvalidCode,
        BrokerError::Throttled { retry_at, .. } => {
            Refusal::Throttled(retry_after(state.now().until(*retry_at)))
        }
        _ => Refusal::Unavailable,
    }
}

pub(super) fn text(value: &Option<Value>) -> &str {
    value.as_ref().map_or("", |value| value.as_str())
}
