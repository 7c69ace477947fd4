//! The vault's memory of grants: one row for every grant token that it has seen, by keyed fingerprint.

use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::{
    caller::CallerName,
    clock::Timestamp,
    connection::ConnectionName,
    vault::{Fingerprint, UnlockedVault, Vault, VaultError, escrow::ExchangeId},
};

/// What became of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is under way, or its process died.
    Prepared,
    /// The refresh token is kept, or was handed over.
    Done,
    /// Nothing was sent: the grant is whole.
    Unsent,
    /// Zoho refused in a way that can leave the grant whole.
    Refused,
    /// Zoho refused the grant itself.
    Spent,
    /// It ended without an answer that tells anything.
    Failed,
    /// A request left and nobody knows.
    Unknown,
    /// A person gave it up.
    Discarded,
}

impl Outcome {
    const ALL: [Self; 8] = [
        Self::Prepared,
        Self::Done,
        Self::Unsent,
        Self::Refused,
        Self::Spent,
        Self::Failed,
        Self::Unknown,
        Self::Discarded,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::Done => "done",
            Self::Unsent => "unsent",
            Self::Refused => "refused",
            Self::Spent => "spent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Discarded => "discarded",
        }
    }

    /// Tells whether the same grant may be tried once more.
    pub(super) fn may_try_again(self) -> bool {
        matches!(self, Self::Unsent | Self::Refused | Self::Failed)
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: Option<String>,
    state: String,
    reason: Option<String>,
    at: Timestamp,
}

impl TryFrom<Row> for Entry {
    type Error = VaultError;

    fn try_from(row: Row) -> Result<Self, VaultError> {
        let outcome = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == row.state);
        let Some(outcome) = outcome else {
            return Err(VaultError::Damaged {
                table: "exchanges",
                column: "state",
                row: row.id,
            });
        };
        Ok(Self {
            id: row.id,
            name: row.name,
            outcome,
            reason: row.reason,
            at: row.at,
        })
    }
}

/// Finds the exchange of a grant.
pub(super) async fn find_by_grant(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    grant: Fingerprint,
) -> Result<Option<Entry>, VaultError> {
    let sql = "SELECT id, name, state, reason, at FROM exchanges WHERE grant_fingerprint = $1";
    let query = sqlx::query_as::<_, Row>(sql).bind(grant.as_bytes());
    let row = query.fetch_optional(connection).await;
    row.map_err(|error| vault.store().error(error))?
        .map(Entry::try_from)
        .transpose()
}

/// Finds the name of the connection that the exchange of a grant has brought, if that is there.
pub(super) async fn connection_of(
    vault: &UnlockedVault,
    grant: Fingerprint,
) -> Result<Option<ConnectionName>, VaultError> {
    let sql = "SELECT c.id, c.name FROM exchanges e JOIN connections c ON c.id = e.connection_id
               WHERE e.grant_fingerprint = $1 AND e.state = 'done' AND c.removed_at IS NULL";
    let query = sqlx::query_as(sql).bind(grant.as_bytes());
    let found = named(query.fetch_optional(&vault.store().reader()).await, vault)?;
    Ok(found.map(|(_, name)| name))
}

/// Finds what the exchange of a grant has brought, if a caller began it since a moment and never had a handle for it.
pub(super) async fn brought_to(
    vault: &UnlockedVault,
    grant: Fingerprint,
    caller_id: &str,
    since: Timestamp,
) -> Result<Option<ConnectionName>, VaultError> {
    let sql = "SELECT c.id, c.name FROM exchanges e JOIN connections c ON c.id = e.connection_id
               WHERE e.grant_fingerprint = $1 AND e.state = 'done' AND e.caller_id = $2 AND e.at >= $3
                 AND c.removed_at IS NULL AND NOT EXISTS (SELECT 1 FROM caller_connections h
                   WHERE h.caller_id = e.caller_id AND h.connection_id = c.id)";
    let query = sqlx::query_as(sql).bind(grant.as_bytes()).bind(caller_id);
    let query = query.bind(since);
    let found = named(query.fetch_optional(&vault.store().reader()).await, vault)?;
    Ok(found.map(|(_, name)| name))
}

/// Finds the caller that began an exchange, if it is not revoked.
pub(super) async fn begun_by(
    vault: &Vault,
    id: ExchangeId,
) -> Result<Option<CallerName>, VaultError> {
    let sql = "SELECT k.id, k.name FROM exchanges e JOIN callers k ON k.id = e.caller_id
               WHERE e.id = $1 AND k.revoked_at IS NULL";
    let query = sqlx::query_as::<_, (String, String)>(sql).bind(id.to_string());
    let found = query.fetch_optional(&vault.store.reader()).await;
    let Some((row, name)) = found.map_err(|error| vault.store.error(error))? else {
        return Ok(None);
    };
    let (table, column) = ("callers", "name");
    let name = name.parse();
    name.map(Some)
        .map_err(|_| VaultError::Damaged { table, column, row })
}

/// Finds row and name of the connection that an exchange has brought, if that is there.
pub(super) async fn brought(
    vault: &UnlockedVault,
    id: ExchangeId,
) -> Result<Option<(String, ConnectionName)>, VaultError> {
    let sql = "SELECT c.id, c.name FROM exchanges e JOIN connections c ON c.id = e.connection_id
               WHERE e.id = $1 AND e.state = 'done' AND c.removed_at IS NULL";
    let query = sqlx::query_as(sql).bind(id.to_string());
    named(query.fetch_optional(&vault.store().reader()).await, vault)
}

/// Reads row and name of a connection.
fn named(
    found: Result<Option<(String, String)>, sqlx::Error>,
    vault: &UnlockedVault,
) -> Result<Option<(String, ConnectionName)>, VaultError> {
    let Some((row, name)) = found.map_err(|error| vault.store().error(error))? else {
        return Ok(None);
    };
    let (table, column) = ("connections", "name");
    match name.parse() {
        Ok(name) => Ok(Some((row, name))),
        Err(_) => Err(VaultError::Damaged { table, column, row }),
    }
}

/// Takes back that an exchange is done, as what it brought is to be written once more.
pub(super) async fn reopen(vault: &UnlockedVault, id: ExchangeId) -> Result<(), VaultError> {
    let sql = "UPDATE exchanges SET state = 'prepared' WHERE id = $1 AND state = 'done'";
    let mut connection = vault.store().connection().await?;
    let update = sqlx::query(sql).bind(id.to_string());
    let updated = update.execute(&mut *connection).await;
    updated
        .map(drop)
        .map_err(|error| vault.store().error(error))
}

/// Finds an exchange by its id. No key is needed.
pub(super) async fn find(vault: &Vault, id: ExchangeId) -> Result<Option<Entry>, VaultError> {
    let sql = "SELECT id, name, state, reason, at FROM exchanges WHERE id = $1";
    let query = sqlx::query_as::<_, Row>(sql).bind(id.to_string());
    let row = query.fetch_optional(&vault.store.reader()).await;
    row.map_err(|error| vault.store.error(error))?
        .map(Entry::try_from)
        .transpose()
}

/// Lists the exchanges that began before a moment and have not ended. No key is needed.
pub(super) async fn prepared_before(
    vault: &Vault,
    before: Timestamp,
) -> Result<Vec<Entry>, VaultError> {
    let sql = "SELECT id, name, state, reason, at FROM exchanges
               WHERE state = 'prepared' AND at < $1 ORDER BY at";
    let query = sqlx::query_as::<_, Row>(sql).bind(before);
    let rows = query.fetch_all(&vault.store.reader()).await;
    let rows = rows.map_err(|error| vault.store.error(error))?;
    rows.into_iter().map(Entry::try_from).collect()
}

/// An exchange that is about to begin.
pub(super) struct Began<'a> {
    pub(super) id: ExchangeId,
    pub(super) grant: Fingerprint,
    /// What the escrow record says of earlier ones: if another process has lost an answer since, the record would
    /// call the grant whole.
    pub(super) answer_lost: bool,
    pub(super) name: Option<&'a ConnectionName>,
    pub(super) caller_id: Option<&'a str>,
}

/// Enters an exchange that is about to begin; or gives back what is known of the grant, if that rules
/// out another try.
pub(super) async fn begin(
    vault: &UnlockedVault,
    began: &Began<'_>,
) -> Result<Result<(), Entry>, VaultError> {
    let mut connection = vault.store().connection().await?;
    // A transaction by itself, which looks and writes under the write lock.
    let sql = "INSERT INTO exchanges (id, grant_fingerprint, name, state, at, caller_id)
               VALUES ($1, $2, $3, 'prepared', $4, $6)
               ON CONFLICT (grant_fingerprint) DO UPDATE SET
                 id = excluded.id, name = excluded.name, state = 'prepared', reason = NULL,
                 at = excluded.at, caller_id = excluded.caller_id
               WHERE exchanges.state IN ('unsent', 'refused') OR (exchanges.state = 'failed' AND $5)";
    let insert = sqlx::query(sql).bind(began.id.to_string());
    let insert = insert
        .bind(began.grant.as_bytes())
        .bind(began.name.map(ConnectionName::as_str))
        .bind(vault.clock().now())
        .bind(began.answer_lost)
        .bind(began.caller_id);
    let entered = insert.execute(&mut *connection).await;
    let entered = entered.map_err(|error| vault.store().error(error))?;
    if entered.rows_affected() > 0 {
        return Ok(Ok(()));
    }
    // Rows are never taken away.
    let gone = || vault.store().broken("an exchange is gone that was there");
    let earlier = find_by_grant(&mut connection, vault, began.grant).await?;
    Ok(Err(earlier.ok_or_else(gone)?))
}

/// Notes how an exchange ended, in the transaction of what it brought; tells whether that was news.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    id: ExchangeId,
    grant: Fingerprint,
    connection_id: Option<&str>,
    at: Timestamp,
) -> Result<bool, sqlx::Error> {
    // The row can be missing: a record from another disk, or a vault that was restored.
    let sql = "INSERT INTO exchanges (id, grant_fingerprint, connection_id, state, at)
               VALUES ($1, $2, $3, 'done', $4)
               ON CONFLICT (grant_fingerprint) DO UPDATE SET
                 state = 'done', reason = NULL, connection_id = excluded.connection_id
               WHERE exchanges.state <> 'done'";
    let upsert = sqlx::query(sql)
        .bind(id.to_string())
        .bind(grant.as_bytes())
        .bind(connection_id)
        .bind(at);
    Ok(upsert.execute(connection).await?.rows_affected() > 0)
}

/// Notes how an exchange ended that brought nothing.
pub(super) async fn note(
    vault: &Vault,
    id: ExchangeId,
    outcome: Outcome,
    reason: Option<&str>,
) -> Result<(), VaultError> {
    let mut transaction: Transaction<'static, Sqlite> = vault.store.begin().await?;
    let sql =
        "UPDATE exchanges SET state = $1, reason = $2, at = $3 WHERE id = $4 AND state <> 'done'";
    let update = sqlx::query(sql)
        .bind(outcome.as_str())
        .bind(reason)
        .bind(vault.clock.now());
    let updated = update.bind(id.to_string()).execute(&mut *transaction).await;
    updated.map_err(|error| vault.store.error(error))?;
    transaction
        .commit()
        .await
        .map_err(|error| vault.store.error(error))
}

/// Notes how an exchange ended, unless it did so by itself meanwhile; tells whether that was news.
pub(super) async fn give_up(
    vault: &Vault,
    id: ExchangeId,
    outcome: Outcome,
) -> Result<bool, VaultError> {
    let failed = |error| vault.store.error(error);
    let mut transaction: Transaction<'static, Sqlite> = vault.store.begin().await?;
    let sql = "UPDATE exchanges SET state = $1, at = $2 WHERE id = $3 AND state = 'prepared'";
    let update = sqlx::query(sql)
        .bind(outcome.as_str())
        .bind(vault.clock.now());
    let updated = update.bind(id.to_string()).execute(&mut *transaction).await;
    let updated = updated.map_err(failed)?.rows_affected() > 0;
    transaction.commit().await.map_err(failed)?;
    Ok(updated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::test_world::World;

    #[tokio::test]
    async fn a_grant_is_entered_again_exactly_if_it_may_be_tried_again() {
        let mut world = World::new().await;
        let grant = Fingerprint::from([7; 32]);
        let unlocked = &world.vault;
        for (outcome, answer_lost) in Outcome::ALL
            .into_iter()
            .flat_map(|outcome| [(outcome, false), (outcome, true)])
        {
            let reader = unlocked.store().reader();
            let wipe = sqlx::query("DELETE FROM exchanges").execute(&reader);
            wipe.await.unwrap();
            let mut begin = async |answer_lost| {
                let id = ExchangeId::generate(&mut world.rng);
                let began = Began {
                    id,
                    grant,
                    answer_lost,
                    name: None,
                    caller_id: None,
                };
                (id, begin(unlocked, &began).await)
            };
            let (id, first) = begin(false).await;
            first.unwrap().expect("nothing is known of it");
            let set = sqlx::query("UPDATE exchanges SET state = $1").bind(outcome.as_str());
            set.execute(&unlocked.store().reader()).await.unwrap();
            let (_, again) = begin(answer_lost).await;
            let may = outcome.may_try_again() && (outcome != Outcome::Failed || answer_lost);
            match again.unwrap() {
                Ok(()) => assert!(may, "{outcome:?}, {answer_lost}"),
                Err(earlier) => {
                    assert!(!may, "{outcome:?}, {answer_lost}");
                    assert_eq!((earlier.id, earlier.outcome), (id.to_string(), outcome));
                }
            }
        }
    }
}
