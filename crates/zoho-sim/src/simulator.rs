//! Starting, serving and stopping.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, StartError};
use crate::data_center::{DataCenter, Door, Environment, KnownDataCenter};
use crate::state::{Shared, State};
use crate::tls::Tls;
use crate::wire::Wire;
use crate::{connection, control};

/// A running simulator; it stops when it is dropped.
pub struct Simulator {
    ready: Ready,
    ports: JoinSet<()>,
    _tls: Option<Tls>,
}

/// What a program needs to use the simulator: the one line that `evergrant simulate` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Base URL of the control port.
    pub control: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Certificate of the throw-away authority; `None` without TLS.
    pub ca_file: Option<PathBuf>,
    /// Client ID of a self client in the first data center.
    pub client_id: String,
    /// Its client secret, which opens nothing but this simulator.
    pub client_secret: String,
    /// The running data centers by code.
    pub data_centers: BTreeMap<&'static str, ReadyDataCenter>,
}

/// Where a data center answers.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyDataCenter {
    /// Base URL of the accounts server.
    pub accounts_domain: String,
    /// Base URL of the CRM API.
    pub api_domain: String,
}

impl Simulator {
    /// Starts a simulator, which answers from then on.
    ///
    /// # Errors
    /// Fails if an address is not loopback, a data center is unknown, or a port or the certificate file cannot be had.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let known = config.check()?;
        let tls = if config.tls {
            Some(Tls::make(config.ca_file.clone())?)
        } else {
            None
        };
        let scheme = if config.tls { "https" } else { "http" };
        let mut doors = Vec::new();
        let mut data_centers = Vec::new();
        for (place, known) in known.into_iter().enumerate() {
            let listeners = listen_for(&config, known, place).await?;
            let base_urls = listeners
                .each_ref()
                .map(|(_, address)| format!("{scheme}://{address}"));
            data_centers.push(DataCenter { known, base_urls });
            let environments = Environment::ALL.into_iter().zip(listeners);
            doors.extend(environments.map(|(environment, (listener, _))| {
                (
                    Door {
                        data_center: known.code,
                        environment,
                    },
                    listener,
                )
            }));
        }
        let (control_listener, control_address) = listen(config.control).await?;
        let seed = config
            .seed
            .unwrap_or_else(|| rand::rng().random_range(0..=u64::from(u32::MAX)));
        let state = State::new(seed, data_centers);
        let ready = Ready::new(&state, control_address, tls.as_ref());
        let shared = Arc::new(Shared::new(state));

        let mut ports = JoinSet::new();
        for (door, listener) in doors {
            ports.spawn(serve(
                listener,
                tls.as_ref().map(|tls| tls.acceptor.clone()),
                Arc::clone(&shared),
                door,
            ));
        }
        ports.spawn(control::serve(control_listener, shared));
        Ok(Self {
            ready,
            ports,
            _tls: tls,
        })
    }

    /// Returns what a program needs to use the simulator.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Serves until `shutdown` is done, then closes every connection.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.ports.shutdown().await;
    }
}

impl Ready {
    fn new(state: &State, control: SocketAddr, tls: Option<&Tls>) -> Self {
        let client = &state.clients[&state.default_client];
        let reachable = |data_center: &DataCenter| ReadyDataCenter {
            accounts_domain: data_center.accounts_domain().to_owned(),
            api_domain: data_center.base_url(Environment::Production).to_owned(),
        };
        Self {
            control: format!("http://{control}"),
            seed: state.seed,
            ca_file: tls.map(|tls| tls.ca_file.clone()),
            client_id: client.id.clone(),
            client_secret: client.secret.clone(),
            data_centers: state
                .data_centers
                .iter()
                .map(|one| (one.code(), reachable(one)))
                .collect(),
        }
    }
}

type Listening = (TcpListener, SocketAddr);

/// Returns a data center's listeners in the order of [`Environment::ALL`]: its own port, and any two free ones
/// that stand for the API hosts of its sandbox and developer environments.
async fn listen_for(
    config: &Config,
    known: &KnownDataCenter,
    place: usize,
) -> Result<[Listening; 3], StartError> {
    let no_port_left = || StartError::NoPortLeft {
        code: known.code.to_owned(),
        first: config.listen.port(),
    };
    let address = config.address_of(place).ok_or_else(no_port_left)?;
    let any_port = SocketAddr::new(config.listen.ip(), 0);
    Ok([
        listen(address).await?,
        listen(any_port).await?,
        listen(any_port).await?,
    ])
}

async fn listen(address: SocketAddr) -> Result<Listening, StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Accepts connections for ever; ends them all when it is aborted.
async fn serve(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    door: Door,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(open(stream, acceptor.clone(), Arc::clone(&shared), door)); }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    // Out of file handles, most likely: leave the others time to close theirs.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn open(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>, door: Door) {
    // Small replies in several writes would else wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    if shared.lock().faults.draw_refused_connection() {
        return;
    }
    let wire = Wire::new(stream);
    let reset = wire.reset();
    let Some(acceptor) = acceptor else {
        return connection::serve(wire, reset, shared, door).await;
    };
    match acceptor.accept(wire).await {
        Ok(stream) => connection::serve(stream, reset, shared, door).await,
        Err(error) => tracing::debug!(%error, "handshake failed"),
    }
}
