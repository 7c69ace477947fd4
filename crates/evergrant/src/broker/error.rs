//! Why no access token can be had.

use std::{sync::Arc, time::Duration};

use zoho_oauth::ErrorWord;

use super::Limits;
use crate::{clock::Timestamp, connection::ConnectionName, vault::VaultError};

/// Who keeps a refresh from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limiter {
    /// Zoho, with `Access Denied`, as our own count would have expected it.
    Zoho,
    /// Zoho, although our own count was not full: somebody else refreshes with this token.
    Outsider,
    /// Our own count.
    Ledger {
        /// How many refreshes are allowed to whoever asked.
        limit: u32,
        /// In which time.
        window: Duration,
        /// How many more are kept for people, and were not asked for.
        kept: u32,
    },
}

impl Limiter {
    /// Tells by the reason of a throttled connection which of Zoho's two it was.
    pub(crate) fn by_reason(reason: Option<&str>) -> Self {
        match reason {
            Some(super::outcome::OUTSIDER) => Self::Outsider,
            _ => Self::Zoho,
        }
    }

    /// Our own count, for a program, where so many refreshes were made by whomever.
    pub(crate) fn of_programs(limits: &Limits, made: u32) -> Self {
        Self::Ledger {
            limit: limits.for_programs(),
            window: limits.window,
            kept: (limits.refreshes.saturating_sub(made)).min(limits.kept_for_people),
        }
    }
}

/// Why no access token can be had. Whoever waited for the same refresh gets the same error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// There is no connection of this name.
    #[error("there is no connection {0}")]
    NotFound(ConnectionName),
    /// No refresh may be made for a while.
    #[error("no refresh can be made now")]
    Throttled {
        /// When one can.
        retry_at: Timestamp,
        /// Who says so.
        by: Limiter,
    },
    /// Zoho could not be reached, or made no sense.
    #[error("Zoho gave no access token: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// Until when nobody tries again; `None` if anybody may at once.
        retry_at: Option<Timestamp>,
    },
    /// No refresh was tried: this process cannot speak to Zoho as it is set up.
    #[error("cannot speak to Zoho: {reason}")]
    CannotConnect {
        /// What is wrong.
        reason: String,
    },
    /// Another process holds the lease and did not end in time.
    #[error("another process has been refreshing for too long")]
    StillRefreshing,
    /// Zoho refuses the app; the refresh token is presumed good.
    #[error("Zoho refuses the app: {word}")]
    AppRefused {
        /// Zoho's word.
        word: ErrorWord,
        /// Since when.
        since: Timestamp,
    },
    /// The refresh token is dead.
    #[error("the refresh token is dead: a new grant is needed")]
    NewGrantNeeded {
        /// Since when that is known.
        since: Timestamp,
    },
    /// A person revoked the connection.
    #[error("the connection was revoked")]
    Revoked {
        /// When.
        since: Timestamp,
    },
    /// The vault refused.
    #[error(transparent)]
    Vault(Arc<VaultError>),
}

impl BrokerError {
    /// Says when trying again makes sense, where that is known.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            Self::Throttled { retry_at, .. } => Some(*retry_at),
            Self::Unavailable { retry_at, .. } => *retry_at,
            _ => None,
        }
    }
}

impl From<VaultError> for BrokerError {
    fn from(error: VaultError) -> Self {
        Self::Vault(Arc::new(error))
    }
}
