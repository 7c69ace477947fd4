//! What the server counts.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use evergrant::{caller::KnownCaller, exchange::Recovered};

use crate::{accounts::Refusal, chores};

/// Counters of the whole server; those of a caller are in [`Usage`](crate::callers::Usage).
#[derive(Default)]
pub(crate) struct Metrics {
    refused: Mutex<BTreeMap<(String, &'static str), u64>>,
    recovered: Mutex<BTreeMap<&'static str, u64>>,
    vault_is_silent: AtomicBool,
    turned_away: [AtomicU64; TurnedAway::ALL.len()],
}

/// Why a connection was not taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// Its address has as many as it may have.
    Address,
    /// There are as many as there may be.
    All,
}

impl TurnedAway {
    /// Every reason, in the order of their numbers.
    pub(crate) const ALL: [Self; 2] = [Self::Address, Self::All];

    /// Returns the word for it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::All => "all",
        }
    }
}

impl Metrics {
    /// Counts a refusal of the accounts server, by who asked, where that is known, and Zoho's word.
    pub(crate) fn refused(&self, caller: Option<&KnownCaller>, refusal: &Refusal) {
        let caller = caller.map_or_else(String::new, |caller| caller.name.to_string());
        // Unwrap safety: nothing panics while it holds the lock.
        let mut refused = self.refused.lock().expect("whole");
        *refused.entry((caller, refusal.word())).or_default() += 1;
    }

    /// Returns how often the accounts server refused, by caller and Zoho's word.
    pub(crate) fn refusals(&self) -> BTreeMap<(String, &'static str), u64> {
        self.refused.lock().expect("whole").clone()
    }

    /// Returns how many records left escrow, by what became of them.
    pub(crate) fn recoveries(&self) -> BTreeMap<&'static str, u64> {
        self.recovered.lock().expect("whole").clone()
    }

    /// Counts what was found in escrow, but for what stays there.
    pub(crate) fn recovered(&self, found: &[Recovered]) {
        let words = found.iter().map(|one| chores::word(&one.fate));
        // Unwrap safety: nothing panics while it holds the lock.
        let mut recovered = self.recovered.lock().expect("whole");
        for word in words.filter(|word| !matches!(*word, "stays" | "unknown")) {
            *recovered.entry(word).or_default() += 1;
        }
    }

    /// Counts a connection that was not taken up.
    pub(crate) fn turned_away(&self, why: TurnedAway) {
        self.turned_away[why as usize].fetch_add(1, Relaxed);
    }

    /// Returns how many were not taken up.
    pub(crate) fn times_turned_away(&self, why: TurnedAway) -> u64 {
        self.turned_away[why as usize].load(Relaxed)
    }

    /// Notes whether the vault answers; tells whether that is news.
    pub(crate) fn vault_answers(&self, answers: bool) -> bool {
        self.vault_is_silent.swap(!answers, Relaxed) == answers
    }
}
