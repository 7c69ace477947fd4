//! Why a token was not revoked.

use zoho_oauth::{ConnectError, Refusal, SendError, Unreadable};

use crate::{connection::ConnectionName, vault::VaultError};

/// Why a token was not revoked, or not noted as such.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// There is no connection of this name.
    #[error("there is no connection {0}")]
    NotFound(ConnectionName),
    /// The connection gets its access tokens without a refresh token.
    #[error("{0} has no refresh token to revoke")]
    NothingToRevoke(ConnectionName),
    /// Zoho was not reached; nothing was sent.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No reply came: whether the token is revoked is unknown.
    #[error(transparent)]
    AnswerLost(SendError),
    /// Zoho refused, for another reason than that it does not know the token.
    #[error(transparent)]
    Refused(Refusal),
    /// The replies say nothing that can be used: whether the token is revoked is unknown.
    #[error(transparent)]
    Unreadable(Unreadable),
    /// The token is revoked at Zoho, and the vault does not say so yet.
    #[error("the token is revoked at Zoho, but the vault could not note it")]
    NotNoted(#[source] VaultError),
    /// The vault refused before anything was sent.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl RevokeError {
    /// Says whether the same call may succeed in a moment: nothing was sent, or Zoho is unwell.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_transient(),
            Self::Refused(refusal) => refusal.is_transient(),
            _ => false,
        }
    }

    /// Says whether the next token would fare the same.
    pub(super) fn stops_all(&self) -> bool {
        match self {
            Self::Connect(_) | Self::AnswerLost(_) | Self::NotNoted(_) => true,
            Self::Refused(refusal) => refusal.word.is_throttle(),
            _ => false,
        }
    }
}
