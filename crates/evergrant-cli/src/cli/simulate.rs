//! `evergrant simulate`: Zoho's accounts server and a part of its API, on this machine.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use zoho_sim::{Config, Simulator, StartError};

use super::{Context, error::CliError, exit_code::Kind};
use crate::{
    inputs::codes::DataCenterCode,
    lifecycle::{self, StopSignals},
};

/// Run a simulator of Zoho on this machine
///
/// Prints one line of JSON when it listens, and runs until SIGINT or SIGTERM. Everything is in memory. Its control
/// port makes grant tokens, moves its clock and breaks its replies: its page, in a browser, lists how.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant simulate
  evergrant simulate --data-centers us,eu --tls --seed 7
  curl -s -d '{\"scope\":\"ZohoCRM.modules.ALL\",\"minutes\":3}' http://127.0.0.1:8479/grants > self_client.json
  curl -s -d '{\"advance_seconds\":3600}' http://127.0.0.1:8479/clock
  curl -s -X PUT -d '{\"plan\":[{\"on\":\"refresh\",\"do\":\"delay\"}]}' http://127.0.0.1:8479/faults
  evergrant exchange test --self-client self_client.json --accounts-domain http://127.0.0.1:8480")]
pub(crate) struct SimulateArgs {
    /// The data centers, one port each
    #[arg(
        long,
        value_name = "CODES",
        value_parser = DataCenterCode,
        hide_possible_values = true,
        value_delimiter = ',',
        default_value = "us"
    )]
    data_centers: Vec<String>,
    /// The address of the first data center; the others take the next ports, port 0 takes any
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8480")]
    listen: SocketAddr,
    /// The address of the control port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8479")]
    control: SocketAddr,
    /// Speak TLS, with a certificate authority made for this run
    #[arg(long)]
    tls: bool,
    /// Make the same random choices as an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write the line of JSON to this file too, all at once
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Runs the simulator until a signal stops it.
pub(crate) fn run(args: &SimulateArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(serve(args, context))
}

async fn serve(args: &SimulateArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    // Before anybody can know that it runs, so that no signal finds the default action.
    let mut signals = StopSignals::listen().map_err(|error| failed(&error))?;
    let config = Config {
        data_centers: args.data_centers.clone(),
        listen: args.listen,
        control: args.control,
        tls: args.tls,
        ca_file: None,
        seed: args.seed,
    };
    let simulator = Simulator::start(config)
        .await
        .map_err(|error| not_started(&error))?;
    let ready =
        serde_json::to_string(simulator.ready()).map_err(|error| failed(&error.into()))? + "\n";
    if let Some(path) = &args.ready_file {
        publish(path, &ready).map_err(|error| {
            CliError::config("unwritable", format!("cannot write {}", path.display()))
                .cause(error)
                .next("name a file in a folder that you can write: --ready-file FILE")
        })?;
    }
    context.output.data(&ready)?;
    simulator
        .run_until(async {
            signals.next().await;
        })
        .await;
    Ok(())
}

/// Writes a file that others may be waiting for: it is there as a whole or not at all.
pub(super) fn publish(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn not_started(error: &StartError) -> CliError {
    match error {
        StartError::Listen { address, .. } => CliError::config(
            "address_in_use",
            "the simulator cannot start",
        )
        .causes_of(error)
        .next(format!(
            "stop what listens on {address}, or choose other ports with --listen and --control"
        )),
        _ => CliError::usage("wrong_arguments", "the simulator cannot start")
            .causes_of(error)
            .next("evergrant simulate --help"),
    }
}

fn failed(error: &io::Error) -> CliError {
    CliError::new(
        Kind::Internal,
        "runtime_failed",
        "the simulator cannot start",
    )
    .cause(error)
}
