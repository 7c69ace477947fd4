//! What can go wrong before a request is sent, and after.

use std::error::Error;
use std::io;

/// Why no connection could be opened; nothing of a request was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The origin is not `http://` or `https://` and a host.
    #[error("that is no address to connect to")]
    InvalidOrigin,
    /// The host name could not be resolved.
    #[error("cannot find the host {host}")]
    Dns {
        /// The host that was looked up: the proxy's if there is one.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody listens there.
    #[error("{host} refuses connections")]
    Refused {
        /// The host, or the proxy, that refused.
        host: String,
    },
    /// The network does not lead there, or the connection broke at once.
    #[error("cannot reach {host}")]
    Unreachable {
        /// The host, or the proxy, that was tried.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection was not ready in time.
    #[error("{host} does not answer")]
    Timeout {
        /// The host that was tried.
        host: String,
    },
    /// The proxy setting cannot be used.
    #[error("the proxy setting cannot be used: {reason}")]
    BadProxy {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The proxy was reached but opened no tunnel.
    #[error("the proxy {proxy} opens no tunnel: {reason}")]
    Proxy {
        /// The proxy's host.
        proxy: String,
        /// What it did instead.
        reason: String,
        /// Whether the connection to it broke, rather than that it refused.
        broken: bool,
    },
    /// The TLS handshake failed, for another reason than the certificate.
    #[error("no TLS connection with {host}")]
    Tls {
        /// The host that was spoken to.
        host: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of {host} is not trusted: {reason}")]
    Untrusted {
        /// The host that showed it.
        host: String,
        /// Why it is not trusted.
        reason: String,
    },
    /// The trusted roots cannot be read.
    #[error("cannot read the trusted certificates: {reason}")]
    BadRoots {
        /// What is wrong with them.
        reason: String,
    },
}

impl ConnectError {
    /// Says whether trying again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dns { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. } => true,
            Self::Proxy { broken, .. } => *broken,
            // A handshake that was cut, unlike one on which the two sides do not agree.
            Self::Tls { source, .. } => !source
                .get_ref()
                .is_some_and(|inner| inner.is::<rustls::Error>()),
            Self::InvalidOrigin
            | Self::BadProxy { .. }
            | Self::Untrusted { .. }
            | Self::BadRoots { .. } => false,
        }
    }
}

/// Why a request brought no reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The request names another origin than the connection's; nothing was sent.
    #[error("the request is for another server than the connection")]
    OtherOrigin,
    /// The connection was closed before anything was sent.
    #[error("the server closed the connection before the request was sent")]
    NotSent(#[source] Box<dyn Error + Send + Sync>),
    /// Not one byte came in time: what became of the request is unknown.
    #[error("the server does not answer")]
    NoAnswer,
    /// The connection ended before the reply's body began: what became of the request is unknown.
    #[error("the server closed the connection without a reply")]
    Closed(#[source] Box<dyn Error + Send + Sync>),
    /// What came is not HTTP.
    #[error("the answer is not HTTP")]
    Malformed(#[source] Box<dyn Error + Send + Sync>),
}

impl SendError {
    /// Says whether the server may have seen the request, or a part of it.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Self::OtherOrigin | Self::NotSent(_))
    }
}
