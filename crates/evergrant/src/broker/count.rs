//! Counts refreshes, for metrics: no key is needed.

use crate::{
    clock::Timestamp,
    connection::ConnectionName,
    vault::{Vault, VaultError},
};

/// How many refreshes of a connection ended in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshCount {
    /// The connection.
    pub connection: ConnectionName,
    /// How they ended: `granted`, `refused`, `throttled`, `unknown` or `not_sent`.
    pub outcome: String,
    /// How many.
    pub count: u64,
}

/// Counts the refreshes that began in a span of time, the end not included, and have ended; by whatever process.
/// They are known for thirty days.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn count(
    vault: &Vault,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<RefreshCount>, VaultError> {
    // The first row of a credential is what the exchange brought.
    let sql = "SELECT c.name, r.outcome, count(*)
               FROM refreshes r JOIN connections c ON c.credential = r.credential
               WHERE c.removed_at IS NULL AND r.epoch > 0 AND r.outcome <> 'open'
                 AND r.started_ms >= $1 AND r.started_ms < $2
               GROUP BY c.name, r.outcome ORDER BY c.name, r.outcome";
    let query = sqlx::query_as::<_, (String, String, i64)>(sql).bind(from);
    let rows = query.bind(to).fetch_all(&vault.store.reader()).await;
    let rows = rows.map_err(|error| vault.store.error(error))?;
    let read = |(name, outcome, count): (String, String, i64)| {
        let connection = name.parse().map_err(|_| VaultError::Damaged {
            table: "connections",
            column: "name",
            row: name,
        })?;
        Ok(RefreshCount {
            connection,
            outcome,
            count: count.unsigned_abs(),
        })
    };
    rows.into_iter().map(read).collect()
}
