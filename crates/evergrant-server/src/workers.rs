//! Threads that answer callers: a runtime each, so that a request stays on one processor from its first
//! byte to its last.

use std::{
    io, net,
    sync::Arc,
    thread::{self, JoinHandle},
};

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    connection::{self, Http, Peer, Version},
    metrics::TurnedAway,
    proxy::Proxy,
    shares::Share,
    state::State,
};

/// What answers on one thread.
pub(crate) struct Worker {
    pub(crate) state: Arc<State>,
    /// Its connections to Zoho are this thread's own.
    pub(crate) proxy: Proxy,
}

impl Worker {
    pub(crate) fn new(state: Arc<State>) -> Arc<Self> {
        let proxy = state.proxy.for_another_thread();
        Arc::new(Self { state, proxy })
    }
}

/// What every task of a worker is given.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) worker: Arc<Worker>,
    pub(crate) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// How many connections are held at once.
    pub(crate) connections: usize,
}

/// Starts a thread that answers at these sockets until the server stops.
pub(crate) fn start(
    number: usize,
    listeners: Vec<net::TcpListener>,
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

async fn run(listeners: Vec<net::TcpListener>, work: Work) {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                accepting.spawn(accept(listener, work.clone()));
            }
            Err(error) => tracing::error!(%error, "a socket cannot be used"),
        }
    }
    while accepting.join_next().await.is_some() {}
    // A refresh that was begun here ends with this thread, though whoever asked for it has gone.
    let grace = work.worker.state.grace();
    // Zoho may hang: it is waited for as long as for callers.
    let _ = tokio::time::timeout(grace, work.worker.state.broker.finish()).await;
}

/// Takes up connections until the server stops, then waits for those that are under way.
async fn accept(listener: TcpListener, work: Work) {
    let http = Arc::new(Http::new(&work.worker.state.patience));
    each(listener, work, move |stream, address, work| {
        let state = &work.worker.state;
        let Some(share) = state.shares.take(address.ip()) else {
            state.metrics.turned_away(TurnedAway::Address);
            return None;
        };
        // Small answers go out at once.
        let _ = stream.set_nodelay(true);
        let peer = Peer::Network(address);
        Some(answer(http.clone(), stream, peer, share, work))
    })
    .await;
}

/// Takes up connections of programs on this machine until the server stops.
pub(crate) async fn accept_local(listener: UnixListener, work: Work) {
    let http = Arc::new(Http::new(&work.worker.state.patience));
    each(listener, work, move |stream, _, work| {
        let peer = Peer::of_unix(&stream).ok()?;
        let http = http.clone();
        Some(async move {
            let stream = http.patient(stream);
            http.serve(stream, Version::One, peer, work).await;
        })
    })
    .await;
}

/// Runs a task for each connection that is taken up, until the server stops and all of them have ended.
async fn each<L, T>(
    mut listener: L,
    work: Work,
    task: impl Fn(L::Io, L::Addr, Work) -> Option<T> + Send,
) where
    L: Listener,
    T: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut stopping = work.stopping.clone();
    let mut was_full = false;
    loop {
        let (stream, address) = tokio::select! {
            taken = listener.accept() => taken,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            () = connection::stops(&mut stopping) => break,
        };
        let is_full = connections.len() >= work.connections;
        if is_full && !was_full {
            tracing::warn!(
                connections = work.connections,
                "no more connections are taken up for now"
            );
        }
        was_full = is_full;
        if is_full {
            (work.worker.state.metrics).turned_away(TurnedAway::All);
        }
        // One that is not taken up is closed.
        let task = (!is_full).then(|| task(stream, address, work.clone()));
        if let Some(task) = task.flatten() {
            connections.spawn(task);
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let grace = work.worker.state.grace();
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!("requests that were under way for too long are broken off");
    }
}

/// Answers on one connection. It has its share until the end.
async fn answer(http: Arc<Http>, stream: TcpStream, peer: Peer, _share: Share, work: Work) {
    match &work.tls {
        None => {
            if let Some(version) = http.version(&stream).await {
                http.serve(http.patient(stream), version, peer, work).await;
            }
        }
        // In a box, so that a connection without TLS keeps no room for it.
        Some(tls) => {
            let acceptor = TlsAcceptor::from(tls.borrow().clone());
            Box::pin(answer_in_tls(acceptor, http, stream, peer, work)).await;
        }
    }
}

async fn answer_in_tls(
    acceptor: TlsAcceptor,
    http: Arc<Http>,
    stream: TcpStream,
    peer: Peer,
    work: Work,
) {
    let shaking = acceptor.accept(http.patient(stream));
    let shaken = tokio::time::timeout(work.worker.state.patience.handshake, shaking).await;
    if let Ok(Ok(stream)) = shaken {
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Version::Two,
            _ => Version::One,
        };
        http.serve(stream, version, peer, work).await;
    }
}
