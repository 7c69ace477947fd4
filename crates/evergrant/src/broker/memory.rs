//! Tokens from memory alone, for a server that looks after its memory itself.

use std::{sync::Arc, time::Duration};

use super::{
    Broker, BrokerError, Shared, Token, Wanted,
    found::{self, Found},
};
use crate::{clock::Timestamp, connection::ConnectionName, vault::VaultError};

/// How long a token in memory lives.
#[derive(Clone, Copy, Debug)]
pub struct Lifetime {
    /// How long it lives from now on.
    pub left: Duration,
    /// How long it lived when it was new.
    pub life: Duration,
    /// When it dies, by this machine's clock.
    pub expires_at: Timestamp,
    /// Whether the last refresh of its connection failed, and a later one may not.
    pub is_failing: bool,
}

impl Broker {
    /// Returns a token from memory that lives long enough, however long ago the vault was asked for it;
    /// `None` if there is none, and then [`token`](Self::token) finds one.
    ///
    /// It takes well under a microsecond and never waits, whatever becomes of the vault. Whoever uses it
    /// calls [`check_memory`](Self::check_memory) whenever the vault changed
    /// ([`Watch`](crate::vault::Watch)), or it goes on giving tokens of connections that were revoked.
    pub fn token_in_memory(&self, name: &ConnectionName, wanted: &Wanted) -> Option<Token> {
        let moment = self.0.moment();
        self.0.cache.find_unconfirmed(name, wanted, &moment)
    }

    /// Returns how long the token in memory lives, for whoever replaces it ahead of need; `None` if there is none.
    pub fn lifetime_in_memory(&self, name: &ConnectionName) -> Option<Lifetime> {
        self.0.cache.lifetime(name, &self.0.moment())
    }

    /// Reads from the vault again what is in memory: tokens that others refreshed take the place of
    /// older ones, those of connections that are gone or revoked are forgotten.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read; memory then stays as it is.
    pub async fn check_memory(&self) -> Result<(), Arc<VaultError>> {
        for name in self.0.cache.names() {
            match found::find(&self.0, &name, &self.0.moment()).await {
                Ok(found) => self.0.renew(&found),
                // One row that makes no sense takes nothing from all the others.
                Err(BrokerError::Vault(error)) if !matches!(*error, VaultError::Damaged { .. }) => {
                    return Err(error);
                }
                Err(_) => self.0.cache.forget(&name),
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Puts into memory what the vault has.
    fn renew(&self, found: &Found) {
        let (name, credential, moment) = (&found.name, found.credential, self.moment());
        let revoked = found.check_not_revoked().is_err();
        // Whoever could not put its token into the vault has a better one than that.
        if !revoked && self.cache.is_unsaved(name, credential, &moment) {
            return;
        }
        let Some(token) = (found.token.as_ref()).filter(|_| found.check_not_revoked().is_ok())
        else {
            return self.cache.forget(name);
        };
        if self.cache.confirm(found, token, &moment).is_some() {
            return;
        }
        match self.open(found, token) {
            Ok(data) => self.cache.keep(&data.into(), found, token, &moment),
            // Whoever asks for it next drops it from the vault too.
            Err(_) => self.cache.forget(name),
        }
    }
}
