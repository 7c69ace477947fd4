//! Why a server refuses a caller.

use std::sync::Arc;

use super::KnownCaller;

/// Why credentials were refused, with the caller that they are of where that is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Denied {
    /// No caller has this client ID.
    #[error("no caller has this client ID")]
    UnknownClient,
    /// The client secret is not that of this client ID; `None` if several adopted callers share the client ID.
    #[error("the client secret is not that of this client ID")]
    WrongSecret(Option<Arc<KnownCaller>>),
    /// The handle is none of this client's, or was rotated away; or a proxy token is none that this vault issued.
    #[error("the handle is none of this client's, or was rotated away")]
    WrongHandle(Option<Arc<KnownCaller>>),
    /// The caller or its handle was revoked, or the connection was removed.
    #[error("the caller, its handle or the connection was revoked")]
    Revoked(Arc<KnownCaller>),
    /// The caller, or a proxy token of it, has expired.
    #[error("the caller or its proxy token has expired")]
    Expired(Arc<KnownCaller>),
}

impl Denied {
    /// Returns the caller that the credentials are of, as far as they were right; `None` where that is not known.
    pub fn caller(&self) -> Option<&Arc<KnownCaller>> {
        match self {
            Self::UnknownClient => None,
            Self::WrongSecret(caller) | Self::WrongHandle(caller) => caller.as_ref(),
            Self::Revoked(caller) | Self::Expired(caller) => Some(caller),
        }
    }
}
