//! Reading connections: no key is needed.

use sqlx::SqliteExecutor;
use zoho_oauth::{AccountsDomain, ApiDomain, CustomHosts, Scopes};

use super::{Connection, ConnectionName, Refreshes, State};
use crate::{
    broker::{self, Limiter, Limits},
    clock::Timestamp,
    vault::{Vault, VaultError},
};

/// One connection with what the ledger says of it. `$1` is the present moment, `$2` and `$3` are where
/// the window of refreshes begins and ends, `$4` is how many in it a program may find before the last
/// that it may make itself.
const SELECT: &str = "SELECT c.id, c.name, c.state, c.state_since, c.state_reason, c.grant_type, c.soid, c.environment,
    a.accounts_domain, c.api_domain, a.client_id, c.scopes, c.created_at,
    (SELECT max(r.started_ms) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome = 'granted' AND r.epoch > 0) AS last_refresh_at,
    (SELECT max(r.expires_ms) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome = 'granted' AND r.refused_ms IS NULL
        AND r.expires_ms > $1) AS access_token_expires_at,
    (SELECT count(*) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome <> 'not_sent'
        AND r.started_ms BETWEEN $2 AND $3) AS used,
    (SELECT max(r.started_ms) FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome <> 'not_sent'
        AND r.started_ms BETWEEN $2 AND $3) AS newest,
    (SELECT r.started_ms FROM refreshes r
      WHERE r.credential = c.credential AND r.outcome <> 'not_sent'
        AND r.started_ms BETWEEN $2 AND $3 ORDER BY r.started_ms DESC LIMIT 1 OFFSET $4) AS fills,
    (SELECT count(*) FROM former_refresh_tokens f
      WHERE f.connection_id = c.id AND f.revoked_at IS NULL) AS former,
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
    soid: Option<String>,
    environment: Option<String>,
    accounts_domain: String,
    api_domain: Option<String>,
    client_id: String,
    scopes: String,
    created_at: Timestamp,
    last_refresh_at: Option<Timestamp>,
    access_token_expires_at: Option<Timestamp>,
    used: i64,
    newest: Option<Timestamp>,
    fills: Option<Timestamp>,
    former: i64,
    live_tokens: i64,
    closed_until: Option<Timestamp>,
}

/// Lists all connections by name, as they are by the usual limits.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn list(vault: &Vault) -> Result<Vec<Connection>, VaultError> {
    list_within(vault, &Limits::default()).await
}

/// Lists all connections by name, as they are by these limits.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn list_within(vault: &Vault, limits: &Limits) -> Result<Vec<Connection>, VaultError> {
    select(vault, limits, &format!("{SELECT} ORDER BY c.name"), "").await
}

/// Finds the connection of this name, as it is by the usual limits.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn find(vault: &Vault, name: &ConnectionName) -> Result<Option<Connection>, VaultError> {
    find_within(vault, name, &Limits::default()).await
}

/// Finds the connection of this name, as it is by these limits.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn find_within(
    vault: &Vault,
    name: &ConnectionName,
    limits: &Limits,
) -> Result<Option<Connection>, VaultError> {
    let sql = format!("{SELECT} AND c.name = $5");
    let found = select(vault, limits, &sql, name.as_str()).await?;
    Ok(found.into_iter().next())
}

/// Tells whether a connection has this name.
pub(crate) async fn is_taken(
    connection: impl SqliteExecutor<'_>,
    name: &ConnectionName,
) -> Result<bool, sqlx::Error> {
    let sql = "SELECT count(*) FROM connections WHERE name = $1 AND removed_at IS NULL";
    let found: i64 = sqlx::query_scalar(sql)
        .bind(name.as_str())
        .fetch_one(connection)
        .await?;
    Ok(found > 0)
}

async fn select(
    vault: &Vault,
    limits: &Limits,
    sql: &str,
    name: &str,
) -> Result<Vec<Connection>, VaultError> {
    let now = vault.clock.now();
    let (from, to) = broker::counted(limits, now);
    let before_the_last = limits.for_programs().saturating_sub(1);
    let query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql)).bind(now);
    let query = query.bind(from).bind(to).bind(before_the_last).bind(name);
    let rows = query.fetch_all(&vault.store.reader()).await;
    let rows = rows.map_err(|error| vault.store.error(error))?;
    let read = |row: Row| {
        let ledger = Ledger {
            closed_until: row.closed_until,
            newest: row.newest,
            full_until: row.fills.map(|fills| broker::free_at(fills, limits)),
        };
        Ok(at(Connection::try_from(row)?, &ledger, limits, now))
    };
    rows.into_iter().map(read).collect()
}

/// What lease and ledger say of the next refresh.
struct Ledger {
    closed_until: Option<Timestamp>,
    /// When the last one began.
    newest: Option<Timestamp>,
    /// When a program may make the next one, if it may not now.
    full_until: Option<Timestamp>,
}

/// Says how a connection is at this moment: a throttle ends by itself, and where no token lives and no
/// refresh is left, programs get none, whatever Zoho said last.
fn at(connection: Connection, ledger: &Ledger, limits: &Limits, now: Timestamp) -> Connection {
    let stored = connection.state;
    if !matches!(stored, State::Healthy | State::Throttled | State::Failing) {
        // Only a person can help: there is no time to wait for.
        return connection;
    }
    let closed_until = ledger
        .closed_until
        .filter(|until| broker::is_closed(*until, now));
    let mut connection = match (stored, ledger.closed_until) {
        (State::Throttled, Some(until)) if closed_until.is_none() => Connection {
            state: State::Healthy,
            state_since: until.min(now),
            state_reason: None,
            ..connection
        },
        _ => connection,
    };
    connection.refreshes.next_free_at = ledger.full_until;
    connection.retry_at = closed_until.max(ledger.full_until);
    let nothing_left = ledger.full_until.is_some() && connection.access_token_expires_at.is_none();
    if connection.state == State::Throttled {
        connection.throttled_by = Some(Limiter::by_reason(connection.state_reason.as_deref()));
    } else if nothing_left && closed_until.is_none() {
        connection.state = State::Throttled;
        connection.state_since = ledger.newest.unwrap_or(now);
        connection.state_reason = Some("no refresh is left for programs".to_owned());
        let made = connection.refreshes.used;
        connection.throttled_by = Some(Limiter::of_programs(limits, made));
    }
    connection
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
            soid: row.soid,
            environment: row.environment,
            created_at: row.created_at,
            last_refresh_at: row.last_refresh_at,
            access_token_expires_at: row.access_token_expires_at,
            live_tokens: u32::try_from(row.live_tokens).unwrap_or(u32::MAX),
            retry_at: None,
            throttled_by: None,
            former: u32::try_from(row.former).unwrap_or(u32::MAX),
            refreshes: Refreshes {
                used: u32::try_from(row.used).unwrap_or(u32::MAX),
                next_free_at: None,
            },
            id: row.id,
        })
    }
}
