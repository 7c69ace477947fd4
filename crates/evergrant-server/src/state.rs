//! What all workers share.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use evergrant::{Broker, caller::Denied, clock::Timestamp};

use tokio::sync::mpsc;

use crate::{
    accounts::{Exchanges, Refusal},
    alerts::Alerts,
    api::Api,
    asking,
    callers::Callers,
    config::{Config, Patience, PublicUrl},
    connection::Peer,
    denials::Denials,
    failures::Failures,
    hand_outs::HandOuts,
    host::Hosts,
    keeper::{Looks, Waiter},
    metrics::Metrics,
    overview::Overview,
    proxy::Proxy,
    request_log::RequestIds,
    shares::Shares,
};

/// Everything that answering a request needs.
pub(crate) struct State {
    pub(crate) broker: Broker,
    pub(crate) public_url: PublicUrl,
    hosts: ArcSwap<Hosts>,
    alerts: ArcSwap<Alerts>,
    pub(crate) patience: Patience,
    pub(crate) proxy: Proxy,
    pub(crate) metrics: Metrics,
    pub(crate) failures: Failures,
    pub(crate) shares: Arc<Shares>,
    pub(crate) exchanges: Exchanges,
    pub(crate) denials: Denials,
    pub(crate) hand_outs: HandOuts,
    pub(crate) overview: Overview,
    /// Whether the server is about to end.
    pub(crate) stopping: AtomicBool,
    metrics_are_open: AtomicBool,
    grace: Mutex<Duration>,
    pub(crate) request_ids: RequestIds,
    pub(crate) api: Api,
    /// How often somebody who is not known may make the vault answer.
    pub(crate) looks: Mutex<Looks>,
    /// Who waits until the vault was looked at.
    pub(crate) waiting: mpsc::Sender<Waiter>,
    callers: ArcSwap<Callers>,
}

impl State {
    pub(crate) fn new(
        broker: Broker,
        mut config: Config,
        public_url: PublicUrl,
        hosts: Hosts,
        callers: Callers,
        waiting: mpsc::Sender<Waiter>,
    ) -> Self {
        let now = broker.vault().vault().now();
        let shares = Arc::new(Shares::new(&config));
        Self {
            overview: Overview::since(now),
            stopping: AtomicBool::new(false),
            metrics_are_open: AtomicBool::new(config.metrics_are_open),
            grace: Mutex::new(config.grace),
            request_ids: RequestIds::beginning(now),
            broker,
            api: Api::new(&config),
            public_url,
            hosts: ArcSwap::from_pointee(hosts),
            alerts: ArcSwap::from_pointee(config.alerts),
            patience: config.patience,
            proxy: Proxy::new(config.transport.clone(), config.proxy, &mut config.rng),
            metrics: Metrics::default(),
            failures: Failures::new(),
            shares,
            exchanges: Exchanges::new(config.transport, config.retries, config.rng),
            denials: Denials::default(),
            hand_outs: HandOuts::default(),
            looks: Mutex::new(Looks::new()),
            waiting,
            callers: ArcSwap::from_pointee(callers),
        }
    }

    /// Returns who may, at this moment.
    pub(crate) fn callers(&self) -> Guard<Arc<Callers>> {
        self.callers.load()
    }

    /// Takes in who may from now on, unless somebody else has read what is newer meanwhile.
    pub(crate) fn set_callers(&self, callers: Callers) {
        let read = Arc::new(callers);
        self.callers.rcu(|now| {
            if now.known.loaded_version() > read.known.loaded_version() {
                now.clone()
            } else {
                read.clone()
            }
        });
    }

    /// Returns the names by which the server may be called.
    pub(crate) fn hosts(&self) -> Guard<Arc<Hosts>> {
        self.hosts.load()
    }

    /// Returns who is told when the state of a connection changes.
    pub(crate) fn alerts(&self) -> Arc<Alerts> {
        self.alerts.load_full()
    }

    /// Takes in what of the settings may change while the server runs.
    pub(crate) fn set(&self, hosts: Hosts, config: Config) {
        self.api.set_people(&config);
        self.shares.set(&config);
        self.proxy.set(&config.proxy);
        self.hosts.store(Arc::new(hosts));
        self.alerts.store(Arc::new(config.alerts));
        self.metrics_are_open
            .store(config.metrics_are_open, Relaxed);
        // Unwrap safety: nothing panics while it holds the lock.
        *self.grace.lock().expect("whole") = config.grace;
    }

    /// Returns how long a stop waits for requests that are under way.
    pub(crate) fn grace(&self) -> Duration {
        *self.grace.lock().expect("whole")
    }

    /// Tells whether everybody may see metrics, with the names of connections and callers in them.
    pub(crate) fn metrics_are_open(&self) -> bool {
        self.metrics_are_open.load(Relaxed)
    }

    /// Returns the present moment of the vault's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.broker.vault().vault().now()
    }

    /// Counts wrong credentials; tells whether there were too many from there.
    pub(crate) fn too_many_failures(&self, peer: Peer, denied: &Denied) -> bool {
        if let Some(caller) = denied.caller() {
            asking::by(caller);
        }
        tracing::debug!(reason = %denied, "wrong credentials");
        if self.is_only_old(denied) {
            return false;
        }
        self.denials.count(denied);
        self.failures.count(peer)
    }

    /// Tells whether nothing is wrong but that a proxy token is over: so its caller learns that it needs another.
    fn is_only_old(&self, denied: &Denied) -> bool {
        match denied {
            Denied::Expired(caller) => caller.expires_at.is_none_or(|end| end > self.now()),
            _ => false,
        }
    }

    /// Counts wrong credentials, and says what the accounts server answers.
    pub(crate) fn denied(&self, peer: Peer, denied: &Denied) -> Refusal {
        if self.too_many_failures(peer, denied) {
            return Refusal::Throttled(60);
        }
        match denied {
            Denied::UnknownClient => Refusal::InvalidClient,
            Denied::WrongSecret { .. } => Refusal::InvalidClientSecret,
            _ => Refusal::InvalidCode,
        }
    }
}
