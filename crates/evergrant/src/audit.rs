//! What was done, each event chained to the one before by a keyed hash, so that a removed or altered
//! row is seen.
//!
//! The chain shows what was changed inside it. That its end was cut off shows only to somebody who
//! kept an [`Anchor`] elsewhere, for what is left is a whole chain too; unless a connection is there
//! whose making is not.

mod anchor;
mod chain;
mod read;
#[cfg(test)]
mod tests;
mod verify;

use sqlx::SqliteConnection;

use self::chain::Row;
pub use self::{
    anchor::{Anchor, InvalidAnchor},
    read::{Pages, Record, Since, head, history, list, pages},
    verify::{AuditError, Verified, check, verify},
};
use crate::vault::UnlockedVault;

/// An event to be noted.
pub(crate) struct Event<'a> {
    pub(crate) event: &'static str,
    pub(crate) connection_id: Option<&'a str>,
    /// What else there is to say; never a secret.
    pub(crate) detail: String,
}

/// The event of a connection whose state changed; its detail is `healthy -> throttled: reason`.
pub const STATE_CHANGED: &str = "state_changed";

/// Appends an event in the transaction of what it tells.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    event: Event<'_>,
) -> Result<(), sqlx::Error> {
    append_of(connection, vault, event, None).await
}

/// Appends an event that is about a caller, too.
pub(crate) async fn append_of_caller(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    caller_id: &str,
    event: Event<'_>,
) -> Result<(), sqlx::Error> {
    append_of(connection, vault, event, Some(caller_id)).await
}

async fn append_of(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    event: Event<'_>,
    caller_id: Option<&str>,
) -> Result<(), sqlx::Error> {
    let now = vault.clock().now();
    let last = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as(last)
        .fetch_optional(&mut *connection)
        .await?;
    let (seq, previous) = last.map_or((1, chain::START.to_vec()), |(seq, hash)| (seq + 1, hash));
    let row = Row {
        seq,
        at: now.as_millis(),
        event: event.event.as_bytes(),
        actor: vault.actor().as_bytes(),
        connection_id: event.connection_id.map(str::as_bytes),
        caller_id: caller_id.map(str::as_bytes),
        detail: event.detail.as_bytes(),
        previous_hash: &previous,
    };
    let hash = row.hash(&chain::key(&vault.index_key));
    let sql =
        "INSERT INTO audit (seq, at, event, actor, connection_id, caller_id, detail, previous_hash, hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let insert = sqlx::query(sql)
        .bind(seq)
        .bind(now)
        .bind(event.event)
        .bind(vault.actor())
        .bind(event.connection_id)
        .bind(caller_id);
    let insert = insert
        .bind(event.detail)
        .bind(previous)
        .bind(hash.as_bytes());
    insert.execute(connection).await.map(drop)
}
