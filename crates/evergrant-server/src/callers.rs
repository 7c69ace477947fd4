//! Who may, as the server has it in memory; read again whenever the vault says that it changed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use evergrant::{
    caller::{Grant, HandleId, KnownCallers},
    clock::Timestamp,
};

/// The callers at one moment.
pub(crate) struct Callers {
    pub(crate) known: KnownCallers,
    usage: HashMap<HandleId, Arc<Usage>>,
}

/// What a caller did with one of its connections since the server started.
#[derive(Default)]
pub(crate) struct Usage {
    given: AtomicU64,
    refused: AtomicU64,
    last_used: AtomicI64,
    /// The token that was given last, by the moment at which it dies.
    last_token: AtomicI64,
}

impl Callers {
    /// Puts what was counted before beside those who are known now.
    pub(crate) fn new(known: KnownCallers, before: Option<&Self>) -> Self {
        let usage_of = |grant: &Grant| {
            let counted = before.and_then(|before| before.usage.get(&grant.handle_id));
            (grant.handle_id, counted.map(Arc::clone).unwrap_or_default())
        };
        let usage = grants(&known).map(usage_of).collect();
        Self { known, usage }
    }

    /// Returns where the uses of a grant are counted.
    pub(crate) fn usage(&self, grant: &Grant) -> &Usage {
        // Unwrap safety: both maps were made of the same grants.
        self.usage
            .get(&grant.handle_id)
            .expect("a grant of these callers")
    }

    /// Returns every grant with what was done with it.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Grant, &Usage)> {
        grants(&self.known).map(|grant| (grant, self.usage(grant)))
    }
}

fn grants(known: &KnownCallers) -> impl Iterator<Item = &Grant> {
    known.callers().flat_map(|caller| known.grants_of(caller))
}

impl Usage {
    /// Counts a token.
    pub(crate) fn given(&self, now: Timestamp) {
        self.given.fetch_add(1, Relaxed);
        self.used(now);
    }

    /// Notes that a token was used, here or at the proxy.
    pub(crate) fn used(&self, now: Timestamp) {
        self.last_used.store(now.as_millis(), Relaxed);
    }

    /// Counts a token that could not be had.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Tells whether a token that dies at this moment is another than the one that was given last.
    pub(crate) fn is_first(&self, expires_at: Timestamp) -> bool {
        let millis = expires_at.as_millis();
        self.last_token.swap(millis, Relaxed) != millis
    }

    /// Returns how often a token was given.
    pub(crate) fn times_given(&self) -> u64 {
        self.given.load(Relaxed)
    }

    /// Returns how often none could be had.
    pub(crate) fn times_refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Returns when it was used last; `None` if it was not since the server started.
    pub(crate) fn last_used(&self) -> Option<Timestamp> {
        let millis = self.last_used.load(Relaxed);
        (millis != 0).then(|| Timestamp::from_millis(millis))
    }
}
