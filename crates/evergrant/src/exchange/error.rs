//! How an exchange can end without a connection.

use std::io;

use zoho_oauth::{ConnectError, Refusal, Unreadable};

use crate::{clock::Timestamp, connection::ConnectionName, vault::VaultError};

/// What became of the grant token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantFate {
    /// It is whole and can be used.
    Unspent,
    /// Nobody knows.
    Unknown,
    /// It is used up.
    Spent,
}

impl GrantFate {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspent => "unspent",
            Self::Unknown => "unknown",
            Self::Spent => "spent",
        }
    }
}

/// A token of which the vault knows that it is no grant token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownToken {
    /// It is a refresh token, of the connection of this name.
    RefreshToken(String),
    /// It is an access token.
    AccessToken,
}

/// What became of an earlier exchange of the same grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its id.
    pub id: String,
    /// The name that it was for.
    pub name: Option<String>,
    /// `prepared`, `done`, `spent`, `failed`, `unknown` or `discarded`; one that could be tried again only if
    /// it ended in this very moment.
    pub state: &'static str,
    /// What Zoho said, where it said something.
    pub reason: Option<String>,
    /// When that was.
    pub at: Timestamp,
}

/// Why a reply that brought a refresh token is not in the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotKept {
    /// The vault refused, and escrow holds the reply.
    #[error("the refresh token is safe in escrow, but not yet in the vault")]
    InEscrow(#[source] VaultError),
    /// The vault refused, and so did every folder: this sealed text is all there is.
    #[error("neither vault nor escrow took the refresh token")]
    OnlyHere {
        /// The record as text, for a person to keep.
        record: String,
        /// What the vault said.
        source: VaultError,
    },
}

/// Why there is no connection. Whatever failed, [`grant`](Self::grant) tells what became of the grant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The name is another connection's.
    #[error("the name {0} is taken")]
    NameTaken(ConnectionName),
    /// The grant token is dead.
    #[error("the grant token has expired")]
    GrantExpired {
        /// When it did.
        at: Timestamp,
    },
    /// An exchange of this grant token is known.
    #[error("this grant token was used before")]
    KnownGrant(Earlier),
    /// The token is another kind of token.
    #[error("this is not a grant token")]
    KnownToken(KnownToken),
    /// The vault cannot be used; nothing was sent.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The escrow file cannot be made; nothing was sent.
    #[error("the escrow file cannot be made")]
    Escrow(#[source] io::Error),
    /// Zoho was not reached; nothing was sent.
    #[error("the accounts server was not reached")]
    Connect {
        /// Why.
        #[source]
        error: ConnectError,
        /// How often it was tried.
        attempts: u32,
    },
    /// The request left and nothing came back within the limit of silence.
    #[error("the accounts server did not answer")]
    NoAnswer,
    /// The request left, and the connection ended without an answer, each time.
    #[error("the accounts server's answer was lost")]
    AnswerLost {
        /// How often it was tried.
        attempts: u32,
        /// What happened last.
        reason: String,
    },
    /// Zoho refused.
    #[error("Zoho refused: {}", refusal.word.as_str())]
    Refused {
        /// What it said.
        refusal: Refusal,
        /// Whether an earlier answer was lost, which explains an `invalid_code`.
        answer_lost: bool,
        /// How often it was tried.
        attempts: u32,
    },
    /// What came was not an answer of Zoho's token endpoint, each time.
    #[error("the answer is not one of Zoho's token endpoint")]
    Unreadable {
        /// What came last.
        unreadable: Unreadable,
        /// How often it was tried.
        attempts: u32,
    },
    /// Zoho sent an access token and no refresh token.
    #[error("Zoho sent no refresh token")]
    NoRefreshToken,
    /// Zoho sent a refresh token, and it could not be kept where it belongs.
    #[error(transparent)]
    NotKept(NotKept),
}

impl ExchangeError {
    /// Tells what became of the grant token; `None` where none was in play.
    pub fn grant(&self) -> GrantFate {
        match self {
            Self::NameTaken(_) | Self::Vault(_) | Self::Escrow(_) | Self::Connect { .. } => {
                GrantFate::Unspent
            }
            Self::KnownToken(_) => GrantFate::Unspent,
            Self::NoAnswer | Self::AnswerLost { .. } | Self::Unreadable { .. } => {
                GrantFate::Unknown
            }
            Self::KnownGrant(earlier)
                if !matches!(earlier.state, "done" | "spent" | "discarded") =>
            {
                GrantFate::Unknown
            }
            // Whether a request that fails for another reason uses the grant up, Zoho does not say.
            Self::Refused { refusal, .. } if !refusal.word.is_about_the_token() => {
                GrantFate::Unknown
            }
            Self::GrantExpired { .. }
            | Self::KnownGrant(_)
            | Self::Refused { .. }
            | Self::NoRefreshToken
            | Self::NotKept(_) => GrantFate::Spent,
        }
    }
}
