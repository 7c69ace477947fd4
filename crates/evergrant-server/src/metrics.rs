//! What the server counts.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use crate::accounts::Refusal;

/// Counters of the whole server; those of a caller are in [`Usage`](crate::callers::Usage).
#[derive(Default)]
pub(crate) struct Metrics {
    refused: Mutex<BTreeMap<&'static str, u64>>,
    vault_is_silent: AtomicBool,
}

impl Metrics {
    /// Counts a refusal of the accounts server, by Zoho's word.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        // Unwrap safety: nothing panics while it holds the lock.
        let mut refused = self.refused.lock().expect("whole");
        *refused.entry(refusal.word()).or_default() += 1;
    }

    /// Notes whether the vault answers; tells whether that is news.
    pub(crate) fn vault_answers(&self, answers: bool) -> bool {
        self.vault_is_silent.swap(!answers, Relaxed) == answers
    }
}
