//! Sends one request over one connection of its own, and nothing twice.
//!
//! A grant token works once, so nothing here retries, follows a redirect or keeps a connection for later. The
//! connection can be opened before the request is ready, and everything that fails until then has cost nothing.

mod config;
mod connection;
mod dial;
mod error;
mod tls;
mod watch;

use std::fmt;

use http::Uri;

pub use config::{Proxy, Roots, TransportConfig};
pub use connection::{Connection, REPLY_LIMIT};
pub use error::{ConnectError, SendError};

use connection::Target;
use tls::Tls;
use watch::Stream;

/// Opens connections to accounts servers and APIs.
///
/// Needs a tokio runtime with time and I/O; a single thread will do, and no task is left behind.
pub struct Transport {
    config: TransportConfig,
    tls: Tls,
}

impl Transport {
    /// Makes a transport. Costs nothing: roots are read at the first https connection.
    pub fn new(config: TransportConfig) -> Self {
        let tls = Tls::new(config.roots.clone());
        Self { config, tls }
    }

    /// Opens a connection, with TLS for https, through the proxy if one is set for this origin.
    ///
    /// The origin is a domain or any other `scheme://host[:port]`; its path is ignored.
    ///
    /// # Errors
    ///
    /// If there is no connection in time, or none that is trusted; nothing of a request has been sent then.
    pub async fn connect(&self, origin: impl AsRef<str>) -> Result<Connection, ConnectError> {
        let origin = parse_origin(origin.as_ref())?;
        let host = dial::host_of(&origin);
        let opening = tokio::time::timeout(self.config.silence, self.open(origin));
        opening.await.unwrap_or(Err(ConnectError::Timeout { host }))
    }

    async fn open(&self, origin: Uri) -> Result<Connection, ConnectError> {
        let is_https = origin.scheme_str() == Some("https");
        // The roots are read while the connection is made.
        let tls = is_https.then(|| self.tls.load());
        let proxy = dial::proxy_for(&origin, &self.config.proxy)?;
        let tcp = match &proxy {
            Some(proxy) if is_https => dial::tunnel(&origin, proxy, self.config.silence).await?,
            Some(proxy) => dial::tcp(proxy.uri(), self.config.silence).await?,
            None => dial::tcp(&origin, self.config.silence).await?,
        };
        let stream: Box<dyn Stream> = match tls {
            Some(loading) => Box::new(tls::handshake(tcp, &origin, loading.await?).await?),
            None => Box::new(tcp),
        };
        let target = Target::new(origin, proxy.filter(|_| !is_https));
        Connection::new(stream, target, &self.config).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn parse_origin(text: &str) -> Result<Uri, ConnectError> {
    let origin: Uri = text.parse().map_err(|_| ConnectError::InvalidOrigin)?;
    let usable = matches!(origin.scheme_str(), Some("https" | "http")) && origin.host().is_some();
    let plain = origin
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'));
    if usable && plain {
        Ok(origin)
    } else {
        Err(ConnectError::InvalidOrigin)
    }
}
