//! The secrets of an app, sealed, in the order in which they are tried.

use rand::CryptoRng;
use sqlx::SqliteConnection;
use zoho_oauth::{AccountsDomain, ClientSecret, CustomHosts};

use super::{App, secret_place};
use crate::{
    clock::Timestamp,
    id::new_id,
    vault::{Fingerprint, UnlockedVault, VaultError},
};

/// The secrets that may be tried: the one that Zoho accepted last goes first, those that it never
/// saw come last, the newest of them before the others.
const USABLE_IN_ORDER: &str = "s.retired_at IS NULL ORDER BY s.last_accepted_at IS NULL,
      s.last_accepted_at DESC, s.added_at DESC, s.id DESC";

const SELECT: &str = "SELECT a.client_id, a.accounts_domain, s.id AS secret_id, s.secret_sealed
    FROM apps a JOIN app_secrets s ON s.app_id = a.id";

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    accounts_domain: String,
    secret_id: String,
    secret_sealed: Vec<u8>,
}

/// Finds the app of a connection, by the connection's name.
///
/// # Errors
///
/// If the vault cannot be read, or if the secret does not open.
pub async fn find_by_connection(
    vault: &UnlockedVault,
    name: &str,
) -> Result<Option<App>, VaultError> {
    let sql = format!(
        "{SELECT} JOIN connections c ON c.app_id = a.id
         WHERE c.name = $1 AND c.removed_at IS NULL AND {USABLE_IN_ORDER} LIMIT 1"
    );
    find(vault, sql, name).await
}

/// Finds an app by its row's id; `None` also if no secret of it is left.
pub(crate) async fn find_by_id(vault: &UnlockedVault, id: &str) -> Result<Option<App>, VaultError> {
    let sql = format!("{SELECT} WHERE a.id = $1 AND {USABLE_IN_ORDER} LIMIT 1");
    find(vault, sql, id).await
}

async fn find(vault: &UnlockedVault, sql: String, key: &str) -> Result<Option<App>, VaultError> {
    let query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql)).bind(key);
    let row = query.fetch_optional(&vault.store().reader()).await;
    let row = row.map_err(|error| vault.store().error(error))?;
    let Some(row) = row else { return Ok(None) };
    let damaged = |column| VaultError::Damaged {
        table: "apps",
        column,
        row: row.client_id.clone(),
    };
    Ok(Some(App {
        client_id: row.client_id.parse().map_err(|_| damaged("client_id"))?,
        accounts_domain: AccountsDomain::parse(&row.accounts_domain, CustomHosts::Allowed)
            .map_err(|_| damaged("accounts_domain"))?,
        client_secret: open(vault, &row)?,
    }))
}

/// Opens the secrets of an app that are not retired, each with the id of its row, in the order in
/// which they are to be tried: the one that Zoho accepted last, then those that it never saw.
pub(crate) async fn secrets_in_order(
    vault: &UnlockedVault,
    app_id: &str,
) -> Result<Vec<(String, ClientSecret)>, VaultError> {
    let sql = format!("{SELECT} WHERE a.id = $1 AND {USABLE_IN_ORDER}");
    let query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql)).bind(app_id);
    let rows = query.fetch_all(&vault.store().reader()).await;
    let rows = rows.map_err(|error| vault.store().error(error))?;
    let opened = rows.into_iter().map(|row| {
        let secret = open(vault, &row)?;
        Ok((row.secret_id, secret))
    });
    opened.collect()
}

fn open(vault: &UnlockedVault, row: &Row) -> Result<ClientSecret, VaultError> {
    let place = secret_place(vault, &row.secret_id, &row.accounts_domain, &row.client_id);
    let secret = vault.open(&place, &row.secret_sealed, "a client secret")?;
    Ok(ClientSecret::new(secret))
}

/// Returns what a secret is known again by.
pub(super) fn fingerprint(vault: &UnlockedVault, secret: &ClientSecret) -> Fingerprint {
    let secret = secret.expose_secret().as_bytes();
    vault.index_key.fingerprint("client_secret", &[secret])
}

/// A secret that the app has not yet.
pub(super) struct NewSecret<'a> {
    pub(super) app_id: &'a str,
    pub(super) client_id: &'a str,
    pub(super) accounts_domain: &'a str,
    pub(super) secret: &'a ClientSecret,
    pub(super) added_at: Timestamp,
    pub(super) last_accepted_at: Option<Timestamp>,
}

/// Writes the row of a new secret.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    new: &NewSecret<'_>,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), sqlx::Error> {
    let id = new_id(new.added_at, rng);
    let place = secret_place(vault, &id, new.accounts_domain, new.client_id);
    let sealed = vault
        .keyring
        .seal(&place, new.secret.expose_secret().as_bytes(), rng);
    let sql = "INSERT INTO app_secrets
               (id, app_id, fingerprint, secret_sealed, added_at, last_accepted_at)
               VALUES ($1, $2, $3, $4, $5, $6)";
    let insert = sqlx::query(sql).bind(id).bind(new.app_id);
    let insert = insert.bind(fingerprint(vault, new.secret).as_bytes().to_vec());
    let insert = insert
        .bind(sealed)
        .bind(new.added_at)
        .bind(new.last_accepted_at);
    insert.execute(connection).await.map(drop)
}
