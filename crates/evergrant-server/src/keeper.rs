//! Keeps memory true: whatever changes in the vault, by this server or by any other process, is felt within
//! a second; and where a copy is put in the place of the vault, a second later.

use std::{sync::Arc, time::Duration};

use evergrant::{
    caller::KnownCallers,
    vault::{Change, VaultError, Watch},
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{callers::Callers, state::State};

/// How often the vault is asked whether it changed.
const LOOK: Duration = Duration::from_millis(250);

/// How long after a look for somebody who is not known there is no other.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long somebody who is not known waits for that.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often memory is read again although nothing changed, as far as we noticed.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Looks after memory for as long as the server runs.
pub(crate) async fn keep(state: Arc<State>, mut watch: Watch) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut read = Instant::now();
    // A change that could not be taken in is tried again.
    let mut behind = false;
    loop {
        looks.tick().await;
        let changed = watch.changed().await;
        behind |= read.elapsed() >= AT_LEAST || !matches!(changed, Ok(Change::Nothing));
        if !behind {
            continue;
        }
        if let Ok(Change::Reopened) = changed {
            tracing::warn!(
                "the vault lay elsewhere meanwhile, or is another copy: it was opened again"
            );
        }
        match changed.map_err(Arc::new) {
            Ok(_) => match state.read_again().await {
                Ok(()) => {
                    (behind, read) = (false, Instant::now());
                    state.metrics.vault_answers(true);
                }
                Err(error) => unreadable(&state, &error),
            },
            Err(error) => unreadable(&state, &error),
        }
    }
}

fn unreadable(state: &State, error: &VaultError) {
    if state.metrics.vault_answers(false) {
        tracing::error!(%error, "the vault cannot be read; what is in memory is given meanwhile");
    }
}

impl State {
    /// Reads from the vault what is in memory.
    async fn read_again(&self) -> Result<(), Arc<VaultError>> {
        // What is wrong with the one is no reason to go on believing the other.
        let callers = self.read_callers().await;
        self.broker.check_memory().await?;
        Ok(callers?)
    }

    async fn read_callers(&self) -> Result<(), VaultError> {
        let vault = self.broker.vault();
        if KnownCallers::version(vault.vault()).await? != self.callers().known.loaded_version() {
            let known = KnownCallers::load(vault).await?;
            let callers = Callers::new(known, Some(&self.callers()));
            self.set_callers(callers);
        }
        Ok(())
    }

    /// Reads who may before the keeper's next look, for somebody who is not known: perhaps since a moment ago.
    /// Whoever guesses does not make the vault answer more than ten times a second.
    pub(crate) async fn look_again(&self) {
        {
            // Unwrap safety: nothing panics while it holds the lock.
            let mut looked = self.looked.lock().expect("whole");
            if looked.is_some_and(|last| last.elapsed() < LOOK_AGAIN) {
                return;
            }
            *looked = Some(Instant::now());
        }
        let read = tokio::time::timeout(PATIENCE, self.read_callers()).await;
        if let Ok(Err(error)) = read {
            tracing::debug!(%error, "the callers could not be read");
        }
    }

    /// Takes in a change that this server made, at once.
    pub(crate) async fn reload_callers(&self) {
        match KnownCallers::load(self.broker.vault()).await {
            Ok(known) => {
                let callers = Callers::new(known, Some(&self.callers()));
                self.set_callers(callers);
            }
            // The keeper goes on trying.
            Err(error) => tracing::warn!(%error, "the callers could not be read again"),
        }
    }
}
