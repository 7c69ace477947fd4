//! Finishing what a crash, a full disk or a broken vault left in escrow.

use std::{io, time::Duration};

use rand::rngs::StdRng;
use zoho_oauth::{GrantToken, Reply, TokenReply, read_token_reply};

use super::{
    ExchangeError, Purpose,
    context::Context,
    journal::{self, Outcome},
    keep::{self, Kept},
    mend, prepare, send, without_file,
};
use crate::{
    caller::CallerName,
    clock::Timestamp,
    connection::ConnectionName,
    vault::{
        UnlockedVault, Vault, VaultError,
        escrow::{self, Entry, EscrowFile, ExchangeId, Phase, Record},
        seal::OpenError,
    },
};

/// How long a record is kept of which nobody knows what became of its grant.
const UNKNOWN_KEPT: Duration = Duration::from_secs(24 * 3600);

/// An exchange that broke off and waits to be finished.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The exchange.
    pub id: ExchangeId,
    /// The connection that it was for.
    pub name: Option<String>,
    /// How far it had come.
    pub phase: Phase,
    /// When it began.
    pub at: Option<Timestamp>,
    /// Whether its file is there. Without it there is nothing to finish, and the phase is that of an
    /// exchange of which nobody knows whether its request had left.
    pub has_file: bool,
}

impl Waiting {
    /// Describes a record that cannot be read: whether its request left, nobody can tell.
    fn unread(id: ExchangeId) -> Self {
        Self {
            id,
            name: None,
            phase: Phase::Sending,
            at: None,
            has_file: true,
        }
    }
}

/// What became of a record.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fate {
    /// Its connection is in the vault; in the place of one that did not open any more, if there was such.
    Kept(Box<Kept>),
    /// Its connection had been in the vault before.
    Settled,
    /// Nothing had been sent: the grant is whole, or was when it began.
    Unsent,
    /// Nothing had been sent this time, but an earlier answer to the same grant was lost.
    UnsentAfterLost,
    /// A request left and no reply is here.
    Unknown,
    /// Zoho's reply was a refusal.
    Refused(Box<ExchangeError>),
    /// It cannot be finished now, and stays.
    Stays(RecoverError),
}

/// A record that `recover` went through.
#[derive(Debug)]
pub struct Recovered {
    /// The record.
    pub waiting: Waiting,
    /// What became of it.
    pub fate: Fate,
}

/// Why a record cannot be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// It is another vault's.
    #[error("it belongs to another vault")]
    OtherVault,
    /// It does not open.
    #[error("it does not open")]
    Sealed(#[source] OpenError),
    /// It opened, and makes no sense.
    #[error("a later version wrote it, or it is damaged")]
    Unreadable,
    /// There is no such record, or its process lives.
    #[error("no such record waits in escrow")]
    NotFound,
    /// The text is no record.
    #[error("the text holds no escrow record")]
    NotARecord,
    /// Its file cannot be read or removed.
    #[error("its file cannot be read or removed")]
    File(#[source] io::Error),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Lists what waits in escrow and is nobody's any more, and what should lie there and does not. No
/// key is needed, and nothing is changed.
///
/// # Errors
///
/// If the folders or the vault cannot be read. A file that cannot be read is listed.
pub async fn waiting(vault: &Vault) -> Result<Vec<Waiting>, RecoverError> {
    let mut waiting: Vec<Waiting> = Vec::new();
    let entries = escrow::list(vault.folders()).map_err(RecoverError::File)?;
    for entry in &entries {
        if waiting.iter().any(|known| known.id == entry.id) {
            continue;
        }
        match take_over(entry) {
            Ok(Some((_file, record))) => {
                let (found, outcome) = describe(vault, &record).await?;
                waiting.extend((outcome != Some(Outcome::Done)).then_some(found));
            }
            Ok(None) => {}
            Err(_) => waiting.push(Waiting::unread(entry.id)),
        }
    }
    waiting.extend(without_file::waiting(vault, &entries).await?);
    Ok(waiting)
}

/// Finishes everything that waits in escrow and is nobody's any more, and notes what should lie there
/// and does not.
///
/// # Errors
///
/// If the folders or the vault cannot be used. What hinders one record alone is its [`Fate::Stays`].
pub async fn recover(
    vault: &UnlockedVault,
    rng: &mut StdRng,
) -> Result<Vec<Recovered>, RecoverError> {
    let now = vault.clock().now();
    escrow::clear_temporary(vault.vault.folders(), now.into()).map_err(RecoverError::File)?;
    let mut recovered = Vec::new();
    let entries = escrow::list(vault.vault.folders()).map_err(RecoverError::File)?;
    for entry in &entries {
        let (file, record) = match take_over(entry) {
            Ok(Some(taken)) => taken,
            Ok(None) => continue,
            Err(error) => {
                recovered.push(Recovered {
                    waiting: Waiting::unread(entry.id),
                    fate: Fate::Stays(error),
                });
                continue;
            }
        };
        let (waiting, outcome) = describe(&vault.vault, &record).await?;
        // Its file is all there is if the vault does not give back what it took.
        if outcome == Some(Outcome::Done) && mend::damaged(vault, record.id).await?.is_none() {
            file.remove().map_err(RecoverError::File)?;
            continue;
        }
        let fate = match settle(vault, &record, &waiting, outcome, rng).await {
            Ok((fate, release)) => {
                if release {
                    file.remove().map_err(RecoverError::File)?;
                }
                fate
            }
            Err(error) => Fate::Stays(error),
        };
        recovered.push(Recovered { waiting, fate });
    }
    recovered.extend(without_file::recover(vault, &entries).await?);
    Ok(recovered)
}

/// Finishes a record that a person kept as text.
///
/// # Errors
///
/// If the text is no record of this vault, or if it does not open; or the vault's.
pub async fn recover_text(
    vault: &UnlockedVault,
    text: &str,
    rng: &mut StdRng,
) -> Result<Recovered, RecoverError> {
    let record = Record::from_text(text).ok_or(RecoverError::NotARecord)?;
    let (waiting, outcome) = describe(&vault.vault, &record).await?;
    let (fate, _) = settle(vault, &record, &waiting, outcome, rng).await?;
    Ok(Recovered { waiting, fate })
}

/// Finds the connection that an exchange of this grant has brought, whoever finished it; `None` also if it was
/// removed since.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn connection_of(
    vault: &UnlockedVault,
    grant: &GrantToken,
) -> Result<Option<ConnectionName>, VaultError> {
    journal::connection_of(vault, prepare::fingerprint(vault, grant)).await
}

/// Finds the connection that an exchange of this grant has brought to a caller, by the caller's row, if that began it
/// within so long and never had a handle for it: its answer was lost with the server.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn brought_to(
    vault: &UnlockedVault,
    grant: &GrantToken,
    caller_id: &str,
    within: Duration,
) -> Result<Option<ConnectionName>, VaultError> {
    let since = vault.clock().now().minus(within);
    journal::brought_to(vault, prepare::fingerprint(vault, grant), caller_id, since).await
}

/// Finds the caller that an exchange was made for; `None` also if it is revoked.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn begun_by(vault: &Vault, id: ExchangeId) -> Result<Option<CallerName>, VaultError> {
    journal::begun_by(vault, id).await
}

/// Gives up a record, whatever it holds.
///
/// # Errors
///
/// [`RecoverError::NotFound`], or if its file cannot be removed; or the vault's.
pub async fn discard(vault: &Vault, id: ExchangeId) -> Result<Waiting, RecoverError> {
    let mut discarded = None;
    let entries = escrow::list(vault.folders()).map_err(RecoverError::File)?;
    for entry in entries.iter().filter(|entry| entry.id == id) {
        discarded = match take_over(entry) {
            Ok(None) => continue,
            Ok(Some((file, record))) => {
                let (waiting, _) = describe(vault, &record).await?;
                file.remove().map_err(RecoverError::File)?;
                Some(waiting)
            }
            // What cannot be read is given up all the same: a person says so.
            Err(_) => {
                fs_err::remove_file(&entry.path).map_err(RecoverError::File)?;
                Some(Waiting::unread(id))
            }
        };
        journal::note(vault, id, Outcome::Discarded, None).await?;
    }
    if discarded.is_none() {
        discarded = without_file::discard(vault, &entries, id).await?;
    }
    discarded.ok_or(RecoverError::NotFound)
}

fn take_over(entry: &Entry) -> Result<Option<(EscrowFile, Record)>, RecoverError> {
    EscrowFile::take_over(&entry.path).map_err(RecoverError::File)
}

async fn describe(
    vault: &Vault,
    record: &Record,
) -> Result<(Waiting, Option<Outcome>), VaultError> {
    let known = journal::find(vault, record.id).await?;
    let outcome = known.as_ref().map(|known| known.outcome);
    let at = known.as_ref().map(|known| known.at);
    let name = known.and_then(|known| known.name);
    Ok((
        Waiting {
            id: record.id,
            name,
            phase: record.phase(),
            at,
            has_file: true,
        },
        outcome,
    ))
}

/// Settles one record; tells whether its file may go.
async fn settle(
    vault: &UnlockedVault,
    record: &Record,
    waiting: &Waiting,
    outcome: Option<Outcome>,
    rng: &mut StdRng,
) -> Result<(Fate, bool), RecoverError> {
    if record.vault_id != vault.vault.id() {
        return Err(RecoverError::OtherVault);
    }
    let opened = escrow::open(&vault.keyring, record).map_err(RecoverError::Sealed)?;
    let context = Context::from_bytes(&opened.context).ok_or(RecoverError::Unreadable)?;
    if let Some(reply) = opened.reply {
        return settle_reply(vault, record, context, &reply, rng).await;
    }
    if outcome == Some(Outcome::Done) {
        return Ok((Fate::Settled, true));
    }
    if record.phase() == Phase::Prepared && !context.is_of_an_earlier_boot() {
        let (outcome, reason, fate) = if context.answer_lost {
            let reason = Some("an earlier answer was lost");
            (Outcome::Failed, reason, Fate::UnsentAfterLost)
        } else {
            (Outcome::Unsent, None, Fate::Unsent)
        };
        journal::note(&vault.vault, record.id, outcome, reason).await?;
        return Ok((fate, true));
    }
    if outcome != Some(Outcome::Unknown) {
        journal::note(&vault.vault, record.id, Outcome::Unknown, None).await?;
        return Ok((Fate::Unknown, false));
    }
    let now = vault.clock().now();
    let noted = waiting.at.unwrap_or(now);
    Ok((Fate::Unknown, noted.until(now) > UNKNOWN_KEPT))
}

async fn settle_reply(
    vault: &UnlockedVault,
    record: &Record,
    mut context: Context,
    reply: &Reply,
    rng: &mut StdRng,
) -> Result<(Fate, bool), RecoverError> {
    let answer_lost = context.answer_lost || record.attempts() > 1;
    let attempts = u32::from(record.attempts());
    let error = match read_token_reply(reply) {
        TokenReply::Granted(grant) if grant.refresh_token.is_some() => {
            if let Some(name) = mend::damaged(vault, record.id).await? {
                context.purpose = Purpose::Keep {
                    name,
                    replace: true,
                };
                journal::reopen(vault, record.id).await?;
            }
            let kept = keep::keep_found(vault, record.id, context, grant, rng).await?;
            return Ok((
                kept.map_or(Fate::Settled, |kept| Fate::Kept(Box::new(kept))),
                true,
            ));
        }
        TokenReply::Granted(_) => ExchangeError::NoRefreshToken,
        TokenReply::Refused(refusal) => ExchangeError::Refused {
            refusal,
            answer_lost,
            attempts,
        },
        TokenReply::Unreadable(unreadable) => ExchangeError::Unreadable {
            unreadable,
            attempts,
        },
    };
    let (outcome, reason) = send::outcome(&error);
    journal::note(&vault.vault, record.id, outcome, reason.as_deref()).await?;
    Ok((Fate::Refused(Box::new(error)), true))
}

#[cfg(test)]
mod tests;
