//! First hand-outs: which caller got which token, for the audit. Whoever asks for a token never waits for that.

use std::sync::{Arc, Mutex, MutexGuard};

use evergrant::{
    broker::Token,
    caller::{self, Grant, HandedOut},
    vault::{UnlockedVault, VaultError},
};

use crate::callers::Usage;

/// So many wait to be told; more than that come only while the vault cannot be written.
const WAITING: usize = 10_000;

/// What the audit is to be told.
#[derive(Default)]
pub(crate) struct HandOuts(Mutex<Vec<HandedOut>>);

impl HandOuts {
    /// Notes that a grant brought this token, if it is the first time; further times are only counted.
    pub(crate) fn note(&self, grant: &Grant, usage: &Usage, token: &Token) {
        if !usage.is_first(token.expires_at()) {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING {
            tracing::warn!("the audit is too far behind: a hand-out is not noted");
            return;
        }
        waiting.push(HandedOut {
            caller_id: grant.caller.id.clone(),
            connection_id: Arc::clone(&grant.connection_id),
            mode: grant.caller.mode,
            expires_at: token.expires_at(),
        });
    }

    /// Tells the audit what waits.
    ///
    /// # Errors
    ///
    /// If the vault cannot be written; it is told the next time.
    pub(crate) async fn tell(&self, vault: &UnlockedVault) -> Result<(), VaultError> {
        let waiting = self.waiting().clone();
        if !waiting.is_empty() {
            caller::note_handed_out(vault, &waiting).await?;
            self.waiting().drain(..waiting.len());
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<HandedOut>> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.0.lock().expect("whole")
    }
}
