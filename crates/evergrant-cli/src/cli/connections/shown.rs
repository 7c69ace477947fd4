//! A connection as it is shown, to people and in JSON.

use std::time::Duration;

use evergrant::{
    broker::Limits,
    connection::{Connection, State},
};
use serde::Serialize;

use crate::cli::time::{rfc3339, span};

/// The object of `--json`.
#[derive(Serialize)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) state: &'static str,
    pub(crate) state_since: String,
    pub(crate) state_reason: Option<String>,
    pub(crate) grant_type: String,
    pub(crate) soid: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) data_center: Option<&'static str>,
    pub(crate) accounts_domain: String,
    pub(crate) api_domain: Option<String>,
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) created_at: String,
    pub(crate) last_refresh_at: Option<String>,
    pub(crate) access_token: Option<AccessToken>,
    pub(crate) refreshes: Refreshes,
    pub(crate) retry_at: Option<String>,
    pub(crate) former_refresh_tokens: u32,
}

#[derive(Serialize)]
pub(crate) struct AccessToken {
    expires_at: String,
}

#[derive(Serialize)]
pub(crate) struct Refreshes {
    pub(crate) used: u32,
    pub(crate) limit: u32,
    window_seconds: u64,
    next_free_at: Option<String>,
}

impl Shown {
    /// Shows a connection beside the limits that are set.
    pub(crate) fn new(connection: &Connection, limits: &Limits) -> Self {
        Self {
            name: connection.name.to_string(),
            state: connection.state.as_str(),
            state_since: rfc3339(connection.state_since),
            state_reason: connection.state_reason.clone(),
            grant_type: connection.grant_type.clone(),
            soid: connection.soid.clone(),
            environment: connection.environment.clone(),
            data_center: connection
                .accounts_domain
                .data_center()
                .map(|center| center.code),
            accounts_domain: connection.accounts_domain.to_string(),
            api_domain: connection.api_domain.as_ref().map(ToString::to_string),
            client_id: connection.client_id.to_string(),
            scopes: connection
                .scopes
                .iter()
                .map(|scope| scope.as_str().to_owned())
                .collect(),
            created_at: rfc3339(connection.created_at),
            last_refresh_at: connection.last_refresh_at.map(rfc3339),
            access_token: connection
                .access_token_expires_at
                .map(|expires_at| AccessToken {
                    expires_at: rfc3339(expires_at),
                }),
            refreshes: Refreshes {
                used: connection.refreshes.used,
                limit: limits.refreshes,
                window_seconds: limits.window.as_secs(),
                next_free_at: connection.refreshes.next_free_at.map(rfc3339),
            },
            retry_at: connection.retry_at.map(rfc3339),
            former_refresh_tokens: connection.former,
        }
    }
}

/// Writes it for people.
pub(crate) fn for_people(shown: &Shown) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| text.push_str(&format!("{label:<16}{value}\n"));
    line("name", &shown.name);
    line(
        "state",
        &format!("{} since {}", shown.state, shown.state_since),
    );
    if let Some(reason) = &shown.state_reason {
        line("", reason);
    }
    match &shown.retry_at {
        Some(retry_at) => line("", &format!("the next refresh may be tried at {retry_at}")),
        None if shown.state == State::Failing.as_str() => {
            line("", "the next refresh may be tried now");
        }
        None => {}
    }
    line("kind", &kind(shown));
    line("accounts domain", &shown.accounts_domain);
    line(
        "API domain",
        shown
            .api_domain
            .as_deref()
            .unwrap_or("unknown: evergrant connections set NAME --api-domain URL"),
    );
    line("client ID", &shown.client_id);
    line("scopes", &shown.scopes.join(","));
    line("created", &shown.created_at);
    line(
        "last refresh",
        shown.last_refresh_at.as_deref().unwrap_or("never"),
    );
    let access_token = shown.access_token.as_ref();
    line(
        "access token",
        &access_token.map_or("none".to_owned(), |token| {
            format!("until {}", token.expires_at)
        }),
    );
    line("refreshes", &refreshes(shown));
    if shown.former_refresh_tokens > 0 {
        let (count, name) = (shown.former_refresh_tokens, &shown.name);
        line(
            "former",
            &format!("{count}: evergrant revoke {name} --former"),
        );
    }
    text
}

/// Says by what it gets its access tokens.
fn kind(shown: &Shown) -> String {
    let kind = shown.grant_type.replace('_', " ");
    match &shown.soid {
        Some(soid) => format!("{kind} of {soid}"),
        None => kind,
    }
}

fn refreshes(shown: &Shown) -> String {
    let refreshes = &shown.refreshes;
    let window = span(Duration::from_secs(refreshes.window_seconds));
    let text = format!("{} of {} in {window}", refreshes.used, refreshes.limit);
    match (refreshes.used, &shown.last_refresh_at) {
        (1.., None) => text + ": the exchange counts too",
        _ => text,
    }
}
