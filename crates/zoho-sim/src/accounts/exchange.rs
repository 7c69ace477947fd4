//! `grant_type=authorization_code`: grant token in, refresh token out.

use super::Asked;
use super::refusal::Refusal;
use super::token_reply::TokenReply;
use crate::manners::{
    ExchangeInRefreshWindow, GrantReuse, RefreshTokenInReply, TooManyRefreshTokens,
};
use crate::state::{AccessToken, Client, ClientKind, Grant, State};

/// Exchanges a grant token, once.
/// Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
pub(crate) fn exchange(
    state: &mut State,
    asked: &Asked<'_>,
    client: &Client,
) -> Result<TokenReply, Refusal> {
    check_redirect_uri(asked, client)?;
    let code = asked.parameters.find("code").ok_or(Refusal::InvalidCode)?;
    let grant = find_grant(state, code, client)?;
    check_verifier(asked, &grant)?;
    count_exchange(state, &grant)?;
    let refresh_token = refresh_token(state, &grant)?;
    if let Some(spent) = state.grants.get_mut(code) {
        spent.used = true;
        spent.brought.clone_from(&refresh_token);
    }
    state.stats.exchanged += 1;
    let access = AccessToken {
        refresh_token: refresh_token.clone(),
        client_id: grant.client_id,
        data_center: grant.data_center,
        scopes: grant.scopes,
        user: grant.user,
        environment: grant.environment,
        expires_at: state.access_token_end(),
    };
    Ok(TokenReply::issue(state, access, refresh_token))
}

/// A self client has no redirect URI; whatever it sends is let pass.
fn check_redirect_uri(asked: &Asked<'_>, client: &Client) -> Result<(), Refusal> {
    if client.kind == ClientKind::SelfClient {
        return Ok(());
    }
    let sent = asked
        .parameters
        .find("redirect_uri")
        .ok_or(Refusal::InvalidRedirectUri)?;
    if client
        .redirect_uris
        .iter()
        .any(|registered| registered == sent)
    {
        return Ok(());
    }
    Err(Refusal::InvalidRedirectUri)
}

fn find_grant(state: &mut State, code: &str, client: &Client) -> Result<Grant, Refusal> {
    let now = state.now();
    let grant = state
        .grants
        .get(code)
        .filter(|grant| grant.client_id == client.id)
        .cloned();
    let grant = grant.ok_or(Refusal::InvalidCode)?;
    if grant.used
        && state.manners.grant_reuse == GrantReuse::Revokes
        && let Some(brought) = &grant.brought
    {
        state.revoke_refresh_token(brought);
    }
    if grant.used || grant.expires_at <= now {
        return Err(Refusal::InvalidCode);
    }
    Ok(grant)
}

/// What a wrong verifier is called is not documented; `invalid_code` is a guess.
/// Source: <https://zoho.com/accounts/protocol/oauth/mobile-applications.html>
fn check_verifier(asked: &Asked<'_>, grant: &Grant) -> Result<(), Refusal> {
    let Some(challenge) = &grant.code_challenge else {
        return Ok(());
    };
    let verifier = asked.parameters.find("code_verifier").unwrap_or_default();
    if challenge.is_met_by(verifier) {
        Ok(())
    } else {
        Err(Refusal::InvalidCode)
    }
}

fn count_exchange(state: &mut State, grant: &Grant) -> Result<(), Refusal> {
    let (now, allowance) = (state.now(), state.limits.exchange_allowance());
    let window = state
        .exchange_windows
        .entry((grant.client_id.clone(), grant.user.clone()))
        .or_default();
    if window.admit(now, allowance, &state.manners) {
        Ok(())
    } else {
        Err(Refusal::AccessDenied)
    }
}

fn refresh_token(state: &mut State, grant: &Grant) -> Result<Option<String>, Refusal> {
    if !grant.offline || state.manners.refresh_token == RefreshTokenInReply::Absent {
        return Ok(None);
    }
    if state.manners.too_many_refresh_tokens == TooManyRefreshTokens::Refuse
        && state.has_all_refresh_tokens(grant)
    {
        return Err(Refusal::AccessDenied);
    }
    let name = state.add_refresh_token(grant);
    let (now, allowance) = (state.now(), state.limits.refresh_allowance());
    if state.manners.exchange_in_refresh_window == ExchangeInRefreshWindow::Counted
        && let Some(token) = state.refresh_tokens.get_mut(&name)
    {
        token.refreshes.admit(now, allowance, &state.manners);
    }
    Ok(Some(name))
}
