//! The server as a whole: its start, its run, its end.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::JoinHandle,
    time::Duration,
};

use evergrant::{
    Broker,
    caller::KnownCallers,
    vault::{VaultError, Watch},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use zoho_oauth::TransportConfig;

use crate::{
    ahead, alerts,
    callers::Callers,
    chores,
    config::{Config, PublicUrl, USUAL_ADDRESS},
    host::Hosts,
    keeper::{self, Waiter},
    listen::{self, ListenError, UnixSocket},
    reload::Reloader,
    state::State,
    tls::{self, TlsError},
    workers::{self, Work, Worker},
};

/// How long the end of the server waits for the vault to take what it does not know yet.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A server that listens, and answers as soon as it [runs](Self::run_until).
pub struct Server {
    addresses: Vec<SocketAddr>,
    /// The sockets of each worker.
    sockets: Vec<Vec<std::net::TcpListener>>,
    unix: Option<UnixSocket>,
    work: Work,
    reloader: Reloader,
    transport: TransportConfig,
    stop: watch::Sender<bool>,
    vault_watch: Watch,
    waiters: mpsc::Receiver<Waiter>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its TLS identity cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The vault cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The system gives it no thread or no runtime.
    #[error("the system refuses a thread")]
    Thread(#[source] io::Error),
    /// It listens beyond this machine without TLS.
    #[error("{0} can be reached from other machines, and secrets would go there in the clear")]
    InTheClear(SocketAddr),
}

impl Server {
    /// Listens everywhere it shall, and reads who may from the vault. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// If an address is taken, TLS cannot be used, or the vault cannot be read.
    pub async fn start(broker: Broker, mut config: Config) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(tls::load).transpose()?;
        let workers = config.workers.get();
        let mut sockets: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let mut addresses = Vec::new();
        for listener in config.inherited.drain(..) {
            listener.set_nonblocking(true).map_err(StartError::Thread)?;
            addresses.push(local_address(&listener)?);
            for worker in &mut sockets {
                worker.push(listener.try_clone().map_err(StartError::Thread)?);
            }
        }
        for &address in &config.listen {
            let listeners = listen::at(address, workers)?;
            addresses.push(local_address(&listeners[0])?);
            for (worker, listener) in sockets.iter_mut().zip(listeners) {
                worker.push(listener);
            }
        }
        if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback())
            && tls.is_none()
            && !config.in_the_clear
        {
            return Err(StartError::InTheClear(*open));
        }
        let unix = match config.inherited_unix.take() {
            Some(listener) => Some(UnixSocket::inherited(listener).map_err(StartError::Thread)?),
            None => config.unix.as_deref().map(listen::at_unix).transpose()?,
        };
        broker.keep_every_token();
        let vault = broker.vault();
        let vault_watch = vault.vault().watch().await?;
        let callers = Callers::new(KnownCallers::load(vault).await?, None);
        let public_url = config.public_url.take().unwrap_or_else(|| {
            let first = addresses.first().copied().unwrap_or(USUAL_ADDRESS);
            PublicUrl::of(first, tls.is_some())
        });
        let hosts = Hosts::new(&public_url, &config.hosts, &addresses);
        let transport = config.transport.clone();
        let connections = config.connections.get().div_ceil(workers);
        let (waiting, waiters) = keeper::line();
        let state = State::new(broker, config, public_url, hosts, callers, waiting);
        let (stop, stopping) = watch::channel(false);
        let state = Arc::new(state);
        let reloader = Reloader::new(state.clone(), addresses.clone(), tls);
        let work = Work {
            worker: Worker::new(state),
            tls: reloader.tls(),
            stopping,
            connections,
        };
        Ok(Self {
            addresses,
            sockets,
            unix,
            work,
            reloader,
            transport,
            stop,
            vault_watch,
            waiters,
        })
    }

    /// Returns where callers reach it.
    pub fn public_url(&self) -> &PublicUrl {
        &self.work.worker.state.public_url
    }

    /// Returns the addresses it listens at, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns what takes new settings into this server while it runs.
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Answers until `stop` is ready, then lets requests that are under way come to their end.
    ///
    /// # Errors
    ///
    /// If the system refuses a thread.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<(), StartError> {
        let state = self.work.worker.state.clone();
        let mut beside = JoinSet::new();
        beside.spawn(keeper::keep(state.clone(), self.vault_watch, self.waiters));
        beside.spawn(ahead::refresh(state.clone()));
        beside.spawn(chores::go_on(state.clone()));
        beside.spawn(alerts::tell(state.clone(), self.transport));
        let mut threads = Vec::new();
        for (number, sockets) in self.sockets.into_iter().enumerate() {
            let work = Work {
                worker: Worker::new(self.work.worker.state.clone()),
                ..self.work.clone()
            };
            let thread = workers::start(number, sockets, work);
            threads.push(thread.map_err(StartError::Thread)?);
        }
        let local = match self.unix {
            Some(socket) => Some(answer_locally(socket, self.work.clone())?),
            None => None,
        };
        stop.await;
        state.stopping.store(true, Relaxed);
        self.stop.send_replace(true);
        if let Some(local) = local {
            let _ = local.await;
        }
        join(threads).await;
        // A grant token that has left is never broken off.
        state.exchanges.finish().await;
        // Zoho or the vault may hang: the end of the server waits for neither for longer than for callers.
        if timeout(state.grace(), state.broker.finish()).await.is_err() {
            tracing::warn!("a refresh that was under way for too long is broken off");
        }
        // Whatever the keepers were doing can be broken off; what they have not told yet is told now.
        beside.shutdown().await;
        if timeout(LAST_WORDS, chores::finish(&state)).await.is_err() {
            tracing::warn!("the vault could not be told the last uses and hand-outs in time");
        }
        Ok(())
    }
}

fn local_address(listener: &std::net::TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(StartError::Thread)
}

fn answer_locally(
    socket: UnixSocket,
    work: Work,
) -> Result<tokio::task::JoinHandle<()>, StartError> {
    let UnixSocket { listener, file } = socket;
    let listener = tokio::net::UnixListener::from_std(listener).map_err(StartError::Thread)?;
    Ok(tokio::spawn(async move {
        workers::accept_local(listener, work).await;
        drop(file);
    }))
}

/// Waits for threads without holding up this one, on which they may depend.
async fn join(threads: Vec<JoinHandle<()>>) {
    while threads.iter().any(|thread| !thread.is_finished()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a worker ended by a mistake of its own");
        }
    }
}
