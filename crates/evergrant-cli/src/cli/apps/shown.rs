//! An app as it is shown, to people and in JSON.

use evergrant::{
    app::{AppEntry, SecretEntry},
    connection::PLACES,
};
use serde::Serialize;

use crate::cli::{output::table, time::rfc3339};

/// The object of `--json`.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) client_id: String,
    pub(super) data_center: Option<&'static str>,
    pub(super) accounts_domain: String,
    pub(super) added_at: String,
    pub(super) connections: u32,
    pub(super) places: Places,
    pub(super) secrets: Vec<Secret>,
}

#[derive(Serialize)]
pub(super) struct Places {
    used: u32,
    of: u32,
}

#[derive(Serialize)]
pub(super) struct Secret {
    id: String,
    added_at: String,
    last_accepted_at: Option<String>,
    retired_at: Option<String>,
}

impl Shown {
    /// Counts the secrets that are not retired.
    pub(super) fn usable_secrets(&self) -> usize {
        let usable = |secret: &&Secret| secret.retired_at.is_none();
        self.secrets.iter().filter(usable).count()
    }
}

impl From<&AppEntry> for Shown {
    fn from(app: &AppEntry) -> Self {
        Self {
            client_id: app.client_id.to_string(),
            data_center: app.accounts_domain.data_center().map(|center| center.code),
            accounts_domain: app.accounts_domain.to_string(),
            added_at: rfc3339(app.added_at),
            connections: app.connections,
            places: Places {
                used: app.places,
                of: PLACES,
            },
            secrets: app.secrets.iter().map(Secret::from).collect(),
        }
    }
}

impl From<&SecretEntry> for Secret {
    fn from(secret: &SecretEntry) -> Self {
        Self {
            id: secret.id.to_string(),
            added_at: rfc3339(secret.added_at),
            last_accepted_at: secret.last_accepted_at.map(rfc3339),
            retired_at: secret.retired_at.map(rfc3339),
        }
    }
}

/// Writes it for people.
pub(super) fn for_people(app: &Shown) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| text.push_str(&format!("{label:<16}{value}\n"));
    line("client ID", &app.client_id);
    line("accounts domain", &app.accounts_domain);
    line("added", &app.added_at);
    line("connections", &app.connections.to_string());
    let Places { used, of } = app.places;
    line("places", &format!("{used} of {of}"));
    let or = |time: &Option<String>, none: &str| time.clone().unwrap_or_else(|| none.to_owned());
    let row = |secret: &Secret| {
        [
            secret.id.clone(),
            secret.added_at.clone(),
            or(&secret.last_accepted_at, "never"),
            or(&secret.retired_at, "-"),
        ]
    };
    let headings = ["secret", "added", "accepted by Zoho", "retired"];
    let rows: Vec<_> = app.secrets.iter().map(row).collect();
    text + "\n" + &table(headings, &rows)
}
