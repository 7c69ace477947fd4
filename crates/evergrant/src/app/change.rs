//! Changing an app: its secrets, whether it is there.

use rand::CryptoRng;
use sqlx::{Sqlite, Transaction};
use zoho_oauth::{AccountsDomain, ClientId, ClientSecret};

use super::{
    SecretId,
    reopen::{Why, reopen},
    secrets::{self, NewSecret},
};
use crate::{
    audit::{self, Event},
    vault::{UnlockedVault, VaultError},
};

/// Why an app was not found or not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The client ID is registered at several accounts domains.
    #[error("the client ID {client_id} is that of several apps")]
    Ambiguous {
        /// The client ID.
        client_id: ClientId,
        /// Where it is registered.
        accounts_domains: Vec<AccountsDomain>,
    },
    /// There is none of this id, or it was removed.
    #[error("there is no such app")]
    NotFound,
    /// The app has no secret of this id.
    #[error("the app has no secret {0}")]
    NoSuchSecret(SecretId),
    /// Without this secret the app would have none.
    #[error("{0} is the last secret of the app that is not retired")]
    LastSecret(SecretId),
    /// Connections use the app.
    #[error("connections use the app: {}", .0.join(", "))]
    InUse(Vec<String>),
    /// Callers may make connections of the app.
    #[error("callers may make connections of the app: {}", .0.join(", "))]
    MayBeUsed(Vec<String>),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What became of a secret that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// What it is called.
    pub id: SecretId,
    /// Whether anything changed; `false` if the app had it and it was not retired.
    pub changed: bool,
    /// How many connections were refused for the app's sake, and may try again.
    pub reopened: usize,
}

/// Adds a secret to an app, or takes a retired one into use again. It is tried after those that Zoho
/// accepted; connections whose app was refused may try at once.
///
/// # Errors
///
/// [`AppError::NotFound`], or the vault's.
pub async fn add_secret(
    vault: &UnlockedVault,
    app_id: &str,
    secret: &ClientSecret,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Added, AppError> {
    let mut change = Change::begin(vault, app_id).await?;
    let fingerprint = secrets::fingerprint(vault, secret);
    let id = SecretId::of(fingerprint.as_bytes());
    let known = change.secrets().await?;
    let known = known
        .iter()
        .find(|known| known.fingerprint == fingerprint.as_bytes());
    let written = match known {
        // The app may have been mended in the console: its connections may try again.
        Some(known) if !known.retired => {
            let reopened = reopen(&mut change.transaction, vault, app_id, Why::APersonSaysSo).await;
            let reopened = reopened.map_err(|error| vault.store().error(error))?;
            let committed = change.transaction.commit().await;
            committed.map_err(|error| vault.store().error(error))?;
            return Ok(Added {
                id,
                changed: false,
                reopened,
            });
        }
        Some(known) => {
            let update = sqlx::query("UPDATE app_secrets SET retired_at = NULL WHERE id = $1");
            let update = update.bind(&known.id);
            update.execute(&mut *change.transaction).await.map(drop)
        }
        None => {
            let new = NewSecret {
                app_id,
                client_id: &change.client_id,
                accounts_domain: &change.accounts_domain,
                secret,
                added_at: vault.clock().now(),
                last_accepted_at: None,
            };
            secrets::insert(&mut change.transaction, vault, &new, rng).await
        }
    };
    written.map_err(|error| vault.store().error(error))?;
    let reopened = reopen(&mut change.transaction, vault, app_id, Why::APersonSaysSo).await;
    let reopened = reopened.map_err(|error| vault.store().error(error))?;
    change.commit("app_secret_added", Some(&id)).await?;
    Ok(Added {
        id,
        changed: true,
        reopened,
    })
}

/// Takes a secret out of use. It stays sealed in the vault until the app is removed.
///
/// # Errors
///
/// If there is no such app or secret, or if this is the last one that is not retired; or the vault's.
pub async fn retire_secret(
    vault: &UnlockedVault,
    app_id: &str,
    id: &SecretId,
) -> Result<(), AppError> {
    let mut change = Change::begin(vault, app_id).await?;
    let secrets = change.secrets().await?;
    let mut meant = secrets
        .iter()
        .filter(|secret| SecretId::of(&secret.fingerprint) == *id);
    // Two of one id are as good as none: which of them is meant?
    let (Some(secret), None) = (meant.next(), meant.next()) else {
        return Err(AppError::NoSuchSecret(id.clone()));
    };
    if secret.retired {
        return Ok(());
    }
    if secrets.iter().filter(|secret| !secret.retired).count() == 1 {
        return Err(AppError::LastSecret(id.clone()));
    }
    let update = sqlx::query("UPDATE app_secrets SET retired_at = $1 WHERE id = $2");
    let update = update.bind(vault.clock().now()).bind(&secret.id);
    let updated = update.execute(&mut *change.transaction).await;
    updated.map_err(|error| vault.store().error(error))?;
    change.commit("app_secret_retired", Some(id)).await
}

/// Removes an app that no connection uses, and its secrets with it. An exchange with it makes it anew.
///
/// # Errors
///
/// If there is no such app, if connections use it, or if callers may make some; or the vault's.
pub async fn remove(vault: &UnlockedVault, app_id: &str) -> Result<(), AppError> {
    let failed = |error| vault.store().error(error);
    let mut change = Change::begin(vault, app_id).await?;
    let users = change
        .names(
            "SELECT name FROM connections WHERE app_id = $1 AND removed_at IS NULL ORDER BY name",
        )
        .await?;
    if !users.is_empty() {
        return Err(AppError::InUse(users));
    }
    let makers = change
        .names(
            "SELECT name FROM callers WHERE exchange_app_id = $1 AND revoked_at IS NULL ORDER BY name",
        )
        .await?;
    if !makers.is_empty() {
        return Err(AppError::MayBeUsed(makers));
    }
    let delete = sqlx::query("DELETE FROM app_secrets WHERE app_id = $1").bind(app_id);
    let deleted = delete.execute(&mut *change.transaction).await;
    deleted.map_err(failed)?;
    let update = sqlx::query("UPDATE apps SET removed_at = $1 WHERE id = $2");
    let update = update.bind(vault.clock().now()).bind(app_id);
    let updated = update.execute(&mut *change.transaction).await;
    updated.map_err(failed)?;
    change.commit("app_removed", None).await
}

/// A change of one app, with the write lock held.
struct Change<'a> {
    vault: &'a UnlockedVault,
    transaction: Transaction<'static, Sqlite>,
    app_id: &'a str,
    client_id: String,
    accounts_domain: String,
}

#[derive(sqlx::FromRow)]
struct KnownSecret {
    id: String,
    fingerprint: Vec<u8>,
    retired: bool,
}

impl<'a> Change<'a> {
    async fn begin(vault: &'a UnlockedVault, app_id: &'a str) -> Result<Self, AppError> {
        let mut transaction = vault.store().begin().await?;
        let sql =
            "SELECT client_id, accounts_domain FROM apps WHERE id = $1 AND removed_at IS NULL";
        let query = sqlx::query_as::<_, (String, String)>(sql).bind(app_id);
        let found = query.fetch_optional(&mut *transaction).await;
        let found = found.map_err(|error| vault.store().error(error))?;
        let (client_id, accounts_domain) = found.ok_or(AppError::NotFound)?;
        Ok(Self {
            vault,
            transaction,
            app_id,
            client_id,
            accounts_domain,
        })
    }

    async fn secrets(&mut self) -> Result<Vec<KnownSecret>, VaultError> {
        let sql = "SELECT id, fingerprint, retired_at IS NOT NULL AS retired FROM app_secrets
                   WHERE app_id = $1";
        let query = sqlx::query_as(sql).bind(self.app_id);
        let found = query.fetch_all(&mut *self.transaction).await;
        found.map_err(|error| self.vault.store().error(error))
    }

    async fn names(&mut self, of_app: &'static str) -> Result<Vec<String>, VaultError> {
        let query = sqlx::query_scalar(of_app).bind(self.app_id);
        let found = query.fetch_all(&mut *self.transaction).await;
        found.map_err(|error| self.vault.store().error(error))
    }

    async fn commit(
        mut self,
        event: &'static str,
        secret: Option<&SecretId>,
    ) -> Result<(), AppError> {
        let failed = |error| self.vault.store().error(error);
        let secret = secret.map_or(String::new(), |id| format!(", secret {id}"));
        let event = Event {
            event,
            connection_id: None,
            detail: format!("{} at {}{secret}", self.client_id, self.accounts_domain),
        };
        let appended = audit::append(&mut self.transaction, self.vault, event).await;
        appended.map_err(failed)?;
        self.transaction.commit().await.map_err(failed)?;
        Ok(())
    }
}
