//! Counts of what happened.

use std::collections::BTreeMap;

/// Counts since the start or the last reset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) exchanged: u64,
    pub(crate) refreshed: u64,
    pub(crate) client_credentials: u64,
    pub(crate) revoked: u64,
    pub(crate) throttled: u64,
    /// Refusals of the accounts server by their error word.
    pub(crate) refused: BTreeMap<String, u64>,
}

impl Stats {
    /// Counts a refusal.
    pub(crate) fn count_refusal(&mut self, word: &str) {
        *self.refused.entry(word.to_owned()).or_default() += 1;
    }
}
