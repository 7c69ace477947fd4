//! One connection of a caller: what HTTP it speaks, for how long, and how it ends.

use std::{
    convert::Infallible,
    fmt,
    future::pending,
    net::SocketAddr,
    ops::DerefMut,
    pin::{Pin, pin},
    time::Duration,
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    sync::watch,
};

use crate::{
    activity::Activity, body::Body, config::Patience, routes, silence::Patient, workers::Work,
};

/// The largest head of a request: more than any of Zoho's clients sends.
const HEAD_LIMIT: usize = 32 * 1024;

/// How many requests of one HTTP/2 connection are answered at once.
const STREAMS: u32 = 128;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Somebody on the network; loopback is no more trusted than that.
    Network(SocketAddr),
    /// A process on this machine, by the user that it runs as.
    Local {
        /// The user's number.
        uid: u32,
    },
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => write!(f, "{address}"),
            Self::Local { uid } => write!(f, "uid {uid}"),
        }
    }
}

impl Peer {
    /// Asks the kernel who connected.
    pub(crate) fn of_unix(stream: &UnixStream) -> std::io::Result<Self> {
        let uid = stream.peer_cred()?.uid();
        Ok(Self::Local { uid })
    }
}

/// How connections are spoken to; the same for all.
#[derive(Clone)]
pub(crate) struct Http {
    one: http1::Builder,
    two: http2::Builder<TokioExecutor>,
    patience: Patience,
}

/// Which version of HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.1, or 1.0.
    One,
    /// HTTP/2.
    Two,
}

impl Http {
    pub(crate) fn new(patience: &Patience) -> Self {
        let mut one = http1::Builder::new();
        one.timer(TokioTimer::new())
            .header_read_timeout(patience.head)
            // Most answers are small: to copy one behind its head costs less than to hand the kernel two pieces.
            .writev(false)
            .max_buf_size(HEAD_LIMIT);
        let mut two = http2::Builder::new(TokioExecutor::new());
        two.timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_LIMIT as u32)
            .keep_alive_interval(Duration::from_secs(60));
        Self {
            one,
            two,
            patience: *patience,
        }
    }

    /// Waits for a caller's first bytes, which tell what it speaks: HTTP/2 begins with `PRI`
    /// ([RFC 9113](https://www.rfc-editor.org/rfc/rfc9113#section-3.4)). They are left where they are;
    /// `None` if none come in time.
    pub(crate) async fn version(&self, stream: &TcpStream) -> Option<Version> {
        let mut first = [0; 3];
        let peeked = tokio::time::timeout(self.patience.head, stream.peek(&mut first)).await;
        match peeked {
            Ok(Ok(1..)) if first == *b"PRI" => Some(Version::Two),
            Ok(Ok(1..)) => Some(Version::One),
            _ => None,
        }
    }

    /// Waits for a caller to take what it is sent, but not for ever.
    pub(crate) fn patient<S>(&self, stream: S) -> Patient<S> {
        Patient::new(stream, self.patience.silence)
    }

    /// Answers the requests of a connection until it ends or the server stops.
    pub(crate) async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        version: Version,
        peer: Peer,
        work: Work,
    ) {
        let Work {
            worker, stopping, ..
        } = work;
        let service = service_fn(move |request: Request<Incoming>| {
            let worker = worker.clone();
            // In a box that goes with the request: a connection that asks nothing keeps no room for one.
            Box::pin(async move {
                Ok::<Response<Body>, Infallible>(routes::answer(&worker, peer, request).await)
            })
        });
        let stream = TokioIo::new(stream);
        match version {
            Version::One => {
                let connection = pin!(self.one.serve_connection(stream, service));
                run(connection, stopping, pending()).await;
            }
            // In a box, so that a connection of the usual version keeps no room for it.
            Version::Two => {
                let activity = Activity::default();
                let service = activity.of(service);
                let connection = Box::pin(self.two.serve_connection(stream, service));
                // Pings are no reason to keep a connection.
                let patience = self.patience.head;
                let idle = async {
                    activity.idle(patience).await;
                    patience
                };
                Box::pin(run(connection, stopping, idle)).await;
            }
        }
    }
}

/// Is ready as soon as the server stops.
pub(crate) async fn stops(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone has stopped too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Runs a connection until it ends, the server stops, or it is idle: then it has that time to end.
async fn run<C>(
    mut connection: Pin<impl DerefMut<Target = C>>,
    mut stopping: watch::Receiver<bool>,
    idle: impl Future<Output = Duration>,
) where
    C: GracefulConnection<Error = hyper::Error>,
{
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stops(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        patience = idle => {
            connection.as_mut().graceful_shutdown();
            // An answer that the caller does not take is not waited for either. In a box: most connections need no room
            // for it.
            let ended = Box::pin(tokio::time::timeout(patience, connection)).await;
            ended.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(reason = error.to_string(), "a connection broke off");
    }
}
