//! The exchanges that are under way, and those of the last ten minutes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use evergrant::clock::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use zoho_oauth::GrantToken;

use super::End;

/// How long the same code gets the same answer: longer than any grant token lives.
pub(super) const REMEMBERED: Duration = Duration::from_secs(600);

/// So many exchanges are under way at once; Zoho takes ten in ten minutes of an app
/// (<https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>).
const UNDER_WAY: usize = 64;

/// So many are remembered, the youngest.
const LIMIT: usize = 1024;

/// After how many seconds there may be room again.
pub(super) const PAUSE: u64 = 5;

/// What became of exchanges, by caller and code. It holds handles, which are wiped when they are forgotten.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<Key, Remembered>>);

/// A caller and its code, by their hash: the code itself is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

struct Remembered {
    begun_at: Timestamp,
    end: watch::Receiver<Option<End>>,
}

/// The end of an exchange, to be waited for.
pub(super) enum Joined {
    /// Somebody makes it, or has made it.
    Known(watch::Receiver<Option<End>>),
    /// It is to be made now.
    New(Entry),
}

/// An exchange that is to be made.
pub(super) struct Entry {
    before: Option<End>,
    end: watch::Sender<Option<End>>,
}

impl Key {
    pub(super) fn of(caller_id: &str, code: &GrantToken) -> Self {
        let hash = Sha256::new()
            .chain_update(caller_id)
            .chain_update([0])
            .chain_update(code.expose_secret())
            .finalize();
        Self(hash.into())
    }
}

impl Memory {
    /// Finds the exchange of this key or enters it; `None` if there are too many under way. One that ended
    /// without a handle is made again.
    pub(super) fn join(&self, key: Key, now: Timestamp) -> Option<Joined> {
        let mut all = self.lock();
        all.retain(|_, one| one.is_under_way() || one.begun_at.until(now) < REMEMBERED);
        let mut before = None;
        if let Some(known) = all.get(&key) {
            match &*known.end.borrow() {
                Some(End::Refused(_)) => {}
                Some(end @ (End::NotConnected(_) | End::NotInVault)) => before = Some(end.clone()),
                None if !known.is_under_way() => {}
                None | Some(End::Made(_)) => return Some(Joined::Known(known.end.clone())),
            }
        }
        if all.values().filter(|one| one.is_under_way()).count() >= UNDER_WAY {
            return None;
        }
        let (sender, end) = watch::channel(None);
        all.insert(key, Remembered { begun_at: now, end });
        forget_oldest(&mut all);
        Some(Joined::New(Entry {
            before,
            end: sender,
        }))
    }

    /// Waits for all that are under way.
    pub(super) async fn finish(&self) {
        let ends: Vec<_> = self.lock().values().map(|one| one.end.clone()).collect();
        for mut end in ends {
            // One whose task has gone has ended too.
            let _ = end.wait_for(Option::is_some).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Remembered>> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.0.lock().expect("whole")
    }
}

impl Remembered {
    fn is_under_way(&self) -> bool {
        // A sender that is gone says nothing more.
        self.end.borrow().is_none() && self.end.has_changed().is_ok()
    }
}

impl Entry {
    /// Returns its end, to be waited for.
    pub(super) fn end(&self) -> watch::Receiver<Option<End>> {
        self.end.subscribe()
    }

    /// Returns how it ended before, if that left something to go on with.
    pub(super) fn before(&self) -> Option<&End> {
        self.before.as_ref()
    }

    /// Tells everybody how it ended.
    pub(super) fn ended(self, end: End) {
        self.end.send_replace(Some(end));
    }
}

fn forget_oldest(all: &mut HashMap<Key, Remembered>) {
    if all.len() <= LIMIT {
        return;
    }
    let ended = all.iter().filter(|(_, one)| !one.is_under_way());
    let oldest = ended
        .min_by_key(|(_, one)| one.begun_at)
        .map(|(key, _)| *key);
    oldest.and_then(|key| all.remove(&key));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Refusal;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn key(code: &str) -> Key {
        Key::of("caller", &GrantToken::new(code))
    }

    fn begin(memory: &Memory, code: &str, second: i64) -> Option<Entry> {
        match memory.join(key(code), at(second)) {
            Some(Joined::New(entry)) => Some(entry),
            _ => None,
        }
    }

    fn refused() -> End {
        End::Refused(Refusal::InvalidCode)
    }

    #[test]
    fn one_that_is_under_way_is_joined_and_one_that_failed_is_made_again() {
        let memory = Memory::default();
        let entry = begin(&memory, "code", 0).unwrap();
        assert!(begin(&memory, "code", 1).is_none());
        entry.ended(refused());
        let entry = begin(&memory, "code", 2).unwrap();
        entry.ended(End::NotConnected("acme".parse().unwrap()));
        let entry = begin(&memory, "code", 3).unwrap();
        assert!(matches!(entry.before(), Some(End::NotConnected(name)) if name.as_str() == "acme"));
        entry.ended(End::NotInVault);
        let entry = begin(&memory, "code", 3).unwrap();
        assert!(matches!(entry.before(), Some(End::NotInVault)));
        drop(entry);
        assert!(begin(&memory, "code", 4).is_some(), "its task is gone");
    }

    #[test]
    fn caller_and_code_are_told_apart() {
        let [one, other] = ["ab", "a"].map(|id| Key::of(id, &GrantToken::new("bc")));
        assert!(one != other && Key::of("a", &GrantToken::new("b")) != key("b"));
    }

    #[test]
    fn memory_is_bounded_and_what_is_under_way_stays() {
        let memory = Memory::default();
        let under_way: Vec<_> = (0..UNDER_WAY)
            .map(|number| begin(&memory, &format!("u{number}"), 0).unwrap())
            .collect();
        assert!(memory.join(key("one more"), at(0)).is_none());
        drop(under_way);
        let first = begin(&memory, "first", 0).unwrap();
        for number in 0..2 * LIMIT {
            let entry = begin(&memory, &format!("{number}"), 1).unwrap();
            entry.ended(refused());
        }
        assert_eq!(memory.lock().len(), LIMIT);
        assert!(begin(&memory, "first", 2000).is_none(), "still under way");
        assert_eq!(memory.lock().len(), 1, "the others are forgotten");
        first.ended(refused());
    }
}
