//! What was done, each event chained to the one before by a keyed hash, so that a removed or altered
//! row is seen.

use sqlx::SqliteConnection;

use crate::{
    clock::Timestamp,
    vault::{Fingerprint, UnlockedVault},
};

/// An event to be noted.
pub(crate) struct Event<'a> {
    pub(crate) event: &'static str,
    pub(crate) connection_id: Option<&'a str>,
    /// What else there is to say; never a secret.
    pub(crate) detail: String,
}

/// Appends an event in the transaction of what it tells.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    event: Event<'_>,
) -> Result<(), sqlx::Error> {
    let now = vault.clock().now();
    let last = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let last: Option<(i64, Vec<u8>)> = sqlx::query_as(last)
        .fetch_optional(&mut *connection)
        .await?;
    let (seq, previous) = last.map_or((1, vec![0; 32]), |(seq, hash)| (seq + 1, hash));
    let hash = hash(vault, seq, now, &event, &previous);
    let sql =
        "INSERT INTO audit (seq, at, event, actor, connection_id, detail, previous_hash, hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let insert = sqlx::query(sql)
        .bind(seq)
        .bind(now)
        .bind(event.event)
        .bind(vault.actor())
        .bind(event.connection_id);
    let insert = insert
        .bind(event.detail)
        .bind(previous)
        .bind(hash.as_bytes());
    insert.execute(connection).await.map(drop)
}

fn hash(
    vault: &UnlockedVault,
    seq: i64,
    now: Timestamp,
    event: &Event<'_>,
    previous: &[u8],
) -> Fingerprint {
    let (seq, at) = (seq.to_be_bytes(), now.as_millis().to_be_bytes());
    let connection_id = event.connection_id.unwrap_or_default();
    let parts: [&[u8]; 7] = [
        &seq,
        &at,
        event.event.as_bytes(),
        vault.actor().as_bytes(),
        connection_id.as_bytes(),
        event.detail.as_bytes(),
        previous,
    ];
    vault.index_key.fingerprint("audit", &parts)
}
