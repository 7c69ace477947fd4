//! Connections to Zoho, kept for the next request.
//!
//! Each thread has a pool of its own: a connection is moved by a task of the thread that uses it. It speaks HTTP/1.1, one
//! request at a time, which costs less than streams of HTTP/2 for the few calls that Zoho takes at once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Uri, header::PROXY_AUTHORIZATION, uri::PathAndQuery};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{runtime::Handle, task::AbortHandle, time::Instant};
use zoho_oauth::{ConnectError, Dialer};

use super::{silence::Patient, target::Target, upload::Upload};

/// How long a connection may take until it is ready again after a reply has ended.
const SETTLING: Duration = Duration::from_secs(1);

/// The connections of one thread.
pub(super) struct Pool {
    dialer: Arc<Dialer>,
    limits: PoolLimits,
    idle: Mutex<HashMap<String, Vec<Idle>>>,
    is_swept: AtomicBool,
}

/// What a pool keeps, and for how long.
#[derive(Clone, Copy)]
pub(super) struct PoolLimits {
    pub(super) silence: Duration,
    pub(super) idle: Duration,
    pub(super) idle_connections: usize,
}

/// A connection that nobody uses, and since when.
struct Idle {
    connection: Connection,
    since: Instant,
}

/// An open connection, for one request at a time.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Upload>,
    /// Whether it has carried a request before.
    pub(super) is_reused: bool,
    target: Arc<Target>,
    proxy: Option<Arc<ForwardProxy>>,
    driver: AbortHandle,
}

/// A proxy without a tunnel, which is told whole addresses.
struct ForwardProxy {
    authorization: Option<http::HeaderValue>,
}

impl Pool {
    pub(super) fn new(dialer: Arc<Dialer>, limits: PoolLimits) -> Self {
        Self {
            dialer,
            limits,
            idle: Mutex::default(),
            is_swept: AtomicBool::new(false),
        }
    }

    /// Makes an empty pool that dials in the same way.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.dialer.clone(), self.limits)
    }

    /// Takes the connection that was used last, as it is the likeliest to be open; None if there is none.
    pub(super) fn take(&self, target: &Target) -> Option<Connection> {
        let mut idle = self.idle();
        let connections = idle.get_mut(&target.origin)?;
        while let Some(Idle { connection, since }) = connections.pop() {
            if since.elapsed() > self.limits.idle {
                // Those below it are older.
                connections.clear();
                return None;
            }
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Opens a new connection.
    pub(super) async fn open(&self, target: &Arc<Target>) -> Result<Connection, ConnectError> {
        let dialed = self.dialer.dial(&target.origin).await?;
        let proxy = dialed.wants_absolute_form().then(|| {
            Arc::new(ForwardProxy {
                authorization: dialed.proxy_authorization().cloned(),
            })
        });
        let stream = Patient::new(dialed.stream, self.limits.silence);
        // As towards callers: most heads go alone, and to copy a small body behind one costs less than two pieces.
        let mut http = http1::Builder::new();
        let shaken = http.writev(false).handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|error| ConnectError::Unreachable {
            host: target.origin.clone(),
            source: std::io::Error::other(error),
        })?;
        // How it ended is said to whoever waits for a reply.
        let driver = tokio::spawn(async move { drop(driver.await) });
        Ok(Connection {
            sender,
            is_reused: false,
            target: target.clone(),
            proxy,
            driver: driver.abort_handle(),
        })
    }

    /// Keeps a connection whose reply has been read to its end.
    pub(super) fn keep(self: &Arc<Self>, mut connection: Connection) {
        if connection.sender.is_ready() {
            return self.put(connection);
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if connection.sender.is_closed() {
            return;
        }
        let pool = self.clone();
        runtime.spawn(async move {
            let ready = tokio::time::timeout(SETTLING, connection.sender.ready()).await;
            if let Ok(Ok(())) = ready {
                pool.put(connection);
            }
        });
    }

    fn put(self: &Arc<Self>, mut connection: Connection) {
        connection.is_reused = true;
        let mut idle = self.idle();
        let origin = &connection.target.origin;
        if !idle.contains_key(origin) {
            idle.insert(origin.clone(), Vec::new());
        }
        let Some(connections) = idle.get_mut(origin) else {
            return;
        };
        if connections.len() < self.limits.idle_connections {
            let since = Instant::now();
            connections.push(Idle { connection, since });
        }
        drop(idle);
        self.sweep_later();
    }

    /// Has those closed that nobody has used for too long, as long as there are any.
    fn sweep_later(self: &Arc<Self>) {
        if self.is_swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return self.is_swept.store(false, Ordering::Relaxed);
        };
        let (pool, time) = (Arc::downgrade(self), self.limits.idle);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(time).await;
                match pool.upgrade() {
                    Some(pool) if pool.sweep() => {}
                    _ => return,
                }
            }
        });
    }

    /// Closes what is too old; says whether anything is left.
    fn sweep(&self) -> bool {
        let mut idle = self.idle();
        idle.retain(|_, connections| {
            connections.retain(|idle| {
                idle.since.elapsed() < self.limits.idle && !idle.connection.sender.is_closed()
            });
            !connections.is_empty()
        });
        let some_left = !idle.is_empty();
        self.is_swept.store(some_left, Ordering::Relaxed);
        some_left
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<String, Vec<Idle>>> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.idle.lock().expect("whole")
    }
}

impl Connection {
    /// Closes the connection at once, whatever is on its way. Dropping it would wait for a reply's end.
    pub(super) fn close(self) {
        self.driver.abort();
    }

    /// Writes a request's address as whoever is at the other end wants it.
    pub(super) fn address(&self, request: &mut Request<Upload>) {
        let Some(proxy) = &self.proxy else {
            return;
        };
        let path = request.uri().path_and_query();
        let path = path.map_or("/", PathAndQuery::as_str);
        if let Ok(whole) = format!("{}{path}", self.target.origin).parse::<Uri>() {
            *request.uri_mut() = whole;
        }
        if let Some(authorization) = &proxy.authorization {
            let headers = request.headers_mut();
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
    }
}

#[cfg(test)]
impl Connection {
    /// Makes one of a stream that is open.
    pub(super) async fn over<S>(stream: S, target: Target) -> Self
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(async move { drop(driver.await) });
        Self {
            sender,
            is_reused: false,
            target: Arc::new(target),
            proxy: None,
            driver: driver.abort_handle(),
        }
    }
}
