//! Writing a connection: all of it in one transaction of whoever calls.

use std::time::Duration;

use rand::CryptoRng;
use sqlx::SqliteConnection;
use zoho_oauth::{AccessToken, AccountsDomain, ApiDomain, ClientId, RefreshToken, Scopes};

use super::{ConnectionName, State};
use crate::{
    app::{self, App},
    audit::{self, Event},
    clock::Timestamp,
    id::new_id,
    vault::{Fingerprint, UnlockedVault, Vault, VaultError, seal::Place},
};

/// What is to be kept of an exchange.
pub(crate) struct NewConnection<'a> {
    pub(crate) name: &'a ConnectionName,
    pub(crate) replace: bool,
    pub(crate) app: &'a App,
    pub(crate) refresh_token: &'a RefreshToken,
    pub(crate) access_token: Option<(&'a AccessToken, Duration)>,
    pub(crate) scopes: &'a Scopes,
    pub(crate) api_domain: Option<&'a ApiDomain>,
    /// When the request left: tokens live from then on.
    pub(crate) requested_at: Timestamp,
}

/// What became of it.
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) replaced: bool,
    pub(crate) access_token_expires_at: Option<Timestamp>,
}

/// Writes the connection under its name, or puts the new refresh token in the place of the old,
/// which is kept.
pub(crate) async fn store(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    new: &NewConnection<'_>,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Stored, sqlx::Error> {
    let now = vault.clock().now();
    let app_id = app::accept(connection, vault, new.app, now, rng).await?;
    let old = match new.replace {
        true => find_old(connection, new.name).await?,
        false => None,
    };
    let replaced = old.is_some();
    let (id, before) = old.unwrap_or_else(|| (new_id(now, rng), State::Healthy.as_str().into()));
    let credential = credential(vault, &new.app.accounts_domain, new.refresh_token);
    let app = (&new.app.accounts_domain, &new.app.client_id);
    let place = refresh_token_place(vault, &id, app, new.api_domain);
    let sealed = vault
        .keyring
        .seal(&place, new.refresh_token.expose_secret().as_bytes(), rng);
    if replaced {
        keep_former(connection, &id, credential, now, new_id(now, rng)).await?;
    }
    let sql = "INSERT INTO connections (id, name, app_id, grant_type, refresh_token_sealed,
               credential, scopes, api_domain, state, state_since, generation, created_at)
               VALUES ($1, $2, $3, 'refresh_token', $4, $5, $6, $7, 'healthy', $8, 1, $8)
               ON CONFLICT (id) DO UPDATE SET app_id = excluded.app_id,
                 refresh_token_sealed = excluded.refresh_token_sealed,
                 credential = excluded.credential, scopes = excluded.scopes,
                 api_domain = excluded.api_domain, state = excluded.state, state_reason = NULL,
                 state_since = excluded.state_since, generation = connections.generation + 1";
    let upsert = sqlx::query(sql)
        .bind(&id)
        .bind(new.name.as_str())
        .bind(app_id)
        .bind(sealed);
    let upsert = upsert
        .bind(credential.as_bytes())
        .bind(new.scopes.to_string());
    let upsert = upsert.bind(new.api_domain.map(ApiDomain::as_str)).bind(now);
    upsert.execute(&mut *connection).await?;
    if before != State::Healthy.as_str() {
        let detail = format!("{before} -> {}: a new grant", State::Healthy.as_str());
        let event = Event {
            event: audit::STATE_CHANGED,
            connection_id: Some(&id),
            detail,
        };
        audit::append(connection, vault, event).await?;
    }
    let access_token_expires_at =
        store_access_token(connection, vault, new, credential, rng).await?;
    Ok(Stored {
        id,
        replaced,
        access_token_expires_at,
    })
}

/// Finds id and state of the connection that is to be replaced.
async fn find_old(
    connection: &mut SqliteConnection,
    name: &ConnectionName,
) -> Result<Option<(String, String)>, sqlx::Error> {
    let sql = "SELECT id, state FROM connections WHERE name = $1 AND removed_at IS NULL";
    let query = sqlx::query_as(sql).bind(name.as_str());
    query.fetch_optional(connection).await
}

/// Names what lease, ledger and access tokens belong to: a refresh token at its accounts domain.
pub(crate) fn credential(
    vault: &UnlockedVault,
    accounts_domain: &AccountsDomain,
    refresh_token: &RefreshToken,
) -> Fingerprint {
    let token = refresh_token.expose_secret().as_bytes();
    vault
        .index_key
        .fingerprint("credential", &[accounts_domain.as_str().as_bytes(), token])
}

/// Names the place of a connection's refresh token, which belongs to an app. The former ones of the
/// connection share it.
pub(crate) fn refresh_token_place(
    vault: &UnlockedVault,
    id: &str,
    (accounts_domain, client_id): (&AccountsDomain, &ClientId),
    api_domain: Option<&ApiDomain>,
) -> Place {
    let api_domain = api_domain.map_or("", ApiDomain::as_str);
    let clear = [accounts_domain.as_str(), client_id.as_str(), api_domain];
    vault.place("connections", "refresh_token_sealed", id, &clear)
}

/// Names the place of an access token.
pub(crate) fn access_token_place(
    vault: &UnlockedVault,
    credential: Fingerprint,
    epoch: i64,
    api_domain: Option<&ApiDomain>,
) -> Place {
    let row = format!(
        "{}/{epoch}",
        base16ct::lower::encode_string(credential.as_bytes())
    );
    vault.place(
        "refreshes",
        "sealed_token",
        &row,
        &[api_domain.map_or("", ApiDomain::as_str)],
    )
}

/// Moves the refresh token that a connection has to the former ones, unless it is the same. One that
/// was revoked is so there too: it takes no place at Zoho.
async fn keep_former(
    connection: &mut SqliteConnection,
    id: &str,
    credential: Fingerprint,
    now: Timestamp,
    former_id: String,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO former_refresh_tokens
                 (id, connection_id, app_id, api_domain, sealed, credential, replaced_at, revoked_at)
               SELECT $1, id, app_id, api_domain, refresh_token_sealed, credential, $2,
                 CASE WHEN state = 'revoked' THEN state_since END
               FROM connections
               WHERE id = $3 AND refresh_token_sealed IS NOT NULL AND credential <> $4";
    let insert = sqlx::query(sql)
        .bind(former_id)
        .bind(now)
        .bind(id)
        .bind(credential.as_bytes());
    insert.execute(connection).await.map(drop)
}

/// Enters the access token that came with the refresh token, as the ledger's next row.
async fn store_access_token(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    new: &NewConnection<'_>,
    credential: Fingerprint,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Option<Timestamp>, sqlx::Error> {
    let Some((token, life)) = new.access_token else {
        return Ok(None);
    };
    let sql = "SELECT coalesce(max(epoch) + 1, 0) FROM refreshes WHERE credential = $1";
    let epoch = sqlx::query_scalar(sql).bind(credential.as_bytes());
    let epoch: i64 = epoch.fetch_one(&mut *connection).await?;

    let secret = token.expose_secret().as_bytes();
    let place = access_token_place(vault, credential, epoch, new.api_domain);
    let sealed = vault.keyring.seal(&place, secret, rng);
    let fingerprint = vault.index_key.fingerprint("access_token", &[secret]);
    let expires_at = new.requested_at.plus(life);
    // As long as it lives by the time of day of this moment, it lives by the clock that nobody can set.
    let clock = vault.clock();
    let expires_up = clock.uptime().plus(clock.now().until(expires_at).min(life));
    let sql = "INSERT INTO refreshes (credential, epoch, started_ms, ended_ms, outcome,
               sealed_token, fingerprint, expires_ms, expires_uptime_ms, boot)
               VALUES ($1, $2, $3, $4, 'granted', $5, $6, $7, $8, $9)";
    let insert = sqlx::query(sql)
        .bind(credential.as_bytes())
        .bind(epoch)
        .bind(new.requested_at);
    let insert = insert
        .bind(vault.clock().now())
        .bind(sealed)
        .bind(fingerprint.as_bytes());
    let insert = insert.bind(expires_at).bind(expires_up);
    insert
        .bind(crate::clock::boot_id())
        .execute(connection)
        .await?;
    Ok(Some(expires_at))
}

/// Every refresh token that takes a place at Zoho, as far as this vault knows.
pub(crate) const PLACES_TAKEN: &str = "SELECT app_id, credential FROM connections
      WHERE state <> 'revoked' AND grant_type = 'refresh_token'
    UNION SELECT app_id, credential FROM former_refresh_tokens WHERE revoked_at IS NULL";

/// Counts how many of Zoho's places the refresh tokens of an app take.
pub(crate) async fn places_used(
    connection: &mut SqliteConnection,
    app: &App,
) -> Result<u32, sqlx::Error> {
    let sql = format!(
        "SELECT count(*) FROM ({PLACES_TAKEN}) WHERE app_id =
           (SELECT id FROM apps WHERE client_id = $1 AND accounts_domain = $2)"
    );
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(app.client_id.as_str());
    let used: i64 = query
        .bind(app.accounts_domain.as_str())
        .fetch_one(connection)
        .await?;
    Ok(u32::try_from(used).unwrap_or(u32::MAX))
}

/// Counts the places that the app takes which takes most. No key is needed.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn most_places_used(vault: &Vault) -> Result<u32, VaultError> {
    let sql = format!(
        "SELECT count(*) FROM ({PLACES_TAKEN}) GROUP BY app_id ORDER BY count(*) DESC LIMIT 1"
    );
    let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql));
    let most = query.fetch_optional(&vault.store.reader()).await;
    let most = most.map_err(|error| vault.store.error(error))?.unwrap_or(0);
    Ok(u32::try_from(most).unwrap_or(u32::MAX))
}

/// Counts the places that the app of a connection takes. No key is needed.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn places_of(vault: &Vault, name: &ConnectionName) -> Result<u32, VaultError> {
    let sql = format!(
        "SELECT count(*) FROM ({PLACES_TAKEN}) WHERE app_id =
           (SELECT app_id FROM connections WHERE name = $1 AND removed_at IS NULL)"
    );
    let query = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).bind(name.as_str());
    let used = query.fetch_one(&vault.store.reader()).await;
    let used = used.map_err(|error| vault.store.error(error))?;
    Ok(u32::try_from(used).unwrap_or(u32::MAX))
}

/// Finds the name that a new connection can have: the one that is wished for, or that with the next free number.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn next_free_name(
    vault: &Vault,
    wished: &ConnectionName,
) -> Result<ConnectionName, VaultError> {
    let failed = |error| vault.store.error(error);
    let mut reader = vault.store.reader().acquire().await.map_err(failed)?;
    free_name(&mut reader, wished).await.map_err(failed)
}

/// Finds a free name in a transaction, which keeps it free.
pub(crate) async fn free_name(
    connection: &mut SqliteConnection,
    wished: &ConnectionName,
) -> Result<ConnectionName, sqlx::Error> {
    let taken = names_like(connection, wished).await?;
    let free = |name: &ConnectionName| !taken.iter().any(|taken| taken == name.as_str());
    if free(wished) {
        return Ok(wished.clone());
    }
    let mut numbered = (2..).map(|number| wished.numbered(number));
    // Unwrap safety: there are more numbers than names.
    Ok(numbered.find(free).expect("endless"))
}

/// Lists the taken names that begin like this one.
async fn names_like(
    connection: &mut SqliteConnection,
    name: &ConnectionName,
) -> Result<Vec<String>, sqlx::Error> {
    let sql = "SELECT name FROM connections WHERE removed_at IS NULL AND substr(name, 1, $1) = $2";
    let stem = name.numbered(100_000);
    let stem = stem.as_str().trim_end_matches("-100000");
    let query = sqlx::query_scalar(sql).bind(i64::try_from(stem.len()).unwrap_or(0));
    query.bind(stem).fetch_all(connection).await
}
