//! Who asks, and whether they may.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use evergrant::{connection::ConnectionName, vault::UnlockedVault};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION, request::Parts};

use crate::{
    admin_key::looks_like_one,
    connection::Peer,
    local::Rights,
    problem::{Code, Problem},
    state::State,
};

/// A request whose sender is known.
pub(super) struct Asked {
    pub(super) state: Arc<State>,
    /// Who it is, as log and audit name them.
    pub(super) actor: String,
    rights: Rights,
}

/// A request of whoever may everything.
pub(super) struct Admin(pub(super) Asked);

impl Asked {
    /// Refuses whoever may not have this connection. Whether it is there, they do not learn.
    pub(super) fn may(&self, name: &ConnectionName) -> Result<(), Problem> {
        match &self.rights {
            Rights::Connections(names) if !names.contains(name) => Err(not_yours(&self.actor)),
            _ => Ok(()),
        }
    }

    /// Returns the vault, to be changed in the name of whoever asked.
    pub(super) fn vault(&self) -> UnlockedVault {
        let vault = self.state.broker.vault().clone();
        vault.acting_as(&self.actor)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Problem> {
        let state = head.extensions.get::<Arc<State>>().cloned();
        let peer = head.extensions.get::<Peer>().copied();
        // Unwrap safety: whatever reaches a route was given both.
        let (state, peer) = state.zip(peer).expect("a request of the server");
        let (actor, rights) = known(&state, peer, head)?;
        Ok(Self {
            state,
            actor,
            rights,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, Problem> {
        let asked = Asked::from_request_parts(head, state).await?;
        match asked.rights {
            Rights::All => Ok(Self(asked)),
            Rights::Connections(_) => Err(not_yours(&asked.actor)),
        }
    }
}

/// Finds out who asks: by the key, if there is one, else by the user at the other end of the Unix socket.
fn known(state: &State, peer: Peer, head: &Parts) -> Result<(String, Rights), Problem> {
    if head.uri.query().is_some_and(looks_like_one) {
        return Err(in_the_url());
    }
    if shows_admin_key(state, peer, &head.headers)? {
        return Ok(("admin key".to_owned(), Rights::All));
    }
    let Peer::Local { uid } = peer else {
        return Err(no_key());
    };
    let actor = format!("uid {uid}");
    match state.api.people().local.rights(uid) {
        Some(rights) => Ok((actor, rights)),
        None => Err(not_yours(&actor)),
    }
}

/// Tells whether a request shows the admin key; one without any key does not. Fails if it shows a wrong one, or several.
pub(crate) fn shows_admin_key(
    state: &State,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<bool, Problem> {
    let mut headers = headers.get_all(AUTHORIZATION).iter();
    let header = match (headers.next(), headers.next()) {
        (Some(_), Some(_)) => return Err(twice()),
        (Some(header), None) => header,
        (None, _) => return Ok(false),
    };
    let key = header.to_str().ok().and_then(bearer);
    let people = state.api.people();
    match people.admin.as_ref().zip(key) {
        Some((admin, key)) if admin.is(key) => Ok(true),
        _ => Err(wrong_key(state, peer)),
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

fn no_key() -> Problem {
    let message = "the admin key is missing";
    Problem::new(Code::Denied, "no_key", message)
        .status(StatusCode::UNAUTHORIZED)
        .next("send the key that is in the server's admin.key: Authorization: Bearer eva_…")
        .next("the server's own user needs no key at its Unix socket")
}

fn wrong_key(state: &State, peer: Peer) -> Problem {
    if state.failures.count(peer) {
        let message = "too many wrong keys came from there";
        return Problem::new(Code::Throttled, "too_many_failures", message).retry_after(60);
    }
    tracing::warn!(%peer, "somebody showed a wrong admin key");
    Problem::new(Code::Denied, "wrong_key", "this is not the admin key")
        .status(StatusCode::UNAUTHORIZED)
        .next("send the key that is in the server's admin.key: Authorization: Bearer eva_…")
}

fn twice() -> Problem {
    let message = "the header Authorization is there more than once";
    Problem::new(Code::Usage, "credentials_twice", message).next("send one")
}

fn in_the_url() -> Problem {
    let message = "a key stands in the URL, which logs and histories keep";
    Problem::new(Code::Usage, "credentials_in_url", message)
        .next("send it in the header Authorization alone")
        .next("if it was the right one, it is no secret any more: remove admin.key, start the server again and it makes another")
}

fn not_yours(actor: &str) -> Problem {
    let message = format!("{actor} may not have this");
    Problem::new(Code::Denied, "not_allowed", message)
        .next("[[server.local]] in the server's config.toml says who may have which connections")
}

/// Returns how long the body of a request may take.
pub(super) fn patience<B>(request: &http::Request<B>) -> std::time::Duration {
    let state = request.extensions().get::<Arc<State>>();
    state
        .map(|state| state.patience.form)
        .unwrap_or(crate::config::Patience::default().form)
}
