//! Apps: the registered OAuth clients that connections belong to.

use rand::CryptoRng;
use sqlx::SqliteConnection;
use zoho_oauth::{AccountsDomain, ClientId, ClientSecret, CustomHosts};

use crate::{
    clock::Timestamp,
    vault::{UnlockedVault, VaultError},
};

/// An app as the vault has it, with the secret that Zoho accepted last.
#[derive(Clone, Debug)]
pub struct App {
    /// Its client ID.
    pub client_id: ClientId,
    /// Where it is registered.
    pub accounts_domain: AccountsDomain,
    /// Its secret.
    pub client_secret: ClientSecret,
}

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    accounts_domain: String,
    secret_id: String,
    secret_sealed: Vec<u8>,
}

/// Finds the app of a connection, by the connection's name.
pub async fn find_by_connection(
    vault: &UnlockedVault,
    name: &str,
) -> Result<Option<App>, VaultError> {
    let sql = "SELECT a.client_id, a.accounts_domain, s.id AS secret_id, s.secret_sealed
               FROM connections c JOIN apps a ON a.id = c.app_id JOIN app_secrets s ON s.app_id = a.id
               WHERE c.name = $1 AND c.removed_at IS NULL AND s.retired_at IS NULL
               ORDER BY s.last_accepted_at DESC LIMIT 1";
    find(vault, sql, name).await
}

/// Finds an app by its row's id; `None` also if no secret of it is left.
pub(crate) async fn find_by_id(vault: &UnlockedVault, id: &str) -> Result<Option<App>, VaultError> {
    let sql = "SELECT a.client_id, a.accounts_domain, s.id AS secret_id, s.secret_sealed
               FROM apps a JOIN app_secrets s ON s.app_id = a.id
               WHERE a.id = $1 AND s.retired_at IS NULL
               ORDER BY s.last_accepted_at DESC LIMIT 1";
    find(vault, sql, id).await
}

async fn find(
    vault: &UnlockedVault,
    sql: &'static str,
    key: &str,
) -> Result<Option<App>, VaultError> {
    let row: Option<Row> = sqlx::query_as(sql)
        .bind(key)
        .fetch_optional(vault.store().reader())
        .await
        .map_err(|error| vault.store().error(error))?;
    row.map(|row| open(vault, row)).transpose()
}

fn open(vault: &UnlockedVault, row: Row) -> Result<App, VaultError> {
    let damaged = |column| VaultError::Damaged {
        table: "apps",
        column,
        row: row.client_id.clone(),
    };
    let place = secret_place(vault, &row.secret_id, &row.accounts_domain, &row.client_id);
    let secret = vault.open(&place, &row.secret_sealed, "a client secret")?;
    Ok(App {
        client_id: row.client_id.parse().map_err(|_| damaged("client_id"))?,
        accounts_domain: AccountsDomain::parse(&row.accounts_domain, CustomHosts::Allowed)
            .map_err(|_| damaged("accounts_domain"))?,
        client_secret: ClientSecret::new(secret),
    })
}

/// Notes that Zoho accepted this secret of this app, making the app's row on first sight, and
/// returns the row's id.
pub(crate) async fn accept(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    app: &App,
    now: Timestamp,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<String, sqlx::Error> {
    let (client_id, accounts_domain) = (app.client_id.as_str(), app.accounts_domain.as_str());
    let sql =
        "INSERT INTO apps (id, client_id, accounts_domain, created_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (client_id, accounts_domain) DO UPDATE SET client_id = excluded.client_id
               RETURNING id";
    let query = sqlx::query_scalar(sql).bind(crate::id::new_id(now, rng));
    let query = query.bind(client_id).bind(accounts_domain).bind(now);
    let app_id: String = query.fetch_one(&mut *connection).await?;

    let secret = app.client_secret.expose_secret().as_bytes();
    let fingerprint = vault.index_key.fingerprint("client_secret", &[secret]);
    let sql = "UPDATE app_secrets SET last_accepted_at = $1, retired_at = NULL
               WHERE app_id = $2 AND fingerprint = $3";
    let update = sqlx::query(sql)
        .bind(now)
        .bind(&app_id)
        .bind(fingerprint.as_bytes());
    if update.execute(&mut *connection).await?.rows_affected() > 0 {
        return Ok(app_id);
    }
    let id = crate::id::new_id(now, rng);
    let place = secret_place(vault, &id, accounts_domain, client_id);
    let sealed = vault.keyring.seal(&place, secret, rng);
    let sql = "INSERT INTO app_secrets
               (id, app_id, fingerprint, secret_sealed, added_at, last_accepted_at)
               VALUES ($1, $2, $3, $4, $5, $5)";
    let insert = sqlx::query(sql)
        .bind(id)
        .bind(&app_id)
        .bind(fingerprint.as_bytes());
    insert.bind(sealed).bind(now).execute(connection).await?;
    Ok(app_id)
}

/// Opens the secrets of an app that are in use: the one that Zoho accepted last goes first, then the
/// newest.
pub(crate) async fn secrets_in_order(
    vault: &UnlockedVault,
    app_id: &str,
) -> Result<Vec<(String, ClientSecret)>, VaultError> {
    let sql = "SELECT a.client_id, a.accounts_domain, s.id AS secret_id, s.secret_sealed
               FROM apps a JOIN app_secrets s ON s.app_id = a.id
               WHERE a.id = $1 AND s.retired_at IS NULL
               ORDER BY s.last_accepted_at DESC NULLS LAST, s.added_at DESC";
    let query = sqlx::query_as::<_, Row>(sql).bind(app_id);
    let rows = query.fetch_all(vault.store().reader()).await;
    let rows = rows.map_err(|error| vault.store().error(error))?;
    let opened = rows.into_iter().map(|row| {
        let id = row.secret_id.clone();
        Ok((id, open(vault, row)?.client_secret))
    });
    opened.collect()
}

/// Notes that Zoho accepted a secret.
pub(crate) async fn accepted(
    connection: &mut SqliteConnection,
    secret_id: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE app_secrets SET last_accepted_at = $1 WHERE id = $2";
    let update = sqlx::query(sql).bind(now).bind(secret_id);
    update.execute(connection).await.map(drop)
}

fn secret_place(
    vault: &UnlockedVault,
    id: &str,
    accounts_domain: &str,
    client_id: &str,
) -> crate::vault::seal::Place {
    vault.place(
        "app_secrets",
        "secret_sealed",
        id,
        &[accounts_domain, client_id],
    )
}
