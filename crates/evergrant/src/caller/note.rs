//! What a server notes of callers.

use std::sync::Arc;

use super::Mode;
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
    let times = if count == 1 { "time" } else { "times" };
    let event = Event {
        event: "caller_denied",
        connection_id: None,
        detail: format!("{count} {times}: {why}"),
    };
    let told = match caller_id {
        Some(id) => audit::append_of_caller(&mut transaction, vault, id, event).await,
        None => audit::append(&mut transaction, vault, event).await,
    };
    told.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// A token that a caller was given for the first time.
#[derive(Clone, Debug)]
pub struct HandedOut {
    /// The caller's row.
    pub caller_id: String,
    /// The connection's row.
    pub connection_id: Arc<str>,
    /// Whether the caller has the token itself, or one that stands for it.
    pub mode: Mode,
    /// When the token dies.
    pub expires_at: Timestamp,
}

/// Notes in the audit which callers were given which tokens.
///
/// # Errors
///
/// If the vault cannot be written; then none of them is noted.
pub async fn note_handed_out(
    vault: &UnlockedVault,
    handed_out: &[HandedOut],
) -> Result<(), VaultError> {
    let failed = |error| vault.store().error(error);
    let mut transaction = vault.store().begin().await?;
    for one in handed_out {
        let sql =
            "SELECT max(r.epoch) FROM refreshes r JOIN connections c ON c.credential = r.credential
                   WHERE c.id = $1 AND r.expires_ms = $2";
        let epoch = sqlx::query_scalar::<_, Option<i64>>(sql).bind(&*one.connection_id);
        let epoch = epoch
            .bind(one.expires_at)
            .fetch_one(&mut *transaction)
            .await;
        let token = match epoch.map_err(failed)? {
            Some(epoch) => format!("the token of refresh {epoch}"),
            None => "a token that the vault has not".to_owned(),
        };
        let what = match one.mode {
            Mode::Direct => token,
            Mode::Proxied => format!("a proxy token for {token}"),
        };
        let event = Event {
            event: "token_handed_out",
            connection_id: Some(&one.connection_id),
            detail: format!("to a caller: {what}, for the first time"),
        };
        let told = audit::append_of_caller(&mut transaction, vault, &one.caller_id, event).await;
        told.map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}
