//! The flight: of all tasks of this process that want the same token, one goes and gets it; and of all
//! processes, it goes or waits.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use tokio::sync::watch;

use super::{
    BrokerError, Limiter, Limits, Shared, TokenWarning, Wanted,
    found::{self, Found},
    lease::{self, Asker, Look, TTL, Taken, Terms},
    ledger::{Moment, SealedToken},
    refresh::{Refresh, Refreshed},
    token::TokenData,
};
use crate::{
    clock::{Timestamp, Uptime},
    vault::{DatabaseProblem, Fingerprint, VaultError},
};

/// How long a flight is waited for beyond a lease and a silent Zoho.
const PATIENCE: Duration = Duration::from_secs(5);

/// The shortest and the longest time between two looks at somebody else's lease.
const SHORTEST_LOOK: Duration = Duration::from_millis(25);
const LONGEST_LOOK: Duration = Duration::from_millis(500);

/// A flight under way: its end will be here for all who wait.
pub(super) type Flight = watch::Receiver<Option<Result<Flown, BrokerError>>>;

/// What a flight brought.
#[derive(Clone, Debug)]
pub(super) enum Flown {
    /// A token that is in the vault.
    Saved {
        found: Arc<Found>,
        /// Whether it is the result of a refresh that was waited for.
        refreshed: bool,
        warnings: Vec<TokenWarning>,
    },
    /// A token that the vault did not take.
    Unsaved {
        data: Arc<TokenData>,
        left: Duration,
        warning: TokenWarning,
    },
}

/// Joins the flight for a connection's token, or begins one.
pub(super) async fn join(
    shared: &Arc<Shared>,
    found: &Found,
    wanted: &Wanted,
) -> Result<Flown, BrokerError> {
    found.check_usable()?;
    loop {
        let (mut flight, ours) = shared.flight(found, wanted);
        let ended = flight.wait_for(Option::is_some).await;
        // The sender goes without a word only if its task panicked.
        let ended = ended.ok().and_then(|ended| ended.clone());
        let ended = ended.unwrap_or(Err(BrokerError::StillRefreshing));
        if ours || wanted.is_satisfied(found, &ended, &shared.moment()) {
            return ended;
        }
    }
}

impl Wanted {
    /// Tells whether what somebody else's flight brought will do.
    fn is_satisfied(
        &self,
        before: &Found,
        ended: &Result<Flown, BrokerError>,
        moment: &Moment,
    ) -> bool {
        match ended {
            Ok(Flown::Unsaved { .. }) => true,
            Ok(Flown::Saved {
                found, refreshed, ..
            }) => {
                let newer = found.newest_epoch() > before.newest_epoch();
                let token = found.token_for(self);
                let long =
                    token.is_some_and(|token| self.is_met_by(token.life, token.left(moment)));
                // The result of a refresh is shared, however short it is.
                if self.new { newer } else { *refreshed || long }
            }
            Err(BrokerError::Throttled {
                by: Limiter::Ledger { .. },
                ..
            }) => !self.reserve,
            Err(_) => true,
        }
    }
}

impl Shared {
    /// Returns the flight for a credential, and whether it begins here.
    fn flight(self: &Arc<Self>, found: &Found, wanted: &Wanted) -> (Flight, bool) {
        // Unwrap safety: nothing panics while it holds the lock.
        let mut flights = self.flights.lock().expect("whole");
        if let Some(flight) = flights.get(&found.credential) {
            return (flight.clone(), false);
        }
        let (sender, flight) = watch::channel(None);
        flights.insert(found.credential, flight.clone());
        let (shared, found, wanted) = (self.clone(), found.clone(), wanted.clone());
        let ending = Ending {
            shared: shared.clone(),
            credential: found.credential,
            sender,
            ended: None,
        };
        tokio::spawn(async move {
            let mut ending = ending;
            ending.ended = Some(fly(&shared, &found, &wanted).await);
        });
        (flight, true)
    }
}

/// Ends a flight however its task ends: it may panic, or go with the runtime that it was begun on.
struct Ending {
    shared: Arc<Shared>,
    credential: Fingerprint,
    sender: watch::Sender<Option<Result<Flown, BrokerError>>>,
    ended: Option<Result<Flown, BrokerError>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // Unwrap safety: nothing panics while it holds the lock.
        let mut flights = self.shared.flights.lock().expect("whole");
        flights.remove(&self.credential);
        let ended = self.ended.take();
        // Who joined before this hears of it; who comes after begins anew.
        let ended = ended.unwrap_or(Err(BrokerError::StillRefreshing));
        self.sender.send_replace(Some(ended));
    }
}

/// Gets a token from the vault as soon as one is there that will do, or from Zoho.
async fn fly(shared: &Shared, before: &Found, wanted: &Wanted) -> Result<Flown, BrokerError> {
    let asker = Asker::new(shared.boot.clone(), shared.rng().random());
    let deadline = shared
        .moment()
        .up
        .plus(shared.longest_call + TTL + PATIENCE);
    let newer_than = if wanted.new {
        before.newest_epoch()
    } else {
        -1
    };
    let will_do = |token: &SealedToken, moment: &Moment| {
        token.epoch > newer_than && wanted.is_met_by(token.life, token.left(moment))
    };
    let mut awaited: Option<i64> = None;
    let mut pause = SHORTEST_LOOK;
    loop {
        let moment = shared.moment();
        let found = found::find(shared, &before.name, &moment).await?;
        if let Some(token) = found.token_for(wanted) {
            let result = awaited.is_some_and(|epoch| token.epoch >= epoch);
            let alive = token.epoch > newer_than && !token.left(&moment).is_zero();
            if will_do(token, &moment) || result && alive {
                return Ok(Flown::Saved {
                    found: Arc::new(found),
                    refreshed: result,
                    warnings: Vec::new(),
                });
            }
        }
        found.check_usable()?;
        match look(shared, &found, &asker, &moment).await? {
            Look::Held { epoch } => {
                awaited = Some(epoch);
                check_deadline(&moment, deadline)?;
                tokio::time::sleep(pause - shared.jitter(pause / 4)).await;
                pause = (pause * 2).min(LONGEST_LOOK);
                continue;
            }
            Look::Closed(until) => return Err(closed(shared, &found, until).await),
            // Not all that waited shall come at once.
            Look::RanOut => tokio::time::sleep(shared.jitter(LONGEST_LOOK)).await,
            Look::Free => {}
        }
        let refresh = Refresh::prepare(shared, &found, &asker).await?;
        let _under_way = shared.under_way.enter();
        let taken = take(shared, &found, &asker, wanted, &will_do);
        match taken.await {
            Ok(Taken::Lease(lease)) => match refresh.run(lease).await {
                Refreshed::Token(flown) => return Ok(flown),
                Refreshed::Failed(error) => return Err(error),
                Refreshed::TooLate => {}
            },
            Ok(Taken::Fresh | Taken::Held) => {}
            Ok(Taken::Closed(until)) => return Err(closed(shared, &found, until).await),
            Ok(Taken::Full(retry_at)) => {
                let limits = shared.limits();
                let limit = allowed(&limits, wanted);
                return Err(BrokerError::Throttled {
                    retry_at,
                    by: Limiter::Ledger {
                        limit,
                        window: limits.window,
                        kept: limits.refreshes - limit,
                    },
                });
            }
            // Who could not get the write lock has lost a race.
            Err(VaultError::Database {
                problem: DatabaseProblem::Busy,
                ..
            }) if shared.moment().up < deadline => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Says why nobody may refresh until then. The state is read after the lease: whoever closed that set both
/// at once, and what was read before may be older.
async fn closed(shared: &Shared, found: &Found, until: Timestamp) -> BrokerError {
    match found::find(shared, &found.name, &shared.moment()).await {
        Ok(found) => found.closed(until),
        Err(error) => error,
    }
}

fn check_deadline(moment: &Moment, deadline: Uptime) -> Result<(), BrokerError> {
    if moment.up < deadline {
        Ok(())
    } else {
        Err(BrokerError::StillRefreshing)
    }
}

/// Returns how many refreshes whoever asks may use up.
fn allowed(limits: &Limits, wanted: &Wanted) -> u32 {
    match wanted.reserve {
        true => limits.refreshes,
        false => limits.for_programs(),
    }
}

async fn look(
    shared: &Shared,
    found: &Found,
    asker: &Asker,
    moment: &Moment,
) -> Result<Look, VaultError> {
    let looked = async {
        let mut reader = shared.vault.store().reader().acquire().await?;
        lease::look(&mut reader, found.credential.as_bytes(), asker, moment).await
    };
    looked.await.map_err(|error| shared.failed(error))
}

async fn take(
    shared: &Shared,
    found: &Found,
    asker: &Asker,
    wanted: &Wanted,
    will_do: &(dyn Fn(&SealedToken, &Moment) -> bool + Sync),
) -> Result<Taken, VaultError> {
    let mut transaction = shared.vault.store().begin().await?;
    // The write lock may have been waited for: what counts is the moment at which we have it.
    let moment = shared.moment();
    let limits = shared.limits();
    let terms = Terms {
        limits: &limits,
        allowed: allowed(&limits, wanted),
        will_do: &|token| will_do(token, &moment),
    };
    let credential = found.credential.as_bytes();
    let taken = lease::take(&mut transaction, credential, asker, &terms, &moment).await;
    let taken = taken.map_err(|error| shared.failed(error))?;
    let committed = transaction.commit().await;
    committed.map_err(|error| shared.failed(error))?;
    Ok(taken)
}
