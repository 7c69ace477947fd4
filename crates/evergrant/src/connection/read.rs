//! Reading connections: no key is needed.

use zoho_oauth::{AccountsDomain, ApiDomain, CustomHosts, Scopes};

use super::{Connection, ConnectionName, REFRESH_WINDOW, Refreshes, State};
use crate::{
    clock::Timestamp,
    vault::{Vault, VaultError},
};

/// One connection with what the ledger says of it. `$1` is the present moment, `$2` where the window
/// of refreshes begins.
const SELECT: &str = "SELECT c.id, c.name, c.state, c.state_since, c.state_reason, c.grant_type, c.environment,
    a.accounts_domain, c.api_domain, a.client_id, c.scopes, c.created_at,
    (SELECT max(r.started_ms) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome = 'granted' AND r.epoch > 0) AS last_refresh_at,
    (SELECT max(r.expires_ms) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome = 'granted' AND r.refused_ms IS NULL
        AND r.expires_ms > $1) AS access_token_expires_at,
    (SELECT count(*) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome <> 'not_sent' AND r.started_ms > $2) AS used,
    (SELECT min(r.started_ms) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome <> 'not_sent' AND r.started_ms > $2) AS oldest,
    (SELECT count(*) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome = 'granted' AND r.refused_ms IS NULL
        AND r.expires_ms > $1) AS live_tokens,
    (SELECT l.closed_until_ms FROM leases l WHERE l.credential = c.credential) AS closed_until
  FROM connections c JOIN apps a ON a.id = c.app_id
  WHERE c.removed_at IS NULL";

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    state: String,
    state_since: Timestamp,
    state_reason: Option<String>,
    grant_type: String,
    environment: Option<String>,
    accounts_domain: String,
    api_domain: Option<String>,
    client_id: String,
    scopes: String,
    created_at: Timestamp,
    last_refresh_at: Option<Timestamp>,
    access_token_expires_at: Option<Timestamp>,
    used: i64,
    oldest: Option<Timestamp>,
    live_tokens: i64,
    closed_until: Option<Timestamp>,
}

/// Lists all connections by name.
pub async fn list(vault: &Vault) -> Result<Vec<Connection>, VaultError> {
    select(vault, &format!("{SELECT} ORDER BY c.name"), "").await
}

/// Finds the connection of this name.
pub async fn find(vault: &Vault, name: &ConnectionName) -> Result<Option<Connection>, VaultError> {
    let found = select(vault, &format!("{SELECT} AND c.name = $3"), name.as_str()).await?;
    Ok(found.into_iter().next())
}

/// Tells whether a connection has this name.
pub(crate) async fn is_taken(vault: &Vault, name: &ConnectionName) -> Result<bool, VaultError> {
    let sql = "SELECT count(*) FROM connections WHERE name = $1 AND removed_at IS NULL";
    let query = sqlx::query_scalar(sql).bind(name.as_str());
    let found: i64 = query
        .fetch_one(vault.store.reader())
        .await
        .map_err(|error| vault.store.error(error))?;
    Ok(found > 0)
}

async fn select(vault: &Vault, sql: &str, name: &str) -> Result<Vec<Connection>, VaultError> {
    let now = vault.clock.now();
    let query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql));
    let query = query.bind(now).bind(now.minus(REFRESH_WINDOW)).bind(name);
    let rows = query.fetch_all(vault.store.reader()).await;
    let rows = rows.map_err(|error| vault.store.error(error))?;
    let read = |row: Row| {
        let closed_until = row.closed_until;
        Ok(at(Connection::try_from(row)?, closed_until, now))
    };
    rows.into_iter().map(read).collect()
}

/// Says how a connection is at this moment: a throttle ends by itself.
fn at(connection: Connection, closed_until: Option<Timestamp>, now: Timestamp) -> Connection {
    match closed_until {
        Some(until) if until > now => Connection {
            retry_at: Some(until),
            ..connection
        },
        Some(until) if connection.state == State::Throttled => Connection {
            state: State::Healthy,
            state_since: until,
            state_reason: None,
            ..connection
        },
        _ => connection,
    }
}

impl TryFrom<Row> for Connection {
    type Error = VaultError;

    fn try_from(row: Row) -> Result<Self, VaultError> {
        let damaged = |column| VaultError::Damaged {
            table: "connections",
            column,
            row: row.id.clone(),
        };
        let api_domain = row.api_domain.as_deref().map(ApiDomain::parse).transpose();
        Ok(Self {
            name: row.name.parse().map_err(|_| damaged("name"))?,
            state: State::from_word(&row.state).ok_or_else(|| damaged("state"))?,
            accounts_domain: AccountsDomain::parse(&row.accounts_domain, CustomHosts::Allowed)
                .map_err(|_| damaged("accounts_domain"))?,
            api_domain: api_domain.map_err(|_| damaged("api_domain"))?,
            client_id: row.client_id.parse().map_err(|_| damaged("client_id"))?,
            scopes: Scopes::parse(&row.scopes).map_err(|_| damaged("scopes"))?,
            state_since: row.state_since,
            state_reason: row.state_reason,
            grant_type: row.grant_type,
            environment: row.environment,
            created_at: row.created_at,
            last_refresh_at: row.last_refresh_at,
            access_token_expires_at: row.access_token_expires_at,
            live_tokens: u32::try_from(row.live_tokens).unwrap_or(u32::MAX),
            retry_at: None,
            refreshes: Refreshes {
                used: u32::try_from(row.used).unwrap_or(u32::MAX),
                next_free_at: row.oldest.map(|oldest| oldest.plus(REFRESH_WINDOW)),
            },
            id: row.id,
        })
    }
}
