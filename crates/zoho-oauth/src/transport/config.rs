//! What a transport is told by its caller: it reads no environment of its own.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// How connections are made and how long is waited.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Whom to trust.
    pub roots: Roots,
    /// The proxies to go through.
    pub proxy: Proxy,
    /// How long the other side may be silent: while connecting, and before the first byte of a reply.
    pub silence: Duration,
    /// How long a reply that has begun is read, however slowly it comes.
    pub reading: Duration,
}

impl Default for TransportConfig {
    /// The system's roots, no proxy, 30 seconds of silence, 2 minutes for a reply.
    fn default() -> Self {
        Self {
            roots: Roots::System,
            proxy: Proxy::default(),
            silence: Duration::from_secs(30),
            reading: Duration::from_secs(120),
        }
    }
}

/// The certificate authorities to trust.
#[derive(Clone, Debug, Default)]
pub enum Roots {
    /// Those that the system trusts.
    #[default]
    System,
    /// Those in a PEM file and no others.
    Pem(Bytes),
}

/// Proxies as the usual environment variables name them; an empty text is none.
///
/// A proxy is `http://[user:password@]host[:port]`. `Debug` does not show it, since it may hold a password.
#[derive(Clone, Default)]
pub struct Proxy {
    /// The proxy for https, which is asked for a tunnel by CONNECT (`HTTPS_PROXY`).
    pub https: Option<String>,
    /// The proxy for plain http (`http_proxy`).
    pub http: Option<String>,
    /// Hosts, domains and networks that are reached directly (`NO_PROXY`), by curl's rules.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("https", &self.https.as_ref().map(|_| "[redacted]"))
            .field("http", &self.http.as_ref().map(|_| "[redacted]"))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}
