//! `grant_type=refresh_token`: refresh token in, access token out.

use super::Asked;
use super::refusal::Refusal;
use super::token_reply::TokenReply;
use crate::manners::RefreshWithScope;
use crate::state::{AccessToken, Client, State};

/// Makes a new access token. Zoho does not rotate the refresh token, so none comes back.
/// Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>
pub(crate) fn refresh(
    state: &mut State,
    asked: &Asked<'_>,
    client: &Client,
) -> Result<TokenReply, Refusal> {
    let name = asked
        .parameters
        .find("refresh_token")
        .ok_or(Refusal::InvalidCode)?;
    let (now, expires_at) = (state.now(), state.access_token_end());
    let allowance = state.limits.refresh_allowance();
    let token = state.refresh_tokens.get_mut(name);
    let token = token
        .filter(|token| token.client_id == client.id)
        .ok_or(Refusal::InvalidCode)?;
    if state.manners.refresh_with_scope == RefreshWithScope::Refused
        && asked.parameters.find("scope").is_some()
    {
        return Err(Refusal::InvalidScope);
    }
    if !token.refreshes.admit(now, allowance, &state.manners) {
        return Err(Refusal::AccessDenied);
    }
    let access = AccessToken {
        refresh_token: Some(name.to_owned()),
        client_id: token.client_id.clone(),
        data_center: token.data_center,
        scopes: token.scopes.clone(),
        user: token.user.clone(),
        environment: token.environment,
        expires_at,
    };
    state.stats.refreshed += 1;
    Ok(TokenReply::issue(state, access, None))
}
