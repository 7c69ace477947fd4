//! A connection that is opened before it is asked for.

use std::io;
use std::time::Duration;

use http::Uri;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connection::Connection;
use super::dial::host_of;
use super::error::ConnectError;

/// How long it may lie idle: the other side soon closes one on which nothing comes.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A connection that is being opened, or was; given up when this is dropped.
pub(crate) struct Ahead {
    origin: Uri,
    begun: Instant,
    opening: JoinHandle<Result<Connection, ConnectError>>,
}

impl Ahead {
    /// Begins to open it.
    pub(crate) fn begin(
        origin: Uri,
        opening: impl Future<Output = Result<Connection, ConnectError>> + Send + 'static,
    ) -> Self {
        Self {
            origin,
            begun: Instant::now(),
            opening: tokio::spawn(opening),
        }
    }

    /// Tells whether it leads to this origin and was not opened too long ago.
    pub(crate) fn serves(&self, origin: &Uri) -> bool {
        let waits = self.opening.is_finished() && self.begun.elapsed() > LONGEST_WAIT;
        self.origin == *origin && !waits
    }

    /// Waits until it is open.
    pub(crate) async fn finish(mut self) -> Result<Connection, ConnectError> {
        let opened = (&mut self.opening).await;
        opened.unwrap_or_else(|panicked| {
            Err(ConnectError::Unreachable {
                host: host_of(&self.origin),
                source: io::Error::other(panicked),
            })
        })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.opening.abort();
    }
}
