//! What a server is told: flag, configuration, default.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use evergrant::exchange::Retries;
use evergrant_server::{
    AdminKey, AlertCommand, Alerts, Config, Patience, ProxySettings, TlsFiles, USUAL_ADDRESS,
};
use zoho_oauth::TransportConfig;

use super::{ServeArgs, admin_key, explain::half_an_identity, runtime_folder};
use crate::{
    cli::{Context, error::CliError, vault},
    config::{self, Local, Metrics},
    environment::Environment,
    http::HttpSettings,
    open_files,
    supervisor::Sockets,
};

/// How long a stop waits for requests that are under way, if nobody says.
const GRACE: Duration = Duration::from_secs(30);

/// What stays the same however often the configuration is read.
pub(super) struct Settings<'a> {
    args: &'a ServeArgs,
    environment: Environment,
    runtime: PathBuf,
    /// The administrators' key, if the configuration names no other file.
    admin_key: PathBuf,
    transport: TransportConfig,
    retries: Retries,
    sockets: Sockets,
    /// Whether they were resolved before.
    has_run: bool,
}

impl<'a> Settings<'a> {
    pub(super) fn new(
        args: &'a ServeArgs,
        context: &Context<'_>,
        http: &HttpSettings,
    ) -> Result<Self, CliError> {
        let folders = context.paths()?.folders;
        Ok(Self {
            args,
            environment: context.environment.clone(),
            admin_key: folders.admin_key(),
            runtime: folders.runtime,
            transport: http.transport.clone(),
            retries: http.retries(),
            sockets: Sockets::default(),
            has_run: false,
        })
    }

    /// Listens at these sockets too, the first time that it is [resolved](Self::resolve).
    pub(super) fn with_sockets(&mut self, sockets: Sockets) -> &mut Self {
        self.sockets = sockets;
        self
    }

    /// Resolves every setting.
    pub(super) fn resolve(&mut self, config: &config::Config) -> Result<Config, CliError> {
        let args = self.args;
        let sockets = std::mem::take(&mut self.sockets);
        let server = &config.server;
        let certificate = args.tls_cert.clone().or_else(|| server.tls_cert.clone());
        let key = args.tls_key.clone().or_else(|| server.tls_key.clone());
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(half_an_identity()),
        };
        let listen = match (args.listen.as_slice(), server.listen.as_slice()) {
            ([], []) if sockets.tcp.is_empty() => vec![USUAL_ADDRESS],
            ([], written) => written.to_vec(),
            (given, _) => given.to_vec(),
        };
        let unix = args.unix.clone().or_else(|| server.unix.clone());
        if unix.is_none() && sockets.unix.is_none() {
            runtime_folder::make(&self.runtime)?;
        }
        let unix = unix.unwrap_or_else(|| self.runtime.join("evergrant.sock"));
        let public_url = args
            .public_url
            .clone()
            .or_else(|| server.public_url.clone());
        Ok(Config {
            admin_key: self.admin_key(server)?,
            public_url,
            listen,
            inherited: sockets.tcp,
            unix: sockets.unix.is_none().then_some(unix),
            inherited_unix: sockets.unix,
            tls,
            in_the_clear: args.in_the_clear || server.in_the_clear,
            workers: (args.workers.or(server.workers)).unwrap_or_else(processors),
            hosts: server.hosts.clone(),
            local: (server.local.iter().map(Local::resolve)).collect::<Result<_, _>>()?,
            transport: self.transport.clone(),
            retries: self.retries,
            rng: vault::rng(),
            connections: open_files::left_for_callers(),
            connections_per_address: server.connections_per_address,
            patience: Patience::default(),
            proxy: proxy_settings(server),
            metrics_are_open: server.metrics == Metrics::Open,
            alerts: self.alerts(config),
            grace: server.grace.unwrap_or(GRACE),
        })
    }

    /// Reads the administrators' key; only the first time it is made if there is none.
    fn admin_key(&mut self, server: &config::Server) -> Result<Option<AdminKey>, CliError> {
        let named = server.admin_key_file.as_deref();
        let has_run = std::mem::replace(&mut self.has_run, true);
        if named.is_none()
            && let Some(handed) = admin_key::handed(&self.environment)?
        {
            return Ok(Some(handed));
        }
        match has_run {
            false => admin_key::read_or_make(named, &self.admin_key),
            true => admin_key::read_again(named, &self.admin_key),
        }
    }

    fn alerts(&self, config: &config::Config) -> Alerts {
        let environment = self.environment.without_secrets(&config.secret_variables());
        let command = config
            .server
            .alert_command
            .clone()
            .map(|words| AlertCommand {
                words,
                environment: environment.to_vec(),
            });
        Alerts {
            command,
            webhook: config.server.alert_webhook.clone(),
        }
    }
}

fn proxy_settings(server: &config::Server) -> ProxySettings {
    let mut settings = ProxySettings::default();
    if let Some(simultaneous) = server.simultaneous {
        settings.queue.simultaneous = simultaneous.get();
    }
    settings
}

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
