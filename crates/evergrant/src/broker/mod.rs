//! The broker: one access token for everybody who asks, by as few refreshes as can be.
//!
//! ```text
//! token ─► memory ─► vault ─► flight of this process ─► lease of all processes ─► Zoho ─► vault
//!          fresh?    fresh?   one a credential          read again: fresh?
//!                                                       refreshes left?
//! ```
//! Zoho takes ten refreshes in ten minutes for a refresh token, and then none. So whoever needs a
//! token that the vault has not takes a *lease* first, reads again, enters the call in the *ledger* and
//! only then asks Zoho. The others wait and get the same result.
//!
//! # What is given
//!
//! A token that lives as long as [`Wanted`] says. If none can be had now, but one still works, that one
//! is given with [`TokenWarning::Stale`], which holds the error: a refusal never hides a token that
//! works. The other [warnings](TokenWarning) are for the log. Memory is believed for a second, so a
//! connection that another process revokes or replaces is felt that much later.
//!
//! If the API refuses a token before its time, tell [`Broker::report_refused`] and ask again.
//!
//! # Errors
//!
//! | error | what helps |
//! |---|---|
//! | [`Throttled`](BrokerError::Throttled), [`Unavailable`](BrokerError::Unavailable) | waiting until [`retry_at`](BrokerError::retry_at). Asking earlier costs nothing and sends nothing |
//! | [`StillRefreshing`](BrokerError::StillRefreshing) | asking again: another process hangs |
//! | [`NewGrantNeeded`](BrokerError::NewGrantNeeded), [`Revoked`](BrokerError::Revoked) | a person with a new grant token, and an exchange with `replace` |
//! | [`AppRefused`](BrokerError::AppRefused) | the client secret that is right now ([`app::add_secret`](crate::app::add_secret)), or a look at the app in Zoho's API console |
//! | [`CannotConnect`](BrokerError::CannotConnect) | another [`TransportConfig`] |
//! | [`NotFound`](BrokerError::NotFound) | another name |
//! | [`Vault`](BrokerError::Vault) | what the [`VaultError`] says; tokens in memory are given meanwhile |
//!
//! # When something goes away
//!
//! A refresh runs in a task of its own. Neither the future that asked nor the last clone of the broker
//! ends it when dropped; its result is in the vault for the next who asks. It does end with the runtime,
//! or with the process: then the call still counts as one of the ten, what Zoho answered is lost, and the
//! lease keeps the others waiting for about ten seconds; [`Broker::finish`] waits for it before that. Nothing
//! has to be closed;
//! [`Vault::close`](crate::vault::Vault::close) writes everything back into one file.
//!
//! # Limits
//!
//! [`Limits`] are counted for each refresh token, over all processes that share the vault, and may be
//! lower in one process than in another. Of the ten, two are kept for whoever sets
//! [`Wanted::reserve`]. A refresh token that is used elsewhere too is not counted there: Zoho's refusal
//! then comes with [`Limiter::Outsider`].

mod cache;
mod count;
mod error;
mod flight;
mod found;
mod handed_out;
mod lease;
mod ledger;
mod limits;
mod memory;
mod outcome;
mod refresh;
mod report;
mod skew;
mod token;
mod under_way;

#[cfg(test)]
mod interleavings;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use zoho_oauth::{AccessToken, Transport, TransportConfig};

use self::{
    cache::Cache,
    flight::{Flight, Flown},
    found::Found,
    ledger::{Moment, SealedToken},
    token::TokenData,
    under_way::UnderWay,
};
pub use self::{
    count::{RefreshCount, count},
    error::{BrokerError, Limiter},
    limits::Limits,
    memory::Lifetime,
    report::Report,
    skew::{Skew, last_skew},
    token::{Token, TokenWarning, Wanted},
};
pub(crate) use self::{
    lease::is_closed,
    ledger::{counted, free_at},
};
use crate::{
    clock,
    connection::{ConnectionName, access_token_place},
    vault::{Fingerprint, UnlockedVault, VaultError},
};

/// How many access tokens of a refresh token Zoho keeps alive, by the most cautious of its pages; the
/// next one ends the oldest (<https://zoho.com/accounts/protocol/oauth/token-limits.html>).
pub const LIVE_TOKENS: u32 = 10;

/// Gives access tokens of the connections in a vault. Clones share everything.
///
/// ```no_run
/// use evergrant::{Broker, broker::{BrokerError, Wanted}, connection::ConnectionName};
///
/// # async fn call_the_api(token: &evergrant::broker::Token) -> u16 { 200 }
/// async fn call(broker: &Broker, acme: &ConnectionName) -> Result<u16, BrokerError> {
///     let token = broker.token(acme, &Wanted::default()).await?;
///     let status = call_the_api(&token).await;
///     if status == 401 {
///         broker.report_refused(acme, token.access_token()).await?;
///         let another = broker.token(acme, &Wanted::default()).await?;
///         return Ok(call_the_api(&another).await);
///     }
///     Ok(status)
/// }
/// ```
#[derive(Clone)]
pub struct Broker(Arc<Shared>);

/// What all clones share.
pub(super) struct Shared {
    vault: UnlockedVault,
    transport: Transport,
    limits: Mutex<Limits>,
    /// How long a call may take by the transport's own limits: connecting, silence, a reply that drips.
    longest_call: Duration,
    /// Names this run of the machine, in which uptimes count.
    boot: Option<String>,
    rng: Mutex<StdRng>,
    flights: Mutex<HashMap<Fingerprint, Flight>>,
    under_way: UnderWay,
    cache: Cache,
}

impl Broker {
    /// Makes a broker. Costs nothing: no file is read and nothing is sent until a token is wanted.
    pub fn new(
        vault: UnlockedVault,
        transport: TransportConfig,
        limits: Limits,
        rng: StdRng,
    ) -> Self {
        Self(Arc::new(Shared {
            vault,
            longest_call: transport.silence * 2 + transport.reading,
            transport: Transport::new(transport),
            limits: Mutex::new(limits),
            boot: clock::boot_id(),
            rng: Mutex::new(rng),
            flights: Mutex::default(),
            under_way: UnderWay::default(),
            cache: Cache::default(),
        }))
    }

    /// Returns the vault whose connections these are.
    pub fn vault(&self) -> &UnlockedVault {
        &self.0.vault
    }

    /// Returns how many refreshes it makes at the most.
    pub fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// Makes this many refreshes at the most from now on. What is under way goes on.
    pub fn set_limits(&self, limits: Limits) {
        // Unwrap safety: nothing panics while it holds the lock.
        *self.0.limits.lock().expect("whole") = limits;
    }

    /// Keeps every token in memory from now on. Without this the first is not kept: a program that asks once
    /// does not ask again.
    pub fn keep_every_token(&self) {
        self.0.cache.keep_every_token();
    }

    /// Returns an access token of a connection that lives at least as long as wanted; or, if none can
    /// be had now, one that lives less long, with [`TokenWarning::Stale`].
    ///
    /// A refresh runs in a task of its own: dropping the future neither ends it nor leaves another
    /// waiter without its result. Needs a tokio runtime with time and I/O.
    ///
    /// # Errors
    ///
    /// If no token is there that works, and none can be had; see [`BrokerError`].
    pub async fn token(
        &self,
        name: &ConnectionName,
        wanted: &Wanted,
    ) -> Result<Token, BrokerError> {
        let moment = self.0.moment();
        if let Some(token) = self.0.cache.find(name, wanted, &moment) {
            return Ok(token);
        }
        let token = self.token_not_in_memory(name, wanted, moment).await;
        match &token {
            Ok(_) => self.0.cache.handed_out.counter(name).count(),
            Err(BrokerError::NotFound(_) | BrokerError::Revoked { .. }) => {
                self.0.cache.forget(name);
            }
            Err(_) => {}
        }
        token
    }

    async fn token_not_in_memory(
        &self,
        name: &ConnectionName,
        wanted: &Wanted,
        moment: Moment,
    ) -> Result<Token, BrokerError> {
        match found::find(&self.0, name, &moment).await {
            Ok(found) => self.token_of(found, wanted, moment).await,
            // A vault that cannot be read now is no reason to keep a token back that works.
            Err(error @ BrokerError::Vault(_)) => {
                (self.0.cache).find_unchecked(name, wanted, &moment, error)
            }
            Err(error) => Err(error),
        }
    }

    async fn token_of(
        &self,
        found: Found,
        wanted: &Wanted,
        moment: Moment,
    ) -> Result<Token, BrokerError> {
        found.check_not_revoked()?;
        if let Some(token) = &found.token
            && !wanted.new
            && wanted.is_met_by(token.life, token.left(&moment))
        {
            match self.0.hand_out(&found, token, wanted, Vec::new()).await {
                // One spoiled value is no end: there will be another token.
                Err(BrokerError::Vault(error)) if error.is_spoiled() => {
                    self.0.drop_spoiled(&found, token.epoch).await?;
                }
                given => return given,
            }
        }
        let (name, credential) = (&found.name, found.credential);
        let unsaved = self.0.cache.find_unsaved(name, credential, wanted, &moment);
        if let Some(token) = unsaved {
            return Ok(token);
        }
        let (why, newest) = match flight::join(&self.0, &found, wanted).await {
            Ok(flown) => return self.0.deliver(flown, wanted).await,
            Err(error) => (
                error,
                found::find(&self.0, &found.name, &self.0.moment()).await,
            ),
        };
        let newest = match newest {
            // A vault that cannot be read now is no reason to keep a token back that works.
            Err(BrokerError::Vault(_)) => found,
            newest => newest?,
        };
        newest.check_not_revoked()?;
        let moment = self.0.moment();
        let alive = newest.token.as_ref();
        match alive.filter(|token| !token.left(&moment).is_zero()) {
            // Meanwhile another process has had more luck.
            Some(token) if !wanted.new && wanted.is_met_by(token.life, token.left(&moment)) => {
                self.0.hand_out(&newest, token, wanted, Vec::new()).await
            }
            Some(token) if !wanted.strict && !wanted.new => {
                let stale = vec![TokenWarning::Stale(Box::new(why))];
                self.0.hand_out(&newest, token, wanted, stale).await
            }
            _ => Err(why),
        }
    }
}

impl Shared {
    fn limits(&self) -> Limits {
        // Unwrap safety: nothing panics while it holds the lock.
        *self.limits.lock().expect("whole")
    }

    /// Gives what a flight brought.
    async fn deliver(&self, flown: Flown, wanted: &Wanted) -> Result<Token, BrokerError> {
        match flown {
            Flown::Saved {
                found, warnings, ..
            } => {
                found.check_not_revoked()?;
                match found.token_for(wanted) {
                    Some(token) => self.hand_out(&found, token, wanted, warnings).await,
                    None => Err(BrokerError::StillRefreshing),
                }
            }
            Flown::Unsaved {
                data,
                left,
                warning,
            } => Ok(Token {
                data,
                left,
                warnings: vec![warning],
            }),
        }
    }

    /// Opens a token and gives it.
    async fn hand_out(
        &self,
        found: &Found,
        token: &SealedToken,
        wanted: &Wanted,
        mut warnings: Vec<TokenWarning>,
    ) -> Result<Token, BrokerError> {
        let moment = self.moment();
        let data = match self.cache.confirm(found, token, &moment) {
            Some(data) => data,
            None => {
                let data = Arc::new(self.open(found, token)?);
                self.cache.keep(&data, found, token, &moment);
                data
            }
        };
        // A vault that cannot be written is no reason to keep a token back.
        if !token.was_handed_out
            && let Err(error) = self.note_hand_out(found, token.epoch).await
        {
            tracing::warn!(%error, "the first hand-out of a token could not be noted");
        }
        warnings.extend(wanted.cut(token.life));
        Ok(Token {
            data,
            left: token.left(&moment),
            warnings,
        })
    }

    fn open(&self, found: &Found, token: &SealedToken) -> Result<TokenData, VaultError> {
        let api_domain = found.api_domain.as_ref();
        let place = access_token_place(&self.vault, found.credential, token.epoch, api_domain);
        let opened = self.vault.open(&place, &token.sealed, "an access token")?;
        Ok(TokenData {
            connection: found.name.clone(),
            connection_id: found.id.as_str().into(),
            access_token: AccessToken::new(opened),
            api_domain: found.api_domain.clone(),
            scopes: found.scopes.clone(),
            expires_at: token.expires_at,
        })
    }

    fn moment(&self) -> Moment {
        let clock = self.vault.clock();
        Moment {
            wall: clock.now(),
            up: clock.uptime(),
        }
    }

    /// Makes a source of randomness for one task.
    fn rng(&self) -> StdRng {
        // Unwrap safety: nothing panics while it holds the lock.
        let mut rng = self.rng.lock().expect("whole");
        StdRng::from_rng(&mut *rng)
    }

    /// Returns a random part of a time, so that many processes do not do the same at once.
    fn jitter(&self, up_to: Duration) -> Duration {
        let mut rng = self.rng.lock().expect("whole");
        up_to.mul_f64(rng.random())
    }

    fn failed(&self, error: sqlx::Error) -> VaultError {
        self.vault.store().error(error)
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("vault", &self.0.vault)
            .field("limits", &self.limits())
            .finish_non_exhaustive()
    }
}
