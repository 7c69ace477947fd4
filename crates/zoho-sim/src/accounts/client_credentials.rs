//! `grant_type=client_credentials`: a self client speaks for itself, without a refresh token.

use super::Asked;
use super::refusal::Refusal;
use super::token_reply::TokenReply;
use crate::data_center::Environment;
use crate::manners::{ScopeSeparator, Soid};
use crate::state::{AccessToken, Client, ClientKind, DEFAULT_USER, State};

/// Makes an access token for a self client.
/// Source: <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>
pub(crate) fn grant(
    state: &mut State,
    asked: &Asked<'_>,
    client: &Client,
) -> Result<TokenReply, Refusal> {
    if client.kind != ClientKind::SelfClient {
        return Err(Refusal::InvalidClient);
    }
    let scopes = scopes(state, asked)?;
    if state.manners.soid == Soid::Required && asked.parameters.find("soid").is_none() {
        return Err(Refusal::MissingOrgInfo);
    }
    count(state, client)?;
    state.stats.client_credentials += 1;
    let access = AccessToken {
        refresh_token: None,
        client_id: client.id.clone(),
        data_center: client.data_center,
        scopes,
        user: DEFAULT_USER.to_owned(),
        environment: Environment::Production,
        expires_at: state.access_token_end(),
    };
    Ok(TokenReply::issue(state, access, None))
}

fn scopes(state: &State, asked: &Asked<'_>) -> Result<Vec<String>, Refusal> {
    let text = asked
        .parameters
        .find("scope")
        .ok_or(Refusal::InvalidScope)?;
    let separators: &[char] = match state.manners.scope_separator {
        ScopeSeparator::Comma => &[','],
        ScopeSeparator::Any => &[',', ' '],
    };
    let scopes: Vec<String> = text
        .split(separators)
        .map(str::trim)
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect();
    if scopes.is_empty()
        || scopes
            .iter()
            .any(|scope| scope.contains(' ') || !scope.contains('.'))
    {
        return Err(Refusal::InvalidScope);
    }
    Ok(scopes)
}

fn count(state: &mut State, client: &Client) -> Result<(), Refusal> {
    let (now, allowance) = (state.now(), state.limits.refresh_allowance());
    let window = state
        .client_credentials_windows
        .entry(client.id.clone())
        .or_default();
    if window.admit(now, allowance, &state.manners) {
        Ok(())
    } else {
        Err(Refusal::AccessDenied)
    }
}
