//! `evergrant serve`: Zoho's own protocol towards the programs of an estate.

mod admin_key;
mod explain;
mod running;
mod runtime_folder;
mod settings;
pub(crate) mod warnings;

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use clap::Args;
use evergrant::Broker;
use evergrant_server::{PublicUrl, Server};
use serde::Serialize;

use self::{
    explain::{failed, not_started},
    running::Signals,
    settings::Settings,
};
use super::{
    Context, error::CliError, exchange::HttpArgs, output::Warning, simulate::publish, vault,
};
use crate::{
    http::HttpSettings, lifecycle, open_files, supervisor::Supervisor, telemetry::Started,
};

/// How many connections to the database: one that waits for the write lock holds up no reader.
const CONNECTIONS: u32 = 16;

/// Answer programs in Zoho's own protocol, with one access token for all of them
///
/// A program that uses Zoho has two addresses in its settings: the accounts domain and the API domain. Put this
/// server's into both, and a caller's client ID, client secret and handle where Zoho's own stood:
/// evergrant callers add --help. Runs until SIGINT or SIGTERM; SIGHUP makes it read config.toml again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant serve
  evergrant serve --listen 0.0.0.0:8470 --tls-cert server.pem --tls-key server.key --public-url https://zoho.example.com:8470
  evergrant callers add nightly-sync --connection acme")]
pub(crate) struct ServeArgs {
    /// Listen at this address, or at this port of 127.0.0.1; may be given several times [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
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
    #[arg(long, value_name = "N", value_parser = workers)]
    workers: Option<NonZeroUsize>,
    /// Write where it listens to this file too, as JSON, all at once
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    http: HttpArgs,
}

/// Reads an address; a bare port is one of this machine alone.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse()
        .map_err(|_| "write an IP address and a port, such as 127.0.0.1:8470".to_owned())
}

fn workers(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "write how many threads answer, at least 1".to_owned())
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
    let signals = Signals::listen().map_err(|error| failed(&error))?;
    open_files::allow_as_many_as_may_be();
    let supervisor = Supervisor::find(context.environment);
    let http = HttpSettings::resolve(&args.http, context.environment, &context.config()?.http)?;
    let sockets = supervisor.sockets().map_err(|error| failed(&error))?;
    let mut settings = Settings::new(args, context, &http)?;
    let config = settings.with_sockets(sockets).resolve(context.config()?)?;
    let vault = context
        .unlocked_vault()
        .await?
        .with_connections(CONNECTIONS);
    let vault = vault.acting_as("server");
    let broker = Broker::new(
        vault,
        http.transport,
        context.config()?.limits.0,
        vault::rng(),
    );
    let inherited = config.inherited_unix.as_ref().and_then(path_of);
    let unix = config.unix.clone().or(inherited);
    let named = config.public_url.clone();
    let key = config.tls.as_ref().map(|tls| tls.key.clone());
    let server = Server::start(broker, config).await;
    let server = server.map_err(|error| not_started(&error))?;
    let addresses = server.addresses().to_vec();
    let public_url = server.public_url().as_str().to_owned();
    let of_name = match &named {
        Some(url) => warnings::of_url(url),
        None => warnings::of_no_name(server.addresses()),
    };
    let of_key = key.as_deref().and_then(warnings::of_key);
    for warning in [of_name, of_key].into_iter().flatten() {
        warn(&warning, context);
    }
    tell(
        &Ready {
            addresses,
            unix,
            public_url,
        },
        args,
        context,
    )?;
    running::run(server, settings, signals, supervisor, context).await
}

/// Returns where a socket is in the file system; `None` for one that is not.
fn path_of(socket: &UnixListener) -> Option<PathBuf> {
    let address = socket.local_addr().ok()?;
    address.as_pathname().map(Path::to_owned)
}

/// Warns a person, or where the log is for machines, in the log.
fn warn(warning: &Warning, context: &mut Context<'_>) {
    match context.log.as_ref().is_some_and(Started::is_json) && !context.output.is_json() {
        true => tracing::warn!(code = %warning.code, "{}", warning.message),
        false => context.output.warn(warning),
    }
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
    match context.log.as_ref().is_some_and(Started::is_json) {
        true => log(ready),
        false => note(ready, context),
    }
    if context.output.is_json() {
        context.output.data(&line)?;
    }
    Ok(())
}

/// Says in a log for machines where it listens.
fn log(ready: &Ready) {
    let public_url = ready.public_url.as_str();
    for address in &ready.addresses {
        tracing::info!(%address, public_url, "listening");
    }
    if let Some(unix) = &ready.unix {
        tracing::info!(unix = %unix.display(), "listening");
    }
}

/// Tells people where it listens.
fn note(ready: &Ready, context: &mut Context<'_>) {
    for address in &ready.addresses {
        context.output.note(&format!(
            "listening at {address}, known as {}",
            ready.public_url
        ));
    }
    if let Some(unix) = &ready.unix {
        let unix = unix.display();
        context
            .output
            .note(&format!("listening at the Unix socket {unix}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_one_of_this_machine_alone() {
        let read = |text| address(text).map(|address| address.to_string());
        assert_eq!(read("8470").unwrap(), "127.0.0.1:8470");
        assert_eq!(read("[::]:8470").unwrap(), "[::]:8470");
        assert!(read("70000").unwrap_err().contains("127.0.0.1:8470"));
        assert!(workers("0").unwrap_err().contains("at least 1"));
    }
}
