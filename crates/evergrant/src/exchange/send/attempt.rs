//! One attempt: the request, and what came back, into escrow first and looked at second.

use rand::rngs::StdRng;
use zoho_oauth::{
    ConnectError, Connection, Grant, Refusal, Reply, SendError, TokenReply, Unreadable,
    UnreadableKind, read_token_reply, request,
};

use super::{Held, Sender, chain};
use crate::{
    exchange::{ExchangeError, Progress},
    vault::escrow::{self, EscrowFile, ExchangeId},
};

/// One attempt at an exchange.
pub(super) struct Attempt<'a> {
    pub(super) sender: &'a Sender<'a>,
    pub(super) id: ExchangeId,
    /// Which one it is; the first is 1.
    pub(super) number: u32,
    /// Whether the answer to an earlier one was lost.
    pub(super) answer_lost: bool,
}

/// What came of an attempt.
pub(super) enum Came {
    /// A refresh token.
    Granted(Box<Grant>, Held),
    /// Nothing was sent, and it may help to try again.
    NotSent(EscrowFile, ExchangeError),
    /// Something was sent, and it may help to try again.
    Lost(EscrowFile, ExchangeError),
    /// Trying again cannot help.
    Over(EscrowFile, ExchangeError),
}

impl Attempt<'_> {
    /// Sends the request over a connection and takes what comes.
    pub(super) async fn make(
        &self,
        escrow: EscrowFile,
        connected: Result<Connection, ConnectError>,
        rng: &mut StdRng,
    ) -> Came {
        let connection = match connected {
            Ok(connection) => connection,
            Err(error) => return self.not_sent(escrow, error),
        };
        if let Err(error) = escrow.mark_sending(self.record_number()) {
            return Came::Over(escrow, self.after_lost(ExchangeError::Escrow(error)));
        }
        (self.sender.progress)(Progress::Sent);
        let host = self.sender.exchange.accounts_domain.host();
        tracing::info!(exchange = %self.id, host, attempt = self.number, "the request leaves");
        match connection.send(self.request()).await {
            Ok(reply) => self.take(escrow, &reply, rng),
            Err(error) if !error.may_have_arrived() => {
                let host = host.to_owned();
                let source = std::io::Error::other(error);
                self.not_sent(escrow, ConnectError::Unreachable { host, source })
            }
            Err(SendError::NoAnswer) => Came::Over(escrow, ExchangeError::NoAnswer),
            Err(error) => {
                let (attempts, reason) = (self.number, error.to_string());
                Came::Lost(escrow, ExchangeError::AnswerLost { attempts, reason })
            }
        }
    }

    fn request(&self) -> http::Request<bytes::Bytes> {
        let exchange = self.sender.exchange;
        let app = request::App {
            client_id: &exchange.client_id,
            client_secret: &exchange.client_secret,
        };
        request::exchange(
            &exchange.accounts_domain,
            app,
            &exchange.grant_token,
            exchange.redirect_uri.as_deref(),
            exchange.code_verifier.as_ref(),
        )
    }

    fn not_sent(&self, escrow: EscrowFile, error: ConnectError) -> Came {
        let helps = error.is_transient();
        let attempts = self.number;
        let error = self.after_lost(ExchangeError::Connect { error, attempts });
        if helps {
            Came::NotSent(escrow, error)
        } else {
            Came::Over(escrow, error)
        }
    }

    /// Tells the truth about an attempt that did not leave this machine: if the answer to an earlier
    /// one was lost, the grant is not known to be whole.
    fn after_lost(&self, error: ExchangeError) -> ExchangeError {
        if !self.answer_lost {
            return error;
        }
        let reason = format!("{}, after an earlier answer was lost", chain(&error));
        let attempts = self.number;
        ExchangeError::AnswerLost { attempts, reason }
    }

    /// Puts a reply into escrow, whatever it is, and only then looks at it.
    fn take(&self, escrow: EscrowFile, reply: &Reply, rng: &mut StdRng) -> Came {
        let vault = self.sender.vault;
        let sealed = escrow::seal_reply(&vault.keyring, vault.vault.id(), self.id, reply, rng);
        let held = match escrow.keep_reply(self.record_number(), &sealed) {
            Ok(()) => Held::InEscrow(escrow),
            Err(error) => self.take_elsewhere(escrow, sealed, &error),
        };
        let (status, bytes) = (reply.status, reply.body.len());
        tracing::info!(exchange = %self.id, status, bytes, end = ?reply.end, "the reply is in escrow");
        match read_token_reply(reply) {
            TokenReply::Granted(grant) if grant.refresh_token.is_some() => {
                Came::Granted(Box::new(grant), held)
            }
            TokenReply::Granted(_) => Came::Over(let_go(held), ExchangeError::NoRefreshToken),
            TokenReply::Refused(refusal) => self.refused(let_go(held), refusal),
            TokenReply::Unreadable(unreadable) => self.unreadable(let_go(held), unreadable),
        }
    }

    fn take_elsewhere(&self, escrow: EscrowFile, sealed: Vec<u8>, error: &std::io::Error) -> Held {
        tracing::warn!(%error, "the escrow file did not take the reply");
        let record = escrow.record().with_reply(self.record_number(), sealed);
        match escrow::write_spare(self.sender.vault.vault.folders(), &record) {
            Ok(path) => Held::Spare(escrow, path),
            Err(errors) => {
                tracing::warn!(?errors, "no folder took the reply");
                Held::Nowhere(escrow, Box::new(record))
            }
        }
    }

    fn refused(&self, escrow: EscrowFile, refusal: Refusal) -> Came {
        let helps = refusal.is_transient();
        let error = ExchangeError::Refused {
            refusal,
            answer_lost: self.answer_lost,
            attempts: self.number,
        };
        if helps {
            Came::Lost(escrow, error)
        } else {
            Came::Over(escrow, error)
        }
    }

    fn unreadable(&self, escrow: EscrowFile, unreadable: Unreadable) -> Came {
        let redirect = matches!(unreadable.what, UnreadableKind::Redirect { .. });
        let error = ExchangeError::Unreadable {
            unreadable,
            attempts: self.number,
        };
        if redirect {
            Came::Over(escrow, error)
        } else {
            Came::Lost(escrow, error)
        }
    }

    /// Returns the number as a record holds it.
    fn record_number(&self) -> u8 {
        u8::try_from(self.number).unwrap_or(u8::MAX)
    }
}

/// Lets go of a reply in which nothing is worth keeping; its escrow file goes on.
fn let_go(held: Held) -> EscrowFile {
    match held {
        Held::Spare(escrow, path) => {
            // What cannot be removed, `recover` clears away.
            fs_err::remove_file(path).ok();
            escrow
        }
        Held::InEscrow(escrow) | Held::Nowhere(escrow, _) => escrow,
        Held::Text => unreachable!("a reply that was just received lies in a file"),
    }
}
