//! Who is asking: client ID and client secret.

use super::Asked;
use super::refusal::Refusal;
use crate::state::{Client, State};

/// Returns the client that asks. A client of another data center is unknown here.
/// Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
pub(crate) fn authenticate(state: &State, asked: &Asked<'_>) -> Result<Client, Refusal> {
    check(
        state,
        asked,
        asked.parameters.client_id(),
        asked.parameters.client_secret(),
    )
}

/// Returns the client that asks, by HTTP Basic only.
/// Source: <https://www.zoho.com/developer/oauth/revoke-oauth-token.html>
pub(crate) fn authenticate_basic(state: &State, asked: &Asked<'_>) -> Result<Client, Refusal> {
    let (id, secret) = asked.parameters.basic().ok_or(Refusal::InvalidClient)?;
    check(state, asked, Some(id), Some(secret))
}

fn check(
    state: &State,
    asked: &Asked<'_>,
    id: Option<&str>,
    secret: Option<&str>,
) -> Result<Client, Refusal> {
    let client = id.and_then(|id| state.clients.get(id));
    let client = client
        .filter(|client| client.data_center == asked.door.data_center)
        .ok_or(Refusal::InvalidClient)?;
    if secret != Some(client.secret.as_str()) {
        return Err(Refusal::InvalidClientSecret);
    }
    Ok(client.clone())
}
