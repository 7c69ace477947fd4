//! What a server notes of callers.

use crate::{
    audit::{self, Event},
    clock::Timestamp,
    vault::{UnlockedVault, VaultError},
};

/// Notes when callers, by their rows' ids, last asked for a token; an earlier moment changes nothing. It is no
/// change that servers need to read again.
///
/// # Errors
///
/// If the vault cannot be written.
pub async fn note_used(
    vault: &UnlockedVault,
    used: &[(String, Timestamp)],
) -> Result<(), VaultError> {
    let failed = |error| vault.store().error(error);
    let mut transaction = vault.store().begin().await?;
    for (caller_id, at) in used {
        let sql =
            "UPDATE callers SET last_used_at = max(coalesce(last_used_at, $1), $1) WHERE id = $2";
        let update = sqlx::query(sql).bind(at).bind(caller_id);
        update.execute(&mut *transaction).await.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// Notes in the audit that requests were refused: how many of one kind, why, and whose they were, if that is
/// known. Whoever calls gathers them, so that nobody fills the audit.
///
/// # Errors
///
/// If the vault cannot be written.
pub async fn note_denied(
    vault: &UnlockedVault,
    caller_id: Option<&str>,
    count: u64,
    why: &str,
) -> Result<(), VaultError> {
    let failed = |error| vault.store().error(error);
    let mut transaction = vault.store().begin().await?;
    let event = Event {
        event: "caller_denied",
        connection_id: None,
        detail: format!("{count} times: {why}"),
    };
    let told = match caller_id {
        Some(id) => audit::append_of_caller(&mut transaction, vault, id, event).await,
        None => audit::append(&mut transaction, vault, event).await,
    };
    told.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}
