//! How often tokens were given, which the audit notes only the first time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use super::Broker;
use crate::connection::ConnectionName;

impl Broker {
    /// Returns how many tokens this broker has given, by connection: each time counts, also the same token
    /// from memory. The audit notes only the first time that a token is given. Nothing is stored, so a
    /// process begins with none; a connection of which no token was given is not there.
    pub fn handed_out(&self) -> BTreeMap<ConnectionName, u64> {
        self.0.cache.handed_out.all()
    }
}

/// A count for each connection that a token was given of.
#[derive(Default)]
pub(super) struct HandedOut(Mutex<HashMap<ConnectionName, Counter>>);

/// In how many parts a connection's count is kept: as many threads count without waiting for each other.
const PARTS: usize = 8;

/// One connection's count, which goes on through all of its tokens.
#[derive(Clone, Default)]
pub(super) struct Counter(Arc<[Part; PARTS]>);

/// A part of a count, on a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Part(AtomicU64);

thread_local! {
    /// The part that this thread counts in.
    static PART: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed) % PARTS
    };
}

impl HandedOut {
    /// Returns a connection's count. Takes a lock: not for a token that is in memory.
    pub(super) fn counter(&self, name: &ConnectionName) -> Counter {
        // Unwrap safety: nothing panics while it holds the lock.
        let mut counters = self.0.lock().expect("whole");
        match counters.get(name) {
            Some(counter) => counter.clone(),
            None => counters.entry(name.clone()).or_default().clone(),
        }
    }

    /// Returns all of them, as they are now.
    pub(super) fn all(&self) -> BTreeMap<ConnectionName, u64> {
        // Unwrap safety: nothing panics while it holds the lock.
        let counters = self.0.lock().expect("whole");
        let counts = counters.iter();
        counts
            .map(|(name, counter)| (name.clone(), counter.total()))
            .collect()
    }
}

impl Counter {
    /// Counts one more. The order in which others see it does not matter.
    pub(super) fn count(&self) {
        PART.with(|&part| self.0[part].0.fetch_add(1, Ordering::Relaxed));
    }

    fn total(&self) -> u64 {
        let parts = self.0.iter();
        parts.map(|part| part.0.load(Ordering::Relaxed)).sum()
    }
}
