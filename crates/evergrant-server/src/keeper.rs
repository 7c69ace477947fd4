//! Keeps memory true: whatever changes in the vault, by this server or by any other process, is felt within
//! a second; and where a copy is put in the place of the vault, a second later.

use std::{sync::Arc, time::Duration};

use evergrant::clock::Timestamp;

use evergrant::{
    caller::KnownCallers,
    vault::{Change, VaultError, Watch},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{callers::Callers, state::State};

/// How often the vault is asked whether it changed.
const LOOK: Duration = Duration::from_millis(250);

/// How many looks for somebody who is not known there are at once, and in a second.
const LOOKS: u64 = 20;

/// How many wait to have it asked at once.
const WAITING: usize = 64;

/// How long somebody who is not known waits for that.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often memory is read again although nothing changed, as far as we noticed.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Somebody who waits until the vault was looked at: it is dropped then.
pub(crate) type Waiter = oneshot::Sender<()>;

/// Makes the line of those who wait.
pub(crate) fn line() -> (mpsc::Sender<Waiter>, mpsc::Receiver<Waiter>) {
    mpsc::channel(WAITING)
}

/// Looks after memory for as long as the server runs.
pub(crate) async fn keep(state: Arc<State>, mut watch: Watch, mut waiting: mpsc::Receiver<Waiter>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut read = Instant::now();
    // A change that could not be taken in is tried again.
    let mut behind = false;
    loop {
        // Whoever waits goes on at the end of this round.
        let _waiter = tokio::select! {
            _ = looks.tick() => None,
            waiter = waiting.recv() => waiter,
        };
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

    /// Has the vault looked at now, and waits for that.
    pub(crate) async fn look_now(&self) {
        let (waiter, looked) = oneshot::channel();
        // A keeper that is gone has stopped with the server.
        if self.waiting.send(waiter).await.is_ok() {
            let _ = looked.await;
        }
    }

    /// Reads who may before the keeper's next look, for somebody who is not known: perhaps since a moment ago.
    /// Whoever guesses does not make the vault answer more often than [`LOOKS`] says.
    pub(crate) async fn look_again(&self) {
        // Unwrap safety: nothing panics while it holds the lock.
        let may = self.looks.lock().expect("whole").take(self.now());
        if !may {
            return;
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

/// How many looks there may be at this moment.
pub(crate) struct Looks {
    /// When all of them will be there again.
    full_at: Timestamp,
}

impl Looks {
    pub(crate) fn new() -> Self {
        Self {
            full_at: Timestamp::from_millis(0),
        }
    }

    /// Takes one; tells whether there was one.
    fn take(&mut self, now: Timestamp) -> bool {
        const EACH: Duration = Duration::from_millis(1000 / LOOKS);
        let all = EACH * LOOKS as u32;
        let missing = now.until(self.full_at);
        // A clock that was set back is no reason to stop looking.
        let missing = if missing > all {
            Duration::ZERO
        } else {
            missing
        };
        if missing + EACH > all {
            return false;
        }
        self.full_at = now.plus(missing + EACH);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_counted_over_all_and_come_again() {
        let (mut looks, now) = (Looks::new(), Timestamp::from_millis(1_000_000));
        let taken = |looks: &mut Looks, now| (0..100).filter(|_| looks.take(now)).count();
        assert_eq!(taken(&mut looks, now), 20);
        assert_eq!(taken(&mut looks, now.plus(Duration::from_millis(500))), 10);
        assert_eq!(taken(&mut looks, now.plus(Duration::from_secs(60))), 20);
        assert_eq!(taken(&mut looks, now), 20, "the clock was set back");
    }
}
