//! Both of Zoho's revocation paths. They revoke the handle, never the connection: other callers live by
//! that (<https://www.zoho.com/accounts/protocol/oauth/web-apps/revoke-token.html>).

use evergrant::caller::{self, Denied};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use super::{
    answer::{Dialect, Refusal, json_response},
    parameters::{Parameters, Unreadable},
    token::text,
};
use crate::{body::Body, connection::Peer, state::State};

/// Answers a request to revoke a handle.
pub(crate) async fn revoke(
    state: &State,
    peer: Peer,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let read = match head.method {
        Method::POST => Parameters::read(&head, body, state.patience.form).await,
        _ => Err(Unreadable::NotPost),
    };
    let revoked = match read {
        Ok(asked) => revoke_handle(state, peer, &asked).await,
        Err(why) => Err(Refusal::Unreadable(why)),
    };
    match revoked {
        Ok(()) => json_response(json!({"status": "success"}).to_string().into_bytes()),
        Err(refusal) => {
            let mut response = refusal.into_response(Dialect::Zoho);
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            response
        }
    }
}

async fn revoke_handle(state: &State, peer: Peer, asked: &Parameters) -> Result<(), Refusal> {
    let callers = state.callers();
    let found = callers
        .known
        .by_token_alone(text(&asked.token), state.now());
    let grant = found.ok_or_else(|| state.denied(peer, &Denied::WrongHandle(None)))?;
    // Who says who it is has to be the one who holds the handle.
    if let (Some(id), Some(secret)) = (&asked.client_id, &asked.client_secret) {
        let named = (callers.known).by_handle(id, secret, text(&asked.token), state.now());
        named.map_err(|denied| state.denied(peer, &denied))?;
    }
    // Nobody knows the handle's uses any more once callers are read again.
    if let Some(at) = callers.usage(grant).last_used() {
        let used = [(grant.caller.id.clone(), at)];
        let noted = caller::note_used(state.broker.vault(), &used).await;
        noted.unwrap_or_else(|error| tracing::warn!(%error, "the last use could not be noted"));
    }
    let revoked = caller::revoke_handle(state.broker.vault(), grant.handle_id).await;
    revoked.map_err(|error| {
        tracing::warn!(%error, "a handle could not be revoked");
        Refusal::Unavailable
    })?;
    state.reload_callers().await;
    Ok(())
}
