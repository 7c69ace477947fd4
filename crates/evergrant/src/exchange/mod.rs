//! The exchange: a grant token in, a refresh token out, and what has reached us is not lost.
//!
//! ```text
//! inputs ─► prepare ─► send ─► escrow ─► read ─► keep ─► answer
//!            (grant still whole)  synced           committed
//! ```
//! `prepare` makes the escrow file and notes the grant; `send` posts and puts every reply into
//! escrow before anybody looks at it; `keep` writes the connection; `recover` finishes what a crash
//! left. A grant token is never stored, only its keyed fingerprint.

mod context;
mod error;
mod journal;
mod keep;
mod mend;
mod prepare;
mod recover;
mod send;
#[cfg(test)]
mod test_world;
mod without_file;

use std::time::Duration;

use rand::rngs::StdRng;
use zoho_oauth::{
    AccountsDomain, ApiDomain, ClientId, ClientSecret, CodeVerifier, GrantToken, RefreshToken,
    Scopes, Transport,
};

use self::send::{Sender, Sent};
pub use self::{
    error::{Earlier, ExchangeError, GrantFate, KnownToken, NotKept},
    keep::{ApiDomainDoubt, Kept},
    prepare::{check, check_grant, check_name},
    recover::{
        Fate, RecoverError, Recovered, Waiting, begun_by, brought_to, connection_of, discard,
        recover, recover_text, waiting,
    },
};
use crate::{clock::Timestamp, connection::ConnectionName, vault::UnlockedVault};

/// What is to be exchanged, and what for.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What becomes of the refresh token.
    pub purpose: Purpose,
    /// Where the app is registered.
    pub accounts_domain: AccountsDomain,
    /// The app's client ID.
    pub client_id: ClientId,
    /// The app's secret.
    pub client_secret: ClientSecret,
    /// The grant token: it works once.
    pub grant_token: GrantToken,
    /// When the grant token dies, where that is known.
    pub grant_expires_at: Option<Timestamp>,
    /// What the app was registered with, for server-based apps.
    pub redirect_uri: Option<String>,
    /// The PKCE verifier ([RFC 7636](https://www.rfc-editor.org/rfc/rfc7636)), where the grant was
    /// asked for with a challenge.
    pub code_verifier: Option<CodeVerifier>,
    /// Where the access tokens shall go, if a person said so.
    pub api_domain: Option<ApiDomain>,
    /// The scopes that the grant was made for, where that is known: they stand in where Zoho's answer
    /// does not say.
    pub requested_scopes: Scopes,
    /// The scopes that must be there.
    pub required_scopes: Scopes,
    /// The caller that it is made for, by its row, where there is one.
    pub caller_id: Option<String>,
}

/// What becomes of the refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is kept in the vault.
    Keep {
        /// Under this name.
        name: ConnectionName,
        /// In the place of what has the name.
        replace: bool,
    },
    /// It is handed over to whoever called, and stays in escrow until they have it.
    HandOver,
}

impl Purpose {
    fn name(&self) -> Option<&ConnectionName> {
        match self {
            Self::Keep { name, .. } => Some(name),
            Self::HandOver => None,
        }
    }
}

/// How often a request is repeated that has not reached Zoho, or was not answered by it.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// At most so many times.
    pub limit: u32,
    /// How long to wait before the first; each further wait is twice as long, with jitter.
    pub first_delay: Duration,
}

/// What is told on the way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// An earlier exchange of this grant got no answer: it is not known to be whole.
    AnswerLostBefore,
    /// The request has left.
    Sent,
    /// It failed and is repeated after a wait.
    Retrying {
        /// Which attempt comes next.
        attempt: u32,
        /// The wait.
        after: Duration,
        /// What happened.
        reason: String,
    },
}

/// What an exchange brought. Its reply stays in escrow until [`finish`](Self::finish).
#[derive(Debug)]
pub struct Exchanged {
    /// What is kept, or known of what is handed over.
    pub kept: Kept,
    /// The refresh token, if it is to be handed over.
    pub refresh_token: Option<RefreshToken>,
    sent: Sent,
}

impl Exchanged {
    /// Takes the reply out of escrow: whoever called has the answer.
    ///
    /// # Errors
    ///
    /// If the hand-over cannot be noted, or if the file cannot be removed: then [`recover`] finds the reply.
    pub async fn finish(self, vault: &UnlockedVault) -> Result<(), ExchangeError> {
        keep::finish(vault, self).await
    }
}

/// Exchanges a grant token.
///
/// The future must be polled to its end once the request has left: spawn it, and never put it into a
/// `select`. `progress` is called on the way.
///
/// # Errors
///
/// Every one tells what became of the grant: [`ExchangeError::grant`].
pub async fn exchange(
    vault: &UnlockedVault,
    transport: &Transport,
    exchange: &Exchange,
    retries: Retries,
    rng: &mut StdRng,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Exchanged, ExchangeError> {
    // The connection is opened while escrow and vault are made ready: their syncs cost no time.
    let connecting = transport.connect(exchange.accounts_domain.as_str());
    let preparing = async {
        let prepared = prepare::prepare(vault, exchange, rng).await?;
        if prepared.context.answer_lost {
            progress(Progress::AnswerLostBefore);
        }
        Ok(prepared)
    };
    let (connected, prepared) = prepare::side_by_side(connecting, preparing).await?;
    let sender = Sender {
        vault,
        transport,
        exchange,
        progress,
    };
    let sent = sender.send(prepared, connected, retries, rng).await?;
    keep::keep(vault, sent, rng).await
}
