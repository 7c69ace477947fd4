//! Reading callers: no key is needed.

use std::collections::HashMap;

use sqlx::{SqliteConnection, SqliteExecutor};
use zoho_oauth::Scopes;

use super::{Caller, CallerConnection, CallerName, ExchangeRight, HandleId, Mode};
use crate::{
    app::{self, App},
    clock::Timestamp,
    vault::{UnlockedVault, Vault, VaultError},
};

const SELECT: &str =
    "SELECT id, name, client_id, mode, rules, scopes, exchange_name, exchange_app_id, adopted,
    created_at, expires_at, previous_valid_until, last_used_at, revoked_at FROM callers";

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    name: String,
    client_id: String,
    mode: String,
    rules: String,
    scopes: String,
    exchange_name: Option<String>,
    exchange_app_id: Option<String>,
    adopted: bool,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    previous_valid_until: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
pub(super) struct ConnectionRow {
    id: String,
    caller_id: String,
    name: String,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
    is_removed: bool,
}

/// Lists the callers that are not revoked, by name.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn list(vault: &Vault) -> Result<Vec<Caller>, VaultError> {
    let sql = format!("{SELECT} WHERE revoked_at IS NULL ORDER BY name");
    select(vault, sql).await
}

/// Lists all callers by name, also those that were revoked.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn list_all(vault: &Vault) -> Result<Vec<Caller>, VaultError> {
    select(vault, format!("{SELECT} ORDER BY name, created_at")).await
}

/// Finds the caller of this name that is not revoked.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn find(vault: &Vault, name: &CallerName) -> Result<Option<Caller>, VaultError> {
    let all = list(vault).await?;
    Ok(all.into_iter().find(|caller| caller.name == *name))
}

/// Opens the app that a caller may make exchanges with, once with each client secret that may be tried, in that
/// order; none if the app was removed.
///
/// # Errors
///
/// If the vault cannot be read, or if a client secret does not open.
pub async fn exchange_apps(
    vault: &UnlockedVault,
    right: &ExchangeRight,
) -> Result<Vec<App>, VaultError> {
    let Some(app) = app::find_by_id(vault, &right.app_id).await? else {
        return Ok(Vec::new());
    };
    let secrets = app::secrets_in_order(vault, &right.app_id).await?;
    let with = |(_, client_secret)| App {
        client_secret,
        ..app.clone()
    };
    Ok(secrets.into_iter().map(with).collect())
}

async fn select(vault: &Vault, sql: String) -> Result<Vec<Caller>, VaultError> {
    let failed = |error| vault.store.error(error);
    let query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql));
    let rows = query.fetch_all(&vault.store.reader()).await;
    let rows = rows.map_err(failed)?;
    let mut connections: HashMap<String, Vec<ConnectionRow>> = HashMap::new();
    for row in self::connections(&vault.store.reader(), None)
        .await
        .map_err(failed)?
    {
        connections
            .entry(row.caller_id.clone())
            .or_default()
            .push(row);
    }
    let read = |row: Row| {
        let own = connections.remove(&row.id).unwrap_or_default();
        let mut caller = Caller::try_from(row)?;
        caller.connections = own
            .into_iter()
            .map(CallerConnection::try_from)
            .collect::<Result<_, _>>()?;
        Ok(caller)
    };
    rows.into_iter().map(read).collect()
}

/// Finds the row of a caller that is not revoked.
pub(super) async fn by_name(
    connection: &mut SqliteConnection,
    name: &CallerName,
) -> Result<Option<Row>, sqlx::Error> {
    let sql = format!("{SELECT} WHERE name = $1 AND revoked_at IS NULL");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(name.as_str());
    query.fetch_optional(connection).await
}

/// Finds the row of a caller that is not revoked, by its id.
pub(super) async fn by_id(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Row>, sqlx::Error> {
    let sql = format!("{SELECT} WHERE id = $1 AND revoked_at IS NULL");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id);
    query.fetch_optional(connection).await
}

/// Lists the connections of one caller, or of all.
pub(super) async fn connections(
    from: impl SqliteExecutor<'_>,
    caller_id: Option<&str>,
) -> Result<Vec<ConnectionRow>, sqlx::Error> {
    let sql = "SELECT h.id, h.caller_id, c.name, h.created_at, h.revoked_at,
                 c.removed_at IS NOT NULL AS is_removed
               FROM caller_connections h JOIN connections c ON c.id = h.connection_id
               WHERE $1 IS NULL OR h.caller_id = $1 ORDER BY c.name, h.created_at";
    sqlx::query_as(sql).bind(caller_id).fetch_all(from).await
}

impl TryFrom<Row> for Caller {
    type Error = VaultError;

    /// Reads all but the connections.
    fn try_from(row: Row) -> Result<Self, VaultError> {
        let damaged = |column| damaged("callers", column, &row.id);
        let rules = row.rules.lines().map(str::parse).collect::<Result<_, _>>();
        let exchange = match (&row.exchange_name, &row.exchange_app_id) {
            (Some(name), Some(app_id)) => Some(ExchangeRight {
                name: name.parse().map_err(|_| damaged("exchange_name"))?,
                app_id: app_id.clone(),
            }),
            _ => None,
        };
        Ok(Self {
            name: row.name.parse().map_err(|_| damaged("name"))?,
            client_id: row.client_id.parse().map_err(|_| damaged("client_id"))?,
            mode: Mode::from_word(&row.mode).ok_or_else(|| damaged("mode"))?,
            rules: rules.map_err(|_| damaged("rules"))?,
            scopes: Scopes::parse(&row.scopes).map_err(|_| damaged("scopes"))?,
            exchange,
            adopted: row.adopted,
            created_at: row.created_at,
            expires_at: row.expires_at,
            previous_valid_until: row.previous_valid_until,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            connections: Vec::new(),
            id: row.id,
        })
    }
}

impl TryFrom<ConnectionRow> for CallerConnection {
    type Error = VaultError;

    fn try_from(row: ConnectionRow) -> Result<Self, VaultError> {
        let damaged = |table, column| damaged(table, column, &row.id);
        Ok(Self {
            handle_id: HandleId::parse(&row.id)
                .ok_or_else(|| damaged("caller_connections", "id"))?,
            connection: row
                .name
                .parse()
                .map_err(|_| damaged("connections", "name"))?,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
            is_removed: row.is_removed,
        })
    }
}

pub(super) fn damaged(table: &'static str, column: &'static str, row: &str) -> VaultError {
    VaultError::Damaged {
        table,
        column,
        row: row.to_owned(),
    }
}
