//! One connection of a caller: what HTTP it speaks, for how long, and how it ends.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    sync::watch,
};

use crate::{body::Body, config::Patience, routes, state::State};

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

impl Peer {
    /// Asks the kernel who connected.
    pub(crate) fn of_unix(stream: &UnixStream) -> std::io::Result<Self> {
        let uid = stream.peer_cred()?.uid();
        Ok(Self::Local { uid })
    }
}

/// How connections are spoken to; the same for all.
pub(crate) fn http(patience: &Patience) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(HEAD_LIMIT);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_LIMIT as u32)
        .keep_alive_interval(Duration::from_secs(60));
    http
}

/// Is ready as soon as the server stops.
pub(crate) async fn stops(stopping: &mut watch::Receiver<bool>) {
    // A sender that is gone has stopped too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Answers the requests of a connection until it ends or the server stops.
pub(crate) async fn serve(
    http: &auto::Builder<TokioExecutor>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    state: Arc<State>,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let state = state.clone();
        async move { Ok::<Response<Body>, Infallible>(routes::answer(&state, peer, request).await) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stops(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(reason = error.to_string(), "a connection broke off");
    }
}
