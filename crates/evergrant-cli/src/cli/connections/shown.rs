//! A connection as it is shown to people.

use std::time::Duration;

use evergrant::connection::State;
pub(crate) use evergrant_server::shown::Connection as Shown;

use crate::cli::time::span;

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
