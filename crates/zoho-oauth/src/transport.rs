//! Sends one request over one connection of its own, and nothing twice.
//!
//! A grant token works once, so nothing here retries, follows a redirect or keeps a connection for later. The
//! connection can be opened before the request is ready, and everything that fails until then has cost nothing.

mod ahead;
mod config;
mod connection;
mod dial;
mod dialer;
mod error;
mod tls;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use rustls::client::Resumption;

pub use config::{Proxy, Roots, TransportConfig};
pub use connection::{Connection, REPLY_LIMIT};
pub use dialer::{Dialed, DialedStream, Dialer};
pub use error::{ConnectError, SendError};

use ahead::Ahead;
use connection::Target;

/// Opens connections to accounts servers and APIs.
///
/// Needs a tokio runtime with time and I/O; a single thread will do, and no task outlives it.
pub struct Transport {
    opener: Arc<Opener>,
    ahead: Mutex<Option<Ahead>>,
}

impl Transport {
    /// Makes a transport. Costs nothing: roots are read at the first https connection.
    pub fn new(config: TransportConfig) -> Self {
        // A connection is used once: there is no session to come back to.
        let dialer = Dialer::resuming(config, Resumption::disabled());
        Self {
            opener: Arc::new(Opener { dialer }),
            ahead: Mutex::default(),
        }
    }

    /// Begins to open a connection in a task, for the next [`connect`](Self::connect) to the same origin: for whoever
    /// knows where a request will go and has something else to do before it. If it fails, that call hears of it.
    pub fn connect_ahead(&self, origin: impl AsRef<str>) {
        // What is wrong with an origin, `connect` will say.
        if let Ok(origin) = parse_origin(origin.as_ref()) {
            let opener = Arc::clone(&self.opener);
            let opening = Ahead::begin(origin.clone(), async move { opener.open(origin).await });
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(opening);
        }
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
        let ahead = self
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match ahead.filter(|ahead| ahead.serves(&origin)) {
            Some(ahead) => ahead.finish().await,
            None => self.opener.open(origin).await,
        }
    }
}

/// All that it takes to open a connection.
struct Opener {
    dialer: Dialer,
}

impl Opener {
    async fn open(&self, origin: Uri) -> Result<Connection, ConnectError> {
        let host = dial::host_of(&origin);
        let silence = self.dialer.config().silence;
        let opening = tokio::time::timeout(silence, self.open_at_leisure(origin));
        opening.await.unwrap_or(Err(ConnectError::Timeout { host }))
    }

    async fn open_at_leisure(&self, origin: Uri) -> Result<Connection, ConnectError> {
        let dialed = self.dialer.open(&origin).await?;
        let target = Target::new(origin, dialed.proxy);
        Connection::new(dialed.stream, target, self.dialer.config()).await
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("config", self.opener.dialer.config())
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
