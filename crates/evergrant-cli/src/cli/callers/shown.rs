//! A caller as it is shown, to people and in JSON.

use evergrant::{
    app::{self, AppEntry},
    caller::{Caller, CallerConnection, Rule},
    clock::Timestamp,
    vault::Vault,
};
use serde::Serialize;

use crate::cli::{error::CliError, time::rfc3339, vault};

/// The object of `--json`.
#[derive(Serialize)]
pub(super) struct Shown {
    name: String,
    state: &'static str,
    mode: &'static str,
    client_id: String,
    adopted: bool,
    connections: Vec<Connection>,
    rules: Vec<String>,
    scopes: Vec<String>,
    exchange: Option<Exchange>,
    created_at: String,
    expires_at: Option<String>,
    previous_valid_until: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

#[derive(Serialize)]
struct Connection {
    connection: String,
    handle_id: String,
    state: &'static str,
    created_at: String,
    revoked_at: Option<String>,
}

#[derive(Serialize)]
struct Exchange {
    name: String,
    client_id: Option<String>,
}

impl Shown {
    /// Makes what is shown of callers, with the apps that they may use.
    pub(super) async fn all(callers: &[Caller], vault: &Vault) -> Result<Vec<Self>, CliError> {
        let apps = match callers.iter().any(|caller| caller.exchange.is_some()) {
            true => app::list(vault).await,
            false => Ok(Vec::new()),
        };
        let apps = apps.map_err(|error| vault::explain(&error))?;
        let new = |caller| Self::new(caller, &apps, vault.now());
        Ok(callers.iter().map(new).collect())
    }

    /// Makes what is shown of one caller.
    pub(super) async fn one(caller: &Caller, vault: &Vault) -> Result<Self, CliError> {
        let mut all = Self::all(std::slice::from_ref(caller), vault).await?;
        Ok(all.remove(0))
    }

    fn new(caller: &Caller, apps: &[AppEntry], now: Timestamp) -> Self {
        let exchange = caller.exchange.as_ref().map(|right| Exchange {
            name: right.name.to_string(),
            client_id: apps
                .iter()
                .find(|app| app.id == right.app_id)
                .map(|app| app.client_id.to_string()),
        });
        let previous = caller.previous_valid_until.filter(|until| *until > now);
        Self {
            name: caller.name.to_string(),
            state: state(caller, now),
            mode: caller.mode.as_str(),
            client_id: caller.client_id.to_string(),
            adopted: caller.adopted,
            connections: caller.connections.iter().map(Connection::from).collect(),
            rules: caller.rules.iter().map(Rule::to_string).collect(),
            scopes: caller.scopes.iter().map(ToString::to_string).collect(),
            exchange,
            created_at: rfc3339(caller.created_at),
            expires_at: caller.expires_at.map(rfc3339),
            previous_valid_until: previous.map(rfc3339),
            last_used_at: caller.last_used_at.map(rfc3339),
            revoked_at: caller.revoked_at.map(rfc3339),
        }
    }

    fn working(&self) -> String {
        let working = self.connections.iter().filter(|own| own.state == "active");
        let names: Vec<&str> = working.map(|own| own.connection.as_str()).collect();
        or_dash(&names.join(","))
    }
}

impl From<&CallerConnection> for Connection {
    fn from(own: &CallerConnection) -> Self {
        Self {
            connection: own.connection.to_string(),
            handle_id: own.handle_id.to_string(),
            state: match (own.revoked_at, own.is_removed) {
                (Some(_), _) => "revoked",
                (None, true) => "removed",
                (None, false) => "active",
            },
            created_at: rfc3339(own.created_at),
            revoked_at: own.revoked_at.map(rfc3339),
        }
    }
}

fn state(caller: &Caller, now: Timestamp) -> &'static str {
    if caller.revoked_at.is_some() {
        "revoked"
    } else if caller.expires_at.is_some_and(|end| end <= now) {
        "expired"
    } else {
        "active"
    }
}

/// Lays it out in a list.
pub(super) fn row(caller: &Shown) -> [String; 5] {
    let used = caller.last_used_at.as_deref().unwrap_or("never");
    [
        caller.name.clone(),
        caller.state.to_owned(),
        caller.mode.to_owned(),
        caller.working(),
        used.to_owned(),
    ]
}

/// Writes it for people.
pub(super) fn for_people(caller: &Shown) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| text.push_str(&format!("{label:<16}{value}\n"));
    line("name", &caller.name);
    line("state", caller.state);
    let adopted = if caller.adopted { ", adopted" } else { "" };
    line("mode", &format!("{}{adopted}", caller.mode));
    line("client ID", &caller.client_id);
    for own in &caller.connections {
        let state = match own.state {
            "active" => String::new(),
            other => format!(", {other}"),
        };
        line(
            "connection",
            &format!("{}, handle {}{state}", own.connection, own.handle_id),
        );
    }
    for rule in &caller.rules {
        line("may", rule);
    }
    if !caller.scopes.is_empty() {
        line("scopes", &caller.scopes.join(","));
    }
    if let Some(exchange) = &caller.exchange {
        let app = exchange
            .client_id
            .as_deref()
            .unwrap_or("an app that was removed");
        line(
            "may exchange",
            &format!("grant tokens of {app}, as {}", exchange.name),
        );
    }
    line("added", &caller.created_at);
    line("expires", caller.expires_at.as_deref().unwrap_or("never"));
    if let Some(until) = &caller.previous_valid_until {
        line(
            "rotated",
            &format!("the credentials before work until {until}"),
        );
    }
    line(
        "last used",
        caller.last_used_at.as_deref().unwrap_or("never"),
    );
    text
}

fn or_dash(text: &str) -> String {
    match text {
        "" => "-".to_owned(),
        text => text.to_owned(),
    }
}
