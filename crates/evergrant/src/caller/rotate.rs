//! Rotating a caller's credentials.

use std::time::Duration;

use rand::CryptoRng;

use super::{
    CallerError, CallerName, Handle, Issued,
    change::Change,
    credentials::{hash_of, new_client_secret, secret_hash},
};
use crate::{audit::Event, vault::UnlockedVault};

/// How credentials are made anew.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// How long the old credentials still work.
    pub overlap: Duration,
    /// Whether what the rotation before left over may end before its time.
    pub force: bool,
}

/// For how long old credentials may go on to work.
const LONGEST_OVERLAP: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Makes a new client secret and new handles for a caller. The old ones work for the overlap longer, in any mixture
/// with the new, and so do proxy tokens that were issued for them; what a rotation before left over ends at once.
/// So within the overlap of that one, only a rotation with `force` or without an overlap is made: whoever asks again
/// because an answer was lost would end the credentials that are in use.
///
/// # Errors
///
/// If there is no such caller, if it was adopted or rotated a while ago, if the overlap is longer than a year; or the vault's. Then nothing has changed.
pub async fn rotate(
    vault: &UnlockedVault,
    name: &CallerName,
    rotation: Rotation,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Issued, CallerError> {
    if rotation.overlap > LONGEST_OVERLAP {
        return Err(CallerError::OverlapTooLong);
    }
    let mut change = Change::begin(vault).await?;
    let mut caller = change.caller(name).await?;
    if caller.adopted {
        return Err(CallerError::Adopted(name.clone()));
    }
    let Rotation { overlap, force } = rotation;
    let before = caller.previous_valid_until;
    if let Some(until) = before.filter(|until| *until > change.now)
        && !force
        && !overlap.is_zero()
    {
        return Err(CallerError::InOverlap {
            name: name.clone(),
            until,
        });
    }
    let until = change.now.plus(overlap);
    let client_secret = new_client_secret(rng);
    let hash = secret_hash(&vault.index_key, client_secret.expose_secret());
    let sql = "UPDATE callers SET previous_secret_hash = secret_hash, previous_valid_until = $1, secret_hash = $2
               WHERE id = $3";
    let update = sqlx::query(sql).bind(until).bind(hash.as_bytes());
    let updated = update
        .bind(&caller.id)
        .execute(&mut *change.transaction)
        .await;
    updated.map_err(|error| change.error(error))?;
    let mut handles = Vec::new();
    for own in caller
        .connections
        .iter()
        .filter(|own| own.revoked_at.is_none() && !own.is_removed)
    {
        let handle = Handle::generate(own.handle_id, rng);
        renew(&mut change, &handle).await?;
        handles.push((own.connection.clone(), handle));
    }
    let event = Event {
        event: "caller_rotated",
        connection_id: None,
        detail: format!(
            "{name}: the credentials before work for {} s",
            overlap.as_secs()
        ),
    };
    change.commit(&caller.id, event).await?;
    caller.previous_valid_until = Some(until);
    Ok(Issued {
        client_id: caller.client_id.clone(),
        caller,
        client_secret,
        handles,
    })
}

/// Takes back a rotation whose credentials reached nobody: those before it are the ones again, without an end.
/// What the rotation had ended stays ended.
///
/// # Errors
///
/// If there is no such caller, or nothing to go back to; or the vault's.
pub async fn undo_rotation(vault: &UnlockedVault, name: &CallerName) -> Result<(), CallerError> {
    let mut change = Change::begin(vault).await?;
    let caller = change.caller(name).await?;
    if caller.previous_valid_until.is_none() {
        return Err(CallerError::NotRotated(name.clone()));
    }
    for sql in [
        "UPDATE callers SET secret_hash = previous_secret_hash, previous_secret_hash = NULL,
           previous_valid_until = NULL WHERE id = $1",
        "UPDATE caller_connections SET handle_hash = previous_handle_hash, previous_handle_hash = NULL,
           epoch = epoch - 1 WHERE caller_id = $1 AND previous_handle_hash IS NOT NULL
             AND revoked_at IS NULL",
    ] {
        let update = sqlx::query(sql).bind(&caller.id);
        let updated = update.execute(&mut *change.transaction).await;
        updated.map_err(|error| change.error(error))?;
    }
    let event = Event {
        event: "caller_rotation_undone",
        connection_id: None,
        detail: name.to_string(),
    };
    change.commit(&caller.id, event).await?;
    Ok(())
}

async fn renew(change: &mut Change<'_>, handle: &Handle) -> Result<(), CallerError> {
    let hash = hash_of(&change.vault.index_key, handle);
    let sql = "UPDATE caller_connections
               SET previous_handle_hash = handle_hash, handle_hash = $1, epoch = epoch + 1 WHERE id = $2";
    let update = sqlx::query(sql)
        .bind(hash.as_bytes())
        .bind(handle.id().to_string());
    let updated = update.execute(&mut *change.transaction).await;
    updated.map_err(|error| change.error(error))?;
    Ok(())
}
