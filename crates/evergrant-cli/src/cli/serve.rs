//! `evergrant serve`: Zoho's own protocol towards the programs of an estate.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use evergrant::Broker;
use evergrant_server::{
    Alerts, Config, ListenError, Patience, ProxySettings, PublicUrl, Server, StartError, TlsFiles,
};
use serde::Serialize;

use super::{
    Context, error::CliError, exchange::HttpArgs, exit_code::Kind, simulate::publish, vault,
};
use crate::{
    http::HttpSettings,
    lifecycle::{self, StopSignals},
};

/// Where a server listens if nobody says.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8470);

/// How many connections to the database: one that waits for the write lock holds up no reader.
const CONNECTIONS: u32 = 4;

/// How long a stop waits for requests that are under way.
const GRACE: Duration = Duration::from_secs(30);

/// Answer programs in Zoho's own protocol, with one access token for all of them
///
/// A program that uses Zoho has two addresses in its settings: the accounts domain and the API domain. Put this
/// server's into both, and a caller's client ID, client secret and handle where Zoho's own stood:
/// evergrant callers add --help. Runs until SIGINT or SIGTERM.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant serve
  evergrant serve --listen 0.0.0.0:8470 --tls-cert server.pem --tls-key server.key --public-url https://zoho.example.com:8470
  evergrant callers add nightly-sync --connection acme")]
pub(crate) struct ServeArgs {
    /// Listen at this address; may be given several times [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<SocketAddr>,
    /// Listen at this Unix socket for programs on this machine [default: evergrant.sock in the runtime folder]
    #[arg(long, value_name = "PATH")]
    unix: Option<PathBuf>,
    /// Speak TLS with this certificate, and those that lead to its root, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// What callers reach this server by [default: the first address it listens at]
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Listen beyond this machine without TLS, because something in front of this server speaks it
    #[arg(long)]
    in_the_clear: bool,
    /// How many threads answer [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Write where it listens to this file too, as JSON, all at once
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
}

/// Where a server listens.
#[derive(Debug, Serialize)]
struct Ready {
    addresses: Vec<SocketAddr>,
    unix: Option<PathBuf>,
    public_url: String,
}

/// Runs the server until a signal stops it.
pub(crate) fn run(args: &ServeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(serve(args, context))
}

async fn serve(args: &ServeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    // Before anybody can know that it runs, so that no signal finds the default action.
    let mut signals = StopSignals::listen().map_err(|error| failed(&error))?;
    let settings = HttpSettings::resolve(&args.http, context.environment, &context.config()?.http)?;
    let config = server_config(args, &settings, context)?;
    let vault = context
        .unlocked_vault()
        .await?
        .with_connections(CONNECTIONS);
    let vault = vault.acting_as("server");
    let broker = Broker::new(
        vault,
        settings.transport,
        context.config()?.limits.0,
        vault::rng(),
    );
    let (unix, public_url) = (config.unix.clone(), config.public_url.as_str().to_owned());
    let server = Server::start(broker, config).await;
    let server = server.map_err(|error| not_started(&error))?;
    let addresses = server.addresses().to_vec();
    tell(
        &Ready {
            addresses,
            unix,
            public_url,
        },
        args,
        context,
    )?;
    let stopped = server.run_until(async {
        signals.next().await;
    });
    stopped.await.map_err(|error| not_started(&error))
}

/// Resolves every setting: flag, configuration, default.
fn server_config(
    args: &ServeArgs,
    settings: &HttpSettings,
    context: &Context<'_>,
) -> Result<Config, CliError> {
    let config = &context.config()?.server;
    let first = |given: &[SocketAddr], written: &[SocketAddr]| match (given, written) {
        ([], []) => vec![LISTEN],
        ([], written) => written.to_vec(),
        (given, _) => given.to_vec(),
    };
    let listen = first(&args.listen, &config.listen);
    let certificate = args.tls_cert.clone().or_else(|| config.tls_cert.clone());
    let key = args.tls_key.clone().or_else(|| config.tls_key.clone());
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        _ => return Err(half_an_identity()),
    };
    let runtime = context.paths()?.folders.runtime;
    let unix = args.unix.clone().or_else(|| config.unix.clone());
    let public_url = args
        .public_url
        .clone()
        .or_else(|| config.public_url.clone());
    Ok(Config {
        public_url: public_url.unwrap_or_else(|| PublicUrl::of(listen[0], tls.is_some())),
        listen,
        inherited: Vec::new(),
        inherited_unix: None,
        unix: Some(unix.unwrap_or_else(|| runtime.join("evergrant.sock"))),
        tls,
        in_the_clear: args.in_the_clear || config.in_the_clear,
        workers: (args.workers.or(config.workers)).unwrap_or_else(processors),
        hosts: config.hosts.clone(),
        transport: settings.transport.clone(),
        retries: settings.retries(),
        rng: vault::rng(),
        patience: Patience::default(),
        proxy: ProxySettings::default(),
        metrics_are_open: false,
        alerts: Alerts::default(),
        grace: GRACE,
    })
}

fn processors() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

fn tell(ready: &Ready, args: &ServeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let line = serde_json::to_string(ready).map_err(|error| failed(&error.into()))? + "\n";
    if let Some(path) = &args.ready_file {
        publish(path, &line).map_err(|error| {
            CliError::config("unwritable", format!("cannot write {}", path.display()))
                .cause(error)
                .next("name a file in a folder that you can write: --ready-file FILE")
        })?;
    }
    for address in &ready.addresses {
        context.output.note(&format!(
            "listening at {address}, known as {}",
            ready.public_url
        ));
    }
    if context.output.is_json() {
        context.output.data(&line)?;
    }
    Ok(())
}

fn half_an_identity() -> CliError {
    CliError::config("half_an_identity", "TLS needs a certificate and its key")
        .next("give both: tls_cert and tls_key under [server], or --tls-cert and --tls-key")
}

fn not_started(error: &StartError) -> CliError {
    match error {
        StartError::Vault(error) => vault::explain(error),
        StartError::Listen(ListenError::Taken { path }) => {
            CliError::config("address_in_use", "the server cannot start")
                .causes_of(error)
                .next(format!("stop the other server, or choose another socket: --unix PATH instead of {}", path.display()))
        }
        StartError::Listen(_) => CliError::config("address_in_use", "the server cannot start")
            .causes_of(error)
            .next("stop what listens there, or choose another address: --listen ADDRESS"),
        StartError::Tls(_) => CliError::config("tls_unusable", "the server cannot start")
            .causes_of(error)
            .next("see that both files are PEM, that you may read them, and that the key is the certificate's"),
        StartError::InTheClear(_) => CliError::usage("in_the_clear", "the server does not start")
            .causes_of(error)
            .next("give it a certificate: --tls-cert FILE --tls-key FILE")
            .next("or, if something in front of it speaks TLS: --in-the-clear"),
        _ => CliError::new(Kind::Internal, "runtime_failed", "the server cannot start").causes_of(error),
    }
}

fn failed(error: &io::Error) -> CliError {
    CliError::new(Kind::Internal, "runtime_failed", "the server cannot start").cause(error)
}
