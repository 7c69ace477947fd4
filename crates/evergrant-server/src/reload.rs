//! New settings for a server that runs.

use std::{net::SocketAddr, sync::Arc};

use evergrant::{
    broker::Limits,
    connection::{self, ConnectionName},
    vault::VaultError,
};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    config::Config,
    host::Hosts,
    state::State,
    tls::{self, TlsError},
};

/// Takes new settings into a server that runs: its TLS identity, the names it may be called by, who is told of
/// changes, who sees metrics, the admin key, what other users of this machine may, how many refreshes are made, how many
/// connections an address and how many calls a connection may have, and how long a stop waits. Requests that are under
/// way go on, and so do connections, with the identity that they began with. Everything else needs another start.
#[derive(Clone)]
pub struct Reloader {
    state: Arc<State>,
    addresses: Vec<SocketAddr>,
    tls: Option<Arc<watch::Sender<Arc<ServerConfig>>>>,
}

impl Reloader {
    pub(crate) fn new(
        state: Arc<State>,
        addresses: Vec<SocketAddr>,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        Self {
            state,
            addresses,
            tls: tls.map(|tls| Arc::new(watch::Sender::new(tls))),
        }
    }

    /// Returns where the TLS identity of the moment is found.
    pub(crate) fn tls(&self) -> Option<watch::Receiver<Arc<ServerConfig>>> {
        self.tls.as_ref().map(|tls| tls.subscribe())
    }

    /// Takes in what can be taken in, and these limits of refreshes.
    ///
    /// # Errors
    ///
    /// If the TLS identity cannot be used; then everything stays as it is.
    pub fn reload(&self, config: Config, limits: Limits) -> Result<(), TlsError> {
        if let (Some(identity), Some(files)) = (&self.tls, &config.tls) {
            let new = tls::load(files)?;
            identity.send_replace(new);
        }
        // Callers were told the one that it began with.
        let public_url = &self.state.public_url;
        let hosts = Hosts::new(public_url, &config.hosts, &self.addresses);
        self.state.broker.set_limits(limits);
        self.state.set(hosts, config);
        Ok(())
    }

    /// Lists the connections that other users of this machine may have, and that are not in the vault.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read.
    pub async fn unknown_connections(&self) -> Result<Vec<ConnectionName>, VaultError> {
        let people = self.state.api.people();
        let mut unknown = Vec::new();
        for name in people.local().connections() {
            let vault = self.state.broker.vault().vault();
            if connection::find(vault, name).await?.is_none() {
                unknown.push(name.clone());
            }
        }
        Ok(unknown)
    }
}
