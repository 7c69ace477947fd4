//! Apps as they may be shown: no key is needed.

use std::{fmt, str::FromStr};

use zoho_oauth::{AccountsDomain, ClientId, CustomHosts};

use super::AppError;
use crate::{
    clock::Timestamp,
    connection::PLACES_TAKEN,
    vault::{Vault, VaultError},
};

/// An app as it may be shown: no secret is in it.
#[derive(Clone, Debug)]
pub struct AppEntry {
    /// Its row's id.
    pub id: String,
    /// Its client ID.
    pub client_id: ClientId,
    /// Where it is registered.
    pub accounts_domain: AccountsDomain,
    /// When it came into the vault.
    pub added_at: Timestamp,
    /// How many connections use it.
    pub connections: u32,
    /// How many of Zoho's places its refresh tokens take, as far as the vault knows; also those of
    /// removed connections.
    pub places: u32,
    /// Its secrets, in the order in which they are tried; retired ones last.
    pub secrets: Vec<SecretEntry>,
}

/// A client secret without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretEntry {
    /// What it is called.
    pub id: SecretId,
    /// When it came into the vault.
    pub added_at: Timestamp,
    /// When Zoho last accepted it, in an exchange or for an access token; `None` if it never has.
    pub last_accepted_at: Option<Timestamp>,
    /// Since when it is not used any more.
    pub retired_at: Option<Timestamp>,
}

/// What a secret is called: the first 8 hexadecimal digits of its keyed fingerprint, which say
/// nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretId(String);

impl SecretId {
    pub(super) fn of(fingerprint: &[u8]) -> Self {
        let start = &fingerprint[..fingerprint.len().min(4)];
        Self(base16ct::lower::encode_string(start))
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no id of a secret; it may be a secret, and is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a secret has 8 hexadecimal digits in lower case")]
pub struct InvalidSecretId;

impl FromStr for SecretId {
    type Err = InvalidSecretId;

    fn from_str(text: &str) -> Result<Self, InvalidSecretId> {
        let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let valid = text.len() == 8 && text.bytes().all(hex);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidSecretId)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    client_id: String,
    accounts_domain: String,
    created_at: Timestamp,
    connections: u32,
    places: u32,
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    app_id: String,
    fingerprint: Vec<u8>,
    added_at: Timestamp,
    last_accepted_at: Option<Timestamp>,
    retired_at: Option<Timestamp>,
}

/// Lists the apps that were not removed, by client ID.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn list(vault: &Vault) -> Result<Vec<AppEntry>, VaultError> {
    let failed = |error| vault.store.error(error);
    let sql = format!(
        "SELECT a.id, a.client_id, a.accounts_domain, a.created_at,
           (SELECT count(*) FROM connections c
             WHERE c.app_id = a.id AND c.removed_at IS NULL) AS connections,
           (SELECT count(*) FROM ({PLACES_TAKEN}) p WHERE p.app_id = a.id) AS places
         FROM apps a WHERE a.removed_at IS NULL ORDER BY a.client_id, a.accounts_domain"
    );
    let apps = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql));
    let apps = apps
        .fetch_all(&vault.store.reader())
        .await
        .map_err(failed)?;
    let sql = "SELECT app_id, fingerprint, added_at, last_accepted_at, retired_at FROM app_secrets
               ORDER BY retired_at IS NOT NULL, last_accepted_at IS NULL, last_accepted_at DESC,
                 added_at DESC, id DESC";
    let secrets = sqlx::query_as::<_, SecretRow>(sql);
    let secrets = secrets.fetch_all(&vault.store.reader()).await;
    let secrets = secrets.map_err(failed)?;
    apps.into_iter()
        .map(|app| AppEntry::new(app, &secrets))
        .collect()
}

/// Finds the app of this client ID; `None` if there is none.
///
/// # Errors
///
/// If the client ID is registered at several accounts domains and none is given.
pub async fn find(
    vault: &Vault,
    client_id: &ClientId,
    accounts_domain: Option<&AccountsDomain>,
) -> Result<Option<AppEntry>, AppError> {
    let mut found = list(vault).await?;
    found.retain(|app| {
        app.client_id == *client_id
            && accounts_domain.is_none_or(|domain| *domain == app.accounts_domain)
    });
    if found.len() > 1 {
        return Err(AppError::Ambiguous {
            client_id: client_id.clone(),
            accounts_domains: found.into_iter().map(|app| app.accounts_domain).collect(),
        });
    }
    Ok(found.pop())
}

impl AppEntry {
    fn new(row: Row, secrets: &[SecretRow]) -> Result<Self, VaultError> {
        let damaged = |column| VaultError::Damaged {
            table: "apps",
            column,
            row: row.id.clone(),
        };
        let own = secrets.iter().filter(|secret| secret.app_id == row.id);
        Ok(Self {
            client_id: row.client_id.parse().map_err(|_| damaged("client_id"))?,
            accounts_domain: AccountsDomain::parse(&row.accounts_domain, CustomHosts::Allowed)
                .map_err(|_| damaged("accounts_domain"))?,
            added_at: row.created_at,
            connections: row.connections,
            places: row.places,
            secrets: own.map(SecretEntry::from).collect(),
            id: row.id,
        })
    }
}

impl From<&SecretRow> for SecretEntry {
    fn from(row: &SecretRow) -> Self {
        Self {
            id: SecretId::of(&row.fingerprint),
            added_at: row.added_at,
            last_accepted_at: row.last_accepted_at,
            retired_at: row.retired_at,
        }
    }
}
