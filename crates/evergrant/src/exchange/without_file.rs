//! Exchanges that broke off and whose escrow file is gone: only the vault remembers them.
//!
//! Somebody removed the folder while the exchange ran, and then its process was killed. Whether a
//! request had left, nothing tells any more.

use std::time::Duration;

use super::{
    journal::{self, Outcome},
    recover::{Fate, Recovered, Waiting},
};
use crate::{
    clock::Timestamp,
    vault::{
        UnlockedVault, Vault, VaultError,
        escrow::{Entry, ExchangeId, Phase},
    },
};

/// How long an exchange may be under way without a file before it counts as broken off: the ten
/// minutes that a grant token lives at the most, in which it may be repeated, two for a reply that
/// has begun, and three more for connecting and silence.
///
/// One that waits for longer, since it was told to, is noted as unknown meanwhile; its own end
/// overwrites that.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(15 * 60);

/// Lists the exchanges that no file in `listed` belongs to. The files must have been listed before:
/// a file is made before its row, so that a row that is old by now had one then.
pub(super) async fn waiting(vault: &Vault, listed: &[Entry]) -> Result<Vec<Waiting>, VaultError> {
    let before = vault.now().minus(LONGEST_EXCHANGE);
    let mut waiting = Vec::new();
    for row in journal::prepared_before(vault, before).await? {
        let id = row.id.parse::<ExchangeId>();
        let id = id.map_err(|_| VaultError::Damaged {
            table: "exchanges",
            column: "id",
            row: row.id,
        })?;
        if listed.iter().all(|entry| entry.id != id) {
            waiting.push(without_file(id, row.name, row.at));
        }
    }
    Ok(waiting)
}

/// Notes of each of them that nobody knows what became of its grant; they are told of this once.
pub(super) async fn recover(
    vault: &UnlockedVault,
    listed: &[Entry],
) -> Result<Vec<Recovered>, VaultError> {
    let mut recovered = Vec::new();
    for waiting in waiting(&vault.vault, listed).await? {
        if journal::give_up(&vault.vault, waiting.id, Outcome::Unknown).await? {
            let fate = Fate::Unknown;
            recovered.push(Recovered { waiting, fate });
        }
    }
    Ok(recovered)
}

/// Gives one of them up; `None` if it is none of them.
pub(super) async fn discard(
    vault: &Vault,
    listed: &[Entry],
    id: ExchangeId,
) -> Result<Option<Waiting>, VaultError> {
    let waiting = waiting(vault, listed).await?;
    let Some(found) = waiting.into_iter().find(|one| one.id == id) else {
        return Ok(None);
    };
    let given_up = journal::give_up(vault, id, Outcome::Discarded).await?;
    Ok(given_up.then_some(found))
}

fn without_file(id: ExchangeId, name: Option<String>, at: Timestamp) -> Waiting {
    Waiting {
        id,
        name,
        phase: Phase::Sending,
        at: Some(at),
        has_file: false,
    }
}

#[cfg(test)]
mod tests;
