//! `POST /kill`: what people do to tokens behind a program's back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::json::{Body, Refused};
use crate::state::{self, Shared};

/// What is to be killed; what is not narrowed down means the default client, all its refresh tokens, the default user.
/// Source: <https://help.zoho.com/portal/en/kb/accounts/faqs-troubleshooting/faqs/oauth/articles/will-the-refresh-tokens-expire>
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    what: What,
    client_id: Option<String>,
    refresh_token: Option<String>,
    user: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The client is deleted in the API console, and its tokens with it.
    Client,
    /// The client's secret is made anew in the API console.
    ClientSecret,
    /// A refresh token is revoked by its user, and its access tokens with it.
    RefreshToken,
    /// A user terminates all tokens, or is gone.
    User,
}

/// What was killed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Killed {
    clients: usize,
    refresh_tokens: usize,
    /// The new secret, when it was made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// Kills and answers with what was killed.
pub(crate) async fn kill(
    State(shared): State<Arc<Shared>>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Killed>, Refused> {
    let state = &mut shared.lock();
    let before = state.refresh_tokens.len();
    let mut killed = match wanted.what {
        What::Client => kill_client(state, wanted)?,
        What::ClientSecret => renew_secret(state, wanted)?,
        What::RefreshToken => kill_refresh_tokens(state, wanted)?,
        What::User => {
            state.forget_user(wanted.user.as_deref().unwrap_or(state::DEFAULT_USER));
            Killed::default()
        }
    };
    killed.refresh_tokens = before - state.refresh_tokens.len();
    Ok(Json(killed))
}

fn kill_client(state: &mut state::State, wanted: Wanted) -> Result<Killed, Refused> {
    let client_id = wanted
        .client_id
        .unwrap_or_else(|| state.default_client.clone());
    if !state.delete_client(&client_id) {
        return Err(Refused("no such client".to_owned()));
    }
    Ok(Killed {
        clients: 1,
        ..Killed::default()
    })
}

fn renew_secret(state: &mut state::State, wanted: Wanted) -> Result<Killed, Refused> {
    let client_id = wanted
        .client_id
        .unwrap_or_else(|| state.default_client.clone());
    let client_secret = state
        .renew_client_secret(&client_id)
        .ok_or_else(|| Refused("no such client".to_owned()))?;
    Ok(Killed {
        client_secret: Some(client_secret),
        ..Killed::default()
    })
}

fn kill_refresh_tokens(state: &mut state::State, wanted: Wanted) -> Result<Killed, Refused> {
    if let Some(token) = wanted.refresh_token {
        return match state.revoke_refresh_token(&token) {
            true => Ok(Killed::default()),
            false => Err(Refused("no such refresh token".to_owned())),
        };
    }
    let concerned = |token: &state::RefreshToken| {
        wanted
            .client_id
            .as_ref()
            .is_none_or(|client_id| *client_id == token.client_id)
            && wanted.user.as_ref().is_none_or(|user| *user == token.user)
    };
    let names = state
        .refresh_tokens
        .iter()
        .filter(|(_, token)| concerned(token))
        .map(|(name, _)| name.clone());
    for name in names.collect::<Vec<String>>() {
        state.revoke_refresh_token(&name);
    }
    Ok(Killed::default())
}
