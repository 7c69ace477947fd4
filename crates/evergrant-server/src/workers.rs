//! Threads that answer callers: a runtime each, so that a request stays on one processor from its first
//! byte to its last.

use std::{
    io,
    net::TcpListener,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{sync::watch, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::{
    connection::{self, Peer},
    state::State,
};

/// How long to wait after a failure to take up a connection: usually too many files are open.
const PAUSE: Duration = Duration::from_millis(50);

/// What every worker is given.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) state: Arc<State>,
    pub(crate) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// How long a stop waits for requests that are under way.
    pub(crate) grace: Duration,
}

/// Starts a thread that answers at these sockets until the server stops.
pub(crate) fn start(
    number: usize,
    listeners: Vec<TcpListener>,
    work: Work,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let log = tracing::dispatcher::get_default(Clone::clone);
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            // Whoever starts the server chooses its log for one thread alone.
            let _log = tracing::dispatcher::set_default(&log);
            runtime.block_on(run(listeners, work));
        })
}

async fn run(listeners: Vec<TcpListener>, work: Work) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                accepting.spawn(accept(listener, work.clone()));
            }
            Err(error) => tracing::error!(%error, "a socket cannot be used"),
        }
    }
    while accepting.join_next().await.is_some() {}
}

/// Takes up connections until the server stops, then waits for those that are under way.
async fn accept(listener: tokio::net::TcpListener, work: Work) {
    let http = Arc::new(connection::http(&work.state.patience));
    let mut connections = JoinSet::new();
    let mut stopping = work.stopping.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = connection::stops(&mut stopping) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken up");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let (http, work) = (http.clone(), work.clone());
        connections.spawn(async move {
            let (peer, state, stopping) = (Peer::Network(address), work.state, work.stopping);
            let Some(tls) = work.tls else {
                return connection::serve(&http, stream, peer, state, stopping).await;
            };
            // In a box, so that a connection without TLS keeps no room for it.
            Box::pin(async {
                let acceptor = TlsAcceptor::from(tls.borrow().clone());
                let shaking = acceptor.accept(stream);
                let shaken = tokio::time::timeout(state.patience.handshake, shaking).await;
                if let Ok(Ok(stream)) = shaken {
                    connection::serve(&http, stream, peer, state, stopping).await;
                }
            })
            .await;
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(work.grace, ended).await.is_err() {
        tracing::warn!("requests that were under way for too long are broken off");
    }
}

/// Takes up connections of programs on this machine until the server stops.
pub(crate) async fn accept_local(listener: tokio::net::UnixListener, work: Work) {
    let http = Arc::new(connection::http(&work.state.patience));
    let mut connections = JoinSet::new();
    let mut stopping = work.stopping.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = connection::stops(&mut stopping) => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let Ok(peer) = Peer::of_unix(&stream) else {
            continue;
        };
        let (http, work) = (http.clone(), work.clone());
        connections.spawn(async move {
            connection::serve(&http, stream, peer, work.state, work.stopping).await;
        });
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(work.grace, ended).await;
}
