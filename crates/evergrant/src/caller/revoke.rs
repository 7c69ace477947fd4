//! Revoking callers and single handles.

use super::{Caller, CallerError, CallerName, HandleId, change::Change};
use crate::{
    audit::Event,
    vault::{UnlockedVault, VaultError},
};

/// Revokes a caller with all its handles and proxy tokens. Its row stays; its name is free.
///
/// A direct caller goes on with the access token of Zoho's that it holds, for up to an hour.
///
/// # Errors
///
/// If there is no such caller; or the vault's.
pub async fn revoke(vault: &UnlockedVault, name: &CallerName) -> Result<Caller, CallerError> {
    let mut change = Change::begin(vault).await?;
    let id = change.caller(name).await?.id;
    let now = change.now;
    for sql in [
        "UPDATE caller_connections SET revoked_at = $1 WHERE caller_id = $2 AND revoked_at IS NULL",
        "UPDATE callers SET revoked_at = $1 WHERE id = $2",
    ] {
        let update = sqlx::query(sql).bind(now).bind(&id);
        let updated = update.execute(&mut *change.transaction).await;
        updated.map_err(|error| change.error(error))?;
    }
    let event = Event {
        event: "caller_revoked",
        connection_id: None,
        detail: name.to_string(),
    };
    change.commit(&id, event).await?;
    let all = super::list_all(vault.vault()).await?;
    let revoked = all.into_iter().find(|caller| caller.id == id);
    revoked.ok_or_else(|| CallerError::NotFound(name.to_string()))
}

#[derive(sqlx::FromRow)]
struct Row {
    caller_id: String,
    caller: String,
    connection_id: String,
    connection: String,
}

/// Revokes one handle alone, with the proxy tokens that were issued for it. Returns whether there was one that was
/// not revoked.
///
/// # Errors
///
/// If the vault cannot be read or written.
pub async fn revoke_handle(vault: &UnlockedVault, id: HandleId) -> Result<bool, VaultError> {
    let mut change = Change::begin(vault).await?;
    let sql = "SELECT h.caller_id, k.name AS caller, h.connection_id, c.name AS connection
               FROM caller_connections h JOIN callers k ON k.id = h.caller_id
                 JOIN connections c ON c.id = h.connection_id
               WHERE h.id = $1 AND h.revoked_at IS NULL";
    let found = sqlx::query_as::<_, Row>(sql).bind(id.to_string());
    let found = found.fetch_optional(&mut *change.transaction).await;
    let Some(row) = found.map_err(|error| change.error(error))? else {
        return Ok(false);
    };
    let update = sqlx::query("UPDATE caller_connections SET revoked_at = $1 WHERE id = $2");
    let update = update.bind(change.now).bind(id.to_string());
    let updated = update.execute(&mut *change.transaction).await;
    updated.map_err(|error| change.error(error))?;
    let event = Event {
        event: "handle_revoked",
        connection_id: Some(&row.connection_id),
        detail: format!("{}: {id} for {}", row.caller, row.connection),
    };
    change.commit(&row.caller_id, event).await?;
    Ok(true)
}
