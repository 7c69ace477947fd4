//! The request, again where that can help, and how it ended.

mod attempt;

use std::{path::PathBuf, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand::{Rng, rngs::StdRng};
use zoho_oauth::{ConnectError, Connection, Grant, Transport};

use self::attempt::{Attempt, Came};
use super::{
    Exchange, ExchangeError, Progress, Retries,
    context::Context,
    journal::{self, Outcome},
    prepare::Prepared,
};
use crate::{
    clock::Timestamp,
    vault::{
        UnlockedVault,
        escrow::{EscrowFile, ExchangeId, Record},
    },
};

/// How long a grant token may live at the most, in Zoho's API console: nothing is repeated past it
/// (<https://www.zoho.com/accounts/protocol/oauth/self-client/authorization-code-flow.html>).
const LONGEST_LIFE: Duration = Duration::from_secs(600);

/// The longest wait between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(20);

/// An exchange whose reply brought a refresh token.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) id: ExchangeId,
    pub(super) context: Context,
    pub(super) grant: Grant,
    pub(super) attempts: u32,
    pub(super) requested_at: Timestamp,
    pub(super) held: Held,
}

/// Where the reply is until the vault has it.
#[derive(Debug)]
pub(super) enum Held {
    /// In its escrow file.
    InEscrow(EscrowFile),
    /// In a file elsewhere, since its own took no more.
    Spare(EscrowFile, PathBuf),
    /// In this process only.
    Nowhere(EscrowFile, Box<Record>),
    /// In a text that a person gave back.
    Text,
}

impl Held {
    /// Removes the files, once the vault has what is in them.
    pub(super) fn release(self) -> std::io::Result<()> {
        match self {
            Self::InEscrow(file) | Self::Nowhere(file, _) => file.remove(),
            Self::Spare(file, path) => file.remove().and_then(|()| fs_err::remove_file(path)),
            Self::Text => Ok(()),
        }
    }
}

/// What every attempt needs.
pub(super) struct Sender<'a> {
    pub(super) vault: &'a UnlockedVault,
    pub(super) transport: &'a Transport,
    pub(super) exchange: &'a Exchange,
    pub(super) progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Sender<'_> {
    /// Posts the request, and again where that can help, until a refresh token is here or the
    /// attempts or the grant's life are over. `connected` is for the first attempt.
    pub(super) async fn send(
        &self,
        prepared: Prepared,
        mut connected: Result<Connection, ConnectError>,
        retries: Retries,
        rng: &mut StdRng,
    ) -> Result<Sent, ExchangeError> {
        let Prepared {
            id,
            mut escrow,
            context,
        } = prepared;
        let until = self.until(&context);
        let mut waits = waits(retries, rng);
        let mut answer_lost = context.answer_lost;
        let mut number = 1;
        loop {
            let requested_at = self.vault.clock().now();
            let attempt = Attempt {
                sender: self,
                id,
                number,
                answer_lost,
            };
            let (file, error) = match attempt.make(escrow, connected, rng).await {
                Came::Granted(grant, held) => {
                    return Ok(Sent {
                        id,
                        context,
                        grant: *grant,
                        attempts: number,
                        requested_at,
                        held,
                    });
                }
                Came::Over(file, error) => return Err(self.end(id, file, error).await),
                Came::NotSent(file, error) => (file, error),
                Came::Lost(file, error) => {
                    answer_lost = true;
                    (file, error)
                }
            };
            let now = self.vault.clock().now();
            let Some(wait) = waits.next().filter(|wait| now.plus(*wait) < until) else {
                return Err(self.end(id, file, error).await);
            };
            number += 1;
            connected = self.connect_again(number, wait, &error).await;
            escrow = file;
        }
    }

    /// Returns the moment past which nothing is repeated.
    fn until(&self, context: &Context) -> Timestamp {
        let longest = context.started_at.plus(LONGEST_LIFE);
        self.exchange.grant_expires_at.unwrap_or(longest)
    }

    async fn connect_again(
        &self,
        attempt: u32,
        after: Duration,
        error: &ExchangeError,
    ) -> Result<Connection, ConnectError> {
        let reason = chain(error);
        (self.progress)(Progress::Retrying {
            attempt,
            after,
            reason,
        });
        tokio::time::sleep(after).await;
        let domain = self.exchange.accounts_domain.as_str();
        self.transport.connect(domain).await
    }

    /// Notes how the exchange ended. Where nobody knows what became of the grant, the record stays.
    async fn end(&self, id: ExchangeId, escrow: EscrowFile, error: ExchangeError) -> ExchangeError {
        let (outcome, reason) = outcome(&error);
        let noted = journal::note(&self.vault.vault, id, outcome, reason.as_deref()).await;
        let removed = match &noted {
            Ok(()) if outcome != Outcome::Unknown => escrow.remove(),
            _ => Ok(()),
        };
        if noted.is_err() || removed.is_err() {
            tracing::warn!(
                ?noted,
                ?removed,
                "the end of the exchange could not be noted"
            );
        }
        error
    }
}

/// Returns an error with all its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn waits(retries: Retries, rng: &mut StdRng) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(retries.first_delay)
        .with_max_delay(LONGEST_DELAY)
        .with_max_times(usize::try_from(retries.limit).unwrap_or(usize::MAX))
        .with_jitter()
        .with_jitter_seed(rng.next_u64())
        .build()
}

/// Tells how an exchange ended that brought nothing.
pub(super) fn outcome(error: &ExchangeError) -> (Outcome, Option<String>) {
    match error {
        ExchangeError::Refused {
            refusal,
            answer_lost,
            ..
        } => {
            let outcome = match (refusal.word.is_about_the_token(), answer_lost) {
                (true, _) => Outcome::Spent,
                // A refusal for another reason does not bring the lost answer back.
                (false, true) => Outcome::Failed,
                (false, false) => Outcome::Refused,
            };
            (outcome, Some(refusal.word.as_str().to_owned()))
        }
        ExchangeError::NoRefreshToken => (Outcome::Spent, Some("no refresh token".into())),
        ExchangeError::NoAnswer => (Outcome::Unknown, None),
        ExchangeError::AnswerLost { .. } | ExchangeError::Unreadable { .. } => {
            (Outcome::Failed, Some(chain(error)))
        }
        _ => (Outcome::Unsent, None),
    }
}
