//! The state of a connection, and how it changes.

use sqlx::SqliteConnection;

use super::State;
use crate::{
    audit::{self, Event, STATE_CHANGED},
    vault::UnlockedVault,
};

/// Sets the state of every connection that uses a credential, in the caller's transaction. A change is
/// told to the audit; a connection that a person revoked stays so.
pub(crate) async fn set_state(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    credential: &[u8],
    state: State,
    reason: Option<&str>,
) -> Result<(), sqlx::Error> {
    let sql = "SELECT id, state FROM connections
               WHERE credential = $1 AND removed_at IS NULL AND state <> 'revoked'";
    let query = sqlx::query_as(sql).bind(credential);
    let found: Vec<(String, String)> = query.fetch_all(&mut *connection).await?;
    for (id, before) in found {
        let changed = before != state.as_str();
        let sql = "UPDATE connections SET state = $1, state_reason = $2,
                     state_since = CASE WHEN $3 THEN $4 ELSE state_since END WHERE id = $5";
        let update = sqlx::query(sql)
            .bind(state.as_str())
            .bind(reason)
            .bind(changed);
        let update = update.bind(vault.clock().now()).bind(&id);
        update.execute(&mut *connection).await?;
        if changed {
            let why = reason
                .map(|reason| format!(": {reason}"))
                .unwrap_or_default();
            let event = Event {
                event: STATE_CHANGED,
                connection_id: Some(&id),
                detail: format!("{before} -> {}{why}", state.as_str()),
            };
            audit::append(connection, vault, event).await?;
        }
    }
    Ok(())
}
