//! A connection.

use evergrant::{broker::Limits, connection};
use serde::Serialize;

use crate::time::rfc3339;

/// A connection beside the limits that are set.
#[derive(Serialize)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// Whether it works.
    pub state: &'static str,
    /// Since when.
    pub state_since: String,
    /// Why, where there is more to say.
    pub state_reason: Option<String>,
    /// How it gets access tokens.
    pub grant_type: String,
    /// The organisation that client credentials ask for tokens of.
    pub soid: Option<String>,
    /// `production`, `sandbox` or `developer`.
    pub environment: Option<String>,
    /// The data center's code, if it is one of Zoho's.
    pub data_center: Option<&'static str>,
    /// Where its tokens come from.
    pub accounts_domain: String,
    /// Where its access tokens go.
    pub api_domain: Option<String>,
    /// Its app.
    pub client_id: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// When it last got an access token by a refresh.
    pub last_refresh_at: Option<String>,
    /// Its longest-lived access token.
    pub access_token: Option<AccessToken>,
    /// What is left of Zoho's limit.
    pub refreshes: Refreshes,
    /// When a program may try the next refresh.
    pub retry_at: Option<String>,
    /// How many refresh tokens that it had before still take a place at Zoho.
    pub former_refresh_tokens: u32,
}

/// When an access token dies.
#[derive(Serialize)]
pub struct AccessToken {
    /// The moment.
    pub expires_at: String,
}

/// The refreshes in the window of the limits.
#[derive(Serialize)]
pub struct Refreshes {
    /// How many were made.
    pub used: u32,
    /// How many may be made.
    pub limit: u32,
    /// In which time.
    pub window_seconds: u64,
    /// When a program may make the next one, if all were made.
    pub next_free_at: Option<String>,
}

impl Connection {
    /// Shows a connection beside the limits that are set.
    pub fn new(connection: &connection::Connection, limits: &Limits) -> Self {
        let data_center = connection.accounts_domain.data_center();
        let scopes = connection.scopes.iter();
        let access_token = connection.access_token_expires_at.map(|at| AccessToken {
            expires_at: rfc3339(at),
        });
        Self {
            name: connection.name.to_string(),
            state: connection.state.as_str(),
            state_since: rfc3339(connection.state_since),
            state_reason: connection.state_reason.clone(),
            grant_type: connection.grant_type.clone(),
            soid: connection.soid.clone(),
            environment: connection.environment.clone(),
            data_center: data_center.map(|center| center.code),
            accounts_domain: connection.accounts_domain.to_string(),
            api_domain: connection.api_domain.as_ref().map(ToString::to_string),
            client_id: connection.client_id.to_string(),
            scopes: scopes.map(|scope| scope.as_str().to_owned()).collect(),
            created_at: rfc3339(connection.created_at),
            last_refresh_at: connection.last_refresh_at.map(rfc3339),
            access_token,
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
