//! Tokens in memory, so that a busy process asks the vault once a second for each connection.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use papaya::HashMap;
use zoho_oauth::AccessToken;

use super::{
    BrokerError, Token, TokenWarning, Wanted,
    found::Found,
    handed_out::{Counter, HandedOut},
    ledger::{Moment, SealedToken},
    memory::Lifetime,
    token::TokenData,
};
use crate::{clock::Uptime, connection::ConnectionName, vault::Fingerprint};

/// For how long the vault need not be asked: what others revoke or replace is felt that much later.
const UNCHECKED: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Cache {
    /// Made when there is something to keep: it asks the system how many processors there are.
    tokens: OnceLock<HashMap<ConnectionName, Arc<Cached>>>,
    /// Whether a token was given. The first is not kept, unless a server asks for it: a process that asks once does not
    /// ask again.
    gave_one: AtomicBool,
    pub(super) handed_out: HandedOut,
}

struct Cached {
    data: Arc<TokenData>,
    credential: Fingerprint,
    token: SealedToken,
    checked: AtomicI64,
    is_failing: AtomicBool,
    handed_out: Counter,
}

impl Cache {
    /// Finds a token that will do and was in the vault a moment ago, and counts that it is given.
    pub(super) fn find(
        &self,
        name: &ConnectionName,
        wanted: &Wanted,
        moment: &Moment,
    ) -> Option<Token> {
        let tokens = self.tokens.get()?.pin();
        let cached = tokens.get(name)?;
        let checked = Uptime::from_millis(cached.checked.load(Ordering::Relaxed));
        let is_recent = checked <= moment.up && checked.until(moment.up) < UNCHECKED;
        if !is_recent || wanted.new {
            return None;
        }
        let token = cached.give(wanted, moment)?;
        cached.handed_out.count();
        Some(token)
    }

    /// Finds a token that will do, whenever it was last seen in the vault.
    pub(super) fn find_unconfirmed(
        &self,
        name: &ConnectionName,
        wanted: &Wanted,
        moment: &Moment,
    ) -> Option<Token> {
        let tokens = self.tokens.get()?.pin();
        let cached = tokens.get(name)?;
        (!wanted.new).then(|| cached.give(wanted, moment))?
    }

    /// Returns how long a token lives, whenever it was last seen in the vault.
    pub(super) fn lifetime(&self, name: &ConnectionName, moment: &Moment) -> Option<Lifetime> {
        let tokens = self.tokens.get()?.pin();
        let cached = tokens.get(name)?;
        let token = &cached.token;
        Some(Lifetime {
            left: token.left(moment),
            life: token.life,
            expires_at: token.expires_at,
            is_failing: cached.is_failing.load(Ordering::Relaxed),
        })
    }

    /// Returns the connections whose tokens are in memory.
    pub(super) fn names(&self) -> Vec<ConnectionName> {
        let tokens = self.tokens.get().map(HashMap::pin);
        tokens.map_or_else(Vec::new, |tokens| tokens.keys().cloned().collect())
    }

    /// Tells whether the token of a connection is here alone, and of this credential.
    pub(super) fn is_unsaved(
        &self,
        name: &ConnectionName,
        credential: Fingerprint,
        moment: &Moment,
    ) -> bool {
        let tokens = self.tokens.get().map(HashMap::pin);
        let cached = tokens.as_ref().and_then(|tokens| tokens.get(name));
        cached.is_some_and(|cached| {
            let alive = !cached.token.left(moment).is_zero();
            cached.token.sealed.is_empty() && cached.credential == credential && alive
        })
    }

    /// Forgets this token if it is here alone; tells whether it was.
    pub(super) fn forget_unsaved(&self, name: &ConnectionName, token: &AccessToken) -> bool {
        let tokens = self.tokens.get().map(HashMap::pin);
        let cached = tokens.as_ref().and_then(|tokens| tokens.get(name));
        let is_it = cached.is_some_and(|cached| {
            let same = cached.data.access_token.expose_secret() == token.expose_secret();
            cached.token.sealed.is_empty() && same
        });
        if is_it {
            self.forget(name);
        }
        is_it
    }

    /// Finds a token that will do and is here alone, since the vault did not take it.
    pub(super) fn find_unsaved(
        &self,
        name: &ConnectionName,
        credential: Fingerprint,
        wanted: &Wanted,
        moment: &Moment,
    ) -> Option<Token> {
        let tokens = self.tokens.get()?.pin();
        let cached = tokens.get(name)?;
        let unsaved = cached.token.sealed.is_empty() && cached.credential == credential;
        (unsaved && !wanted.new).then(|| cached.give(wanted, moment))?
    }

    /// Finds a token that works, for when the vault cannot be asked, and for the reason `why`.
    pub(super) fn find_unchecked(
        &self,
        name: &ConnectionName,
        wanted: &Wanted,
        moment: &Moment,
        why: BrokerError,
    ) -> Result<Token, BrokerError> {
        let Some(tokens) = self.tokens.get() else {
            return Err(why);
        };
        let tokens = tokens.pin();
        let Some(cached) = tokens.get(name).filter(|_| !wanted.new) else {
            return Err(why);
        };
        if let Some(token) = cached.give(wanted, moment) {
            return Ok(token);
        }
        let left = cached.token.left(moment);
        if wanted.strict || left.is_zero() {
            return Err(why);
        }
        Ok(Token {
            data: cached.data.clone(),
            left,
            warnings: vec![TokenWarning::Stale(Box::new(why))],
        })
    }

    /// Returns the data of a token, opened before, that the vault was just seen to have.
    pub(super) fn confirm(
        &self,
        found: &Found,
        token: &SealedToken,
        moment: &Moment,
    ) -> Option<Arc<TokenData>> {
        let tokens = self.tokens.get()?.pin();
        let cached = tokens.get(&found.name)?;
        // What is sealed differs as soon as anything about the token does.
        let same = cached.credential == found.credential && cached.token.sealed == token.sealed;
        same.then(|| {
            cached
                .checked
                .store(moment.up.as_millis(), Ordering::Relaxed);
            cached
                .is_failing
                .store(found.is_failing(), Ordering::Relaxed);
            cached.data.clone()
        })
    }

    /// Keeps a token that was just opened, or that is nowhere else.
    pub(super) fn keep(
        &self,
        data: &Arc<TokenData>,
        found: &Found,
        token: &SealedToken,
        moment: &Moment,
    ) {
        let gave_one = self.gave_one.swap(true, Ordering::Relaxed);
        if !gave_one && !token.sealed.is_empty() {
            return;
        }
        let cached = Cached {
            data: data.clone(),
            credential: found.credential,
            token: token.clone(),
            checked: AtomicI64::new(moment.up.as_millis()),
            is_failing: AtomicBool::new(found.is_failing()),
            handed_out: self.handed_out.counter(&data.connection),
        };
        let tokens = self.tokens.get_or_init(HashMap::new).pin();
        tokens.insert(data.connection.clone(), Arc::new(cached));
    }

    /// Keeps the first token too.
    pub(super) fn keep_every_token(&self) {
        self.gave_one.store(true, Ordering::Relaxed);
    }

    /// Forgets what is known of a connection.
    pub(super) fn forget(&self, name: &ConnectionName) {
        if let Some(tokens) = self.tokens.get() {
            tokens.pin().remove(name);
        }
    }
}

impl Cached {
    fn give(&self, wanted: &Wanted, moment: &Moment) -> Option<Token> {
        let left = self.token.left(moment);
        wanted.is_met_by(self.token.life, left).then(|| Token {
            data: self.data.clone(),
            left,
            warnings: wanted.cut(self.token.life).into_iter().collect(),
        })
    }
}
