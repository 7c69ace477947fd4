//! Credentials that were refused: counted at once, told to the audit once a minute, so that whoever tries in
//! vain fills neither the audit nor the memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use evergrant::{
    caller::{self, Denied},
    vault::{UnlockedVault, VaultError},
};

/// So many kinds are told apart; callers are as many as the vault holds, but others count as nobody's.
const KINDS: usize = 10_000;

/// What was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Denial {
    /// The caller's row and name; `None` where nobody knows whose the credentials were.
    pub(crate) caller: Option<(String, String)>,
    /// What was wrong, in one word.
    pub(crate) word: &'static str,
}

/// Counts refused credentials.
#[derive(Default)]
pub(crate) struct Denials(Mutex<HashMap<Denial, Count>>);

#[derive(Clone, Copy, Default)]
struct Count {
    /// Since the server started.
    all: u64,
    /// Of these, what the audit knows.
    told: u64,
}

impl Denials {
    /// Counts one.
    pub(crate) fn count(&self, denied: &Denied) {
        let caller = denied.caller();
        let word = word(denied);
        let named = caller.map(|caller| (caller.id.clone(), caller.name.to_string()));
        let mut counts = self.counts();
        let denial = Denial {
            caller: named,
            word,
        };
        let known = counts.len() < KINDS || counts.contains_key(&denial);
        let denial = if known {
            denial
        } else {
            Denial { caller: None, word }
        };
        counts.entry(denial).or_default().all += 1;
    }

    /// Returns what was counted since the server started, in an order that stays.
    pub(crate) fn all(&self) -> Vec<(Denial, u64)> {
        let counts = self.counts();
        let mut all: Vec<_> = counts
            .iter()
            .map(|(denial, count)| (denial.clone(), count.all))
            .collect();
        all.sort_unstable();
        all
    }

    /// Tells the audit what it does not know yet, a row for each kind.
    ///
    /// # Errors
    ///
    /// If the vault cannot be written; what it did not take is told the next time.
    pub(crate) async fn tell(&self, vault: &UnlockedVault) -> Result<(), VaultError> {
        for (denial, all) in self.all() {
            let told = self.counts().get(&denial).map_or(0, |count| count.told);
            if all == told {
                continue;
            }
            let id = denial.caller.as_ref().map(|(id, _)| id.as_str());
            caller::note_denied(vault, id, all - told, denial.word).await?;
            self.counts().entry(denial).or_default().told = all;
        }
        Ok(())
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Denial, Count>> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.0.lock().expect("whole")
    }
}

fn word(denied: &Denied) -> &'static str {
    match denied {
        Denied::UnknownClient => "unknown_client",
        Denied::WrongSecret(_) => "wrong_secret",
        Denied::WrongHandle(_) => "wrong_handle",
        Denied::Revoked(_) => "revoked",
        Denied::Expired(_) => "expired",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_are_refused_the_kinds_are_few() {
        let denials = Denials::default();
        for _ in 0..1_000 {
            denials.count(&Denied::UnknownClient);
            denials.count(&Denied::WrongHandle(None));
        }
        let counted = denials.all();
        assert_eq!(counted.len(), 2);
        assert!(
            counted
                .iter()
                .all(|(denial, count)| denial.caller.is_none() && *count == 1_000)
        );
    }
}
