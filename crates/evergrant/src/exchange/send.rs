//! The request, and what came back: into escrow first, looked at second.

use std::{path::PathBuf, time::Duration};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand::{Rng, rngs::StdRng};
use zoho_oauth::{
    ConnectError, Connection, Grant, Reply, SendError, TokenReply, Transport, UnreadableKind,
    read_token_reply, request,
};

use super::{
    Exchange, ExchangeError, Progress, Retries,
    context::Context,
    journal::{self, Outcome},
    prepare::Prepared,
};
use crate::{
    clock::Timestamp,
    vault::{
        UnlockedVault, Vault,
        escrow::{self, EscrowFile, ExchangeId, Record},
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

/// What one attempt came to.
enum Attempt {
    Granted(Box<Grant>, Held),
    /// Nothing was sent.
    NotSent(EscrowFile, ConnectError),
    /// Something was, and it may help to try again.
    Lost(EscrowFile, ExchangeError),
    /// Trying again cannot help.
    Over(EscrowFile, ExchangeError),
}

/// Posts the request, and again where that can help, until a refresh token is here or the attempts
/// or the grant's life are over.
#[expect(clippy::too_many_arguments, reason = "all of them are the caller's")]
pub(super) async fn send(
    vault: &UnlockedVault,
    transport: &Transport,
    exchange: &Exchange,
    prepared: Prepared,
    connected: Result<Connection, ConnectError>,
    retries: Retries,
    rng: &mut StdRng,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Sent, ExchangeError> {
    let Prepared {
        id,
        escrow,
        context,
    } = prepared;
    let mut answer_lost = context.answer_lost;
    let until = exchange
        .grant_expires_at
        .unwrap_or(context.started_at.plus(LONGEST_LIFE));
    let mut waits = waits(retries, rng);
    let mut next = (escrow, Some(connected));
    for attempts in 1.. {
        let connected = match next.1.take() {
            Some(connected) => connected,
            None => transport.connect(exchange.accounts_domain.as_str()).await,
        };
        let requested_at = vault.clock().now();
        let sender = Sender {
            vault,
            exchange,
            id,
            attempt: attempts,
            answer_lost,
        };
        let (escrow, error) = match sender.attempt(next.0, connected, rng, progress).await {
            Attempt::Granted(grant, held) => {
                let grant = *grant;
                return Ok(Sent {
                    id,
                    context,
                    grant,
                    attempts,
                    requested_at,
                    held,
                });
            }
            Attempt::Over(escrow, error) => {
                let error = after_lost(answer_lost, attempts, error);
                return Err(end(&vault.vault, id, escrow, error).await);
            }
            Attempt::NotSent(escrow, error) => {
                let helps = error.is_transient();
                let error = ExchangeError::Connect { error, attempts };
                let error = after_lost(answer_lost, attempts, error);
                if !helps {
                    return Err(end(&vault.vault, id, escrow, error).await);
                }
                (escrow, error)
            }
            Attempt::Lost(escrow, error) => {
                answer_lost = true;
                (escrow, error)
            }
        };
        let wait = waits
            .next()
            .filter(|wait| vault.clock().now().plus(*wait) < until);
        let Some(after) = wait else {
            return Err(end(&vault.vault, id, escrow, error).await);
        };
        progress(Progress::Retrying {
            attempt: attempts + 1,
            after,
            reason: chain(&error),
        });
        tokio::time::sleep(after).await;
        next = (escrow, None);
    }
    unreachable!("the waits end")
}

struct Sender<'a> {
    vault: &'a UnlockedVault,
    exchange: &'a Exchange,
    id: ExchangeId,
    attempt: u32,
    answer_lost: bool,
}

impl Sender<'_> {
    async fn attempt(
        &self,
        escrow: EscrowFile,
        connected: Result<Connection, ConnectError>,
        rng: &mut StdRng,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Attempt {
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => return Attempt::NotSent(escrow, error),
        };
        if let Err(error) = escrow.mark_sending(self.number()) {
            return Attempt::Over(escrow, ExchangeError::Escrow(error));
        }
        progress(Progress::Sent);
        let exchange = self.exchange;
        let (host, attempt) = (exchange.accounts_domain.host(), self.attempt);
        tracing::info!(exchange = %self.id, host, attempt, "the request leaves");
        let request = request::exchange(
            &exchange.accounts_domain,
            request::App {
                client_id: &exchange.client_id,
                client_secret: &exchange.client_secret,
            },
            &exchange.grant_token,
            exchange.redirect_uri.as_deref(),
            exchange.code_verifier.as_ref(),
        );
        match connection.send(request).await {
            Ok(reply) => self.take(escrow, &reply, rng),
            Err(error) if !error.may_have_arrived() => {
                let host = exchange.accounts_domain.host().to_owned();
                let source = std::io::Error::other(error);
                Attempt::NotSent(escrow, ConnectError::Unreachable { host, source })
            }
            Err(SendError::NoAnswer) => Attempt::Over(escrow, ExchangeError::NoAnswer),
            Err(error) => {
                let (attempts, reason) = (self.attempt, error.to_string());
                Attempt::Lost(escrow, ExchangeError::AnswerLost { attempts, reason })
            }
        }
    }

    /// Puts a reply into escrow, whatever it is, and only then looks at it.
    fn take(&self, escrow: EscrowFile, reply: &Reply, rng: &mut StdRng) -> Attempt {
        let vault = self.vault;
        let sealed = escrow::seal_reply(&vault.keyring, vault.vault.id(), self.id, reply, rng);
        let held = match escrow.keep_reply(self.number(), &sealed) {
            Ok(()) => Held::InEscrow(escrow),
            Err(error) => self.take_elsewhere(escrow, sealed, &error),
        };
        let (status, bytes) = (reply.status, reply.body.len());
        tracing::info!(exchange = %self.id, status, bytes, end = ?reply.end, "the reply is in escrow");
        match read_token_reply(reply) {
            TokenReply::Granted(grant) if grant.refresh_token.is_some() => {
                Attempt::Granted(Box::new(grant), held)
            }
            other => self.refused(held, other),
        }
    }

    fn take_elsewhere(&self, escrow: EscrowFile, sealed: Vec<u8>, error: &std::io::Error) -> Held {
        tracing::warn!(%error, "the escrow file did not take the reply");
        let record = escrow.record().with_reply(self.number(), sealed);
        match escrow::write_spare(&self.vault.vault.folders, &record) {
            Ok(path) => Held::Spare(escrow, path),
            Err(errors) => {
                tracing::warn!(?errors, "no folder took the reply");
                Held::Nowhere(escrow, Box::new(record))
            }
        }
    }

    fn refused(&self, held: Held, reply: TokenReply) -> Attempt {
        let escrow = match held {
            Held::Spare(escrow, path) => {
                // Nothing in it is worth keeping; what cannot be removed, `recover` clears away.
                fs_err::remove_file(path).ok();
                escrow
            }
            Held::InEscrow(escrow) | Held::Nowhere(escrow, _) => escrow,
            Held::Text => unreachable!("a reply that was just received lies in a file"),
        };
        let (attempts, answer_lost) = (self.attempt, self.answer_lost);
        match reply {
            TokenReply::Granted(_) => Attempt::Over(escrow, ExchangeError::NoRefreshToken),
            TokenReply::Refused(refusal) => {
                let helps = refusal.is_transient();
                let error = ExchangeError::Refused {
                    refusal,
                    answer_lost,
                    attempts,
                };
                if helps {
                    Attempt::Lost(escrow, error)
                } else {
                    Attempt::Over(escrow, error)
                }
            }
            TokenReply::Unreadable(unreadable) => {
                let redirect = matches!(unreadable.what, UnreadableKind::Redirect { .. });
                let error = ExchangeError::Unreadable {
                    unreadable,
                    attempts,
                };
                if redirect {
                    Attempt::Over(escrow, error)
                } else {
                    Attempt::Lost(escrow, error)
                }
            }
        }
    }

    fn number(&self) -> u8 {
        u8::try_from(self.attempt).unwrap_or(u8::MAX)
    }
}

/// Notes how the exchange ended. Where nobody knows what became of the grant, the record stays.
async fn end(
    vault: &Vault,
    id: ExchangeId,
    escrow: EscrowFile,
    error: ExchangeError,
) -> ExchangeError {
    let (outcome, reason) = outcome(&error);
    let noted = journal::note(vault, id, outcome, reason.as_deref()).await;
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

/// Tells the truth about an attempt that did not leave this machine: if the answer to an earlier one was
/// lost, the grant is not known to be whole.
fn after_lost(answer_lost: bool, attempts: u32, error: ExchangeError) -> ExchangeError {
    match error {
        ExchangeError::Connect { .. } | ExchangeError::Escrow(_) if answer_lost => {
            let reason = format!("{}, after an earlier answer was lost", chain(&error));
            ExchangeError::AnswerLost { attempts, reason }
        }
        error => error,
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
