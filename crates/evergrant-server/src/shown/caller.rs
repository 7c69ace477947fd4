//! A caller.

use evergrant::{
    app::{self, AppEntry},
    caller::{self, Rule},
    clock::Timestamp,
    connection::{self, Connection},
    vault::{Vault, VaultError},
};
use serde::Serialize;
use zoho_oauth::Scopes;

use crate::{explain::lacking, time::rfc3339};

/// A program that may have tokens of certain connections.
#[derive(Serialize)]
pub struct Caller {
    /// Its name.
    pub name: String,
    /// `active`, `expired` or `revoked`.
    pub state: &'static str,
    /// `proxied` or `direct`.
    pub mode: &'static str,
    /// Its client ID.
    pub client_id: String,
    /// Whether it goes on with the credentials that it had before.
    pub adopted: bool,
    /// Its connections.
    pub connections: Vec<CallerConnection>,
    /// What it may ask for; none allows everything.
    pub rules: Vec<String>,
    /// What its tokens are narrowed to; none narrows nothing.
    pub scopes: Vec<String>,
    /// Whether it may exchange grant tokens.
    pub exchange: Option<CallerExchange>,
    /// When it was added.
    pub created_at: String,
    /// From when on it is refused.
    pub expires_at: Option<String>,
    /// Until when the credentials before its last rotation work.
    pub previous_valid_until: Option<String>,
    /// When it last asked for a token, to the minute.
    pub last_used_at: Option<String>,
    /// Since when it is revoked.
    pub revoked_at: Option<String>,
}

/// A connection of a caller.
#[derive(Serialize)]
pub struct CallerConnection {
    /// The connection.
    pub connection: String,
    /// The id of the handle.
    pub handle_id: String,
    /// `active`, `revoked`, or `removed` with its connection.
    pub state: &'static str,
    /// When the caller got it.
    pub created_at: String,
    /// Since when the handle alone is revoked.
    pub revoked_at: Option<String>,
    /// What its tokens open here of the scopes that the caller is narrowed to, if the connection lacks some.
    pub effective_scopes: Option<Vec<String>>,
}

/// The right to exchange grant tokens.
#[derive(Serialize)]
pub struct CallerExchange {
    /// The name of the first connection.
    pub name: String,
    /// The app that the grant tokens belong to; `None` if it was removed.
    pub client_id: Option<String>,
}

impl Caller {
    /// Shows callers, with the apps that they may use.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read.
    pub async fn all(callers: &[caller::Caller], vault: &Vault) -> Result<Vec<Self>, VaultError> {
        let apps = match callers.iter().any(|caller| caller.exchange.is_some()) {
            true => app::list(vault).await?,
            false => Vec::new(),
        };
        let held = match callers.iter().any(|caller| !caller.scopes.is_empty()) {
            true => connection::list(vault).await?,
            false => Vec::new(),
        };
        let new = |caller| Self::new(caller, &apps, &held, vault.now());
        Ok(callers.iter().map(new).collect())
    }

    /// Shows one caller.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read.
    pub async fn one(caller: &caller::Caller, vault: &Vault) -> Result<Self, VaultError> {
        let mut all = Self::all(std::slice::from_ref(caller), vault).await?;
        Ok(all.remove(0))
    }

    fn new(
        caller: &caller::Caller,
        apps: &[AppEntry],
        held: &[Connection],
        now: Timestamp,
    ) -> Self {
        let shown = |own| CallerConnection::new(own, &caller.scopes, held);
        let app_of = |id: &str| apps.iter().find(|app| app.id == id);
        let exchange = caller.exchange.as_ref().map(|right| CallerExchange {
            name: right.name.to_string(),
            client_id: app_of(&right.app_id).map(|app| app.client_id.to_string()),
        });
        let previous = caller.previous_valid_until.filter(|until| *until > now);
        Self {
            name: caller.name.to_string(),
            state: state(caller, now),
            mode: caller.mode.as_str(),
            client_id: caller.client_id.to_string(),
            adopted: caller.adopted,
            connections: caller.connections.iter().map(shown).collect(),
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
}

impl CallerConnection {
    fn new(own: &caller::CallerConnection, wanted: &Scopes, held: &[Connection]) -> Self {
        let works = own.revoked_at.is_none() && !own.is_removed;
        let its = held.iter().find(|one| works && one.name == own.connection);
        let left = its.and_then(|its| lacking(wanted, &its.scopes));
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
            effective_scopes: left.map(|left| left.iter().map(ToString::to_string).collect()),
        }
    }
}

fn state(caller: &caller::Caller, now: Timestamp) -> &'static str {
    if caller.revoked_at.is_some() {
        "revoked"
    } else if caller.expires_at.is_some_and(|end| end <= now) {
        "expired"
    } else {
        "active"
    }
}
