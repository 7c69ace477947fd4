//! `evergrant exec`: a program that finds an access token in its environment.

mod child;
mod renewal;
mod signals;
mod start;
mod token_file;

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::Args;
use evergrant::{
    Broker,
    broker::{Token, Wanted},
    connection::ConnectionName,
};

use evergrant_server::explain::warning;

use self::{child::Program, renewal::Renewal, signals::Signals, token_file::TokenFile};
use super::{
    Context,
    broker::explain,
    error::CliError,
    exchange::{HttpArgs, run::not_found},
};
use crate::{duration, lifecycle};

/// Run a program that finds an access token in its environment
///
/// The program gets this environment without Evergrant's own secrets, and ZOHO_ACCESS_TOKEN, ZOHO_API_DOMAIN and
/// ZOHO_ACCESS_TOKEN_EXPIRES_AT. It takes the place of evergrant.
///
/// A token lives an hour. For a program that runs longer, --token-file keeps one that works in a file: the program
/// reads it anew for each of its requests. evergrant then stays, passes signals on and removes the file at the end.
#[derive(Debug, Args)]
#[command(
    after_long_help = EXAMPLES,
    override_usage = "evergrant exec <NAME> [OPTIONS] -- <PROGRAM> [ARG]..."
)]
pub(crate) struct ExecArgs {
    /// The connection
    pub(crate) name: ConnectionName,
    /// Want the token to live this long at least, up to nine tenths of its life [default: 5m, at most a quarter of its life]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    pub(crate) min_valid: Option<Duration>,
    /// Keep a token that works in this file while the program runs; it finds the name in ZOHO_ACCESS_TOKEN_FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The program, and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

/// How long a renewal may take that is under way when the program ends.
const LAST_WORD: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  evergrant exec acme -- ./import.sh
  evergrant exec acme --token-file /run/user/1000/acme.token -- ./worker

Exit codes: the program's own, 128 and the signal that ended it; 125 no token, 126 cannot be run, 127 not there";

/// Runs the command.
pub(crate) fn run(args: &ExecArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let program = Program::of(&args.program)?;
    match &args.token_file {
        None => {
            let token = lifecycle::run(async {
                let broker = broker(args, context).await?;
                let token = token(args, &broker, context).await?;
                // Nothing of the vault is left open for the program to inherit, or half done.
                broker.vault().vault().close().await;
                Ok(token)
            })?;
            let command = child::command(&program, &token, None, context)?;
            Err(start::in_our_place(command))
        }
        Some(path) => {
            let file = TokenFile::at(path)?;
            context.exit_code = lifecycle::run(beside(args, &program, file, context))?;
            Ok(())
        }
    }
}

/// Runs the program beside this process, which keeps the token in the file; returns its exit code.
async fn beside(
    args: &ExecArgs,
    program: &Program<'_>,
    mut file: TokenFile,
    context: &mut Context<'_>,
) -> Result<u8, CliError> {
    let broker = broker(args, context).await?;
    let token = token(args, &broker, context).await?;
    // From here on no signal ends this process and leaves the file behind.
    let mut signals = Signals::listen()?;
    file.write(token.access_token())
        .map_err(|error| file.unwritable(&error))?;
    let command = child::command(program, &token, Some(file.path()), context)?;
    let mut child = start::beside_us(command)?;
    let renewal = Renewal {
        broker: &broker,
        name: &args.name,
        min_valid: args.min_valid,
        file: &mut file,
        output: &mut context.output,
    };
    let exit_code = tokio::select! {
        exit_code = child::wait(&mut child, &mut signals) => exit_code,
        never = renewal.run(token) => match never {},
    };
    // The program has ended: nobody waits for long.
    let _ = tokio::time::timeout(LAST_WORD, broker.finish()).await;
    exit_code
}

async fn broker(args: &ExecArgs, context: &Context<'_>) -> Result<Broker, CliError> {
    let broker = context.broker(&args.http).await?;
    broker.ok_or_else(|| not_found(&args.name))
}

/// Gets the first token, and warns of what is to be known about it.
async fn token(
    args: &ExecArgs,
    broker: &Broker,
    context: &mut Context<'_>,
) -> Result<Token, CliError> {
    let wanted = Wanted {
        min_valid: args.min_valid,
        ..Wanted::default()
    };
    let token = match broker.token(&args.name, &wanted).await {
        Ok(token) => token,
        Err(error) => return Err(explain(&error, &args.name, broker).await),
    };
    for found in token.warnings() {
        context.output.warn(&warning(found, &args.name));
    }
    Ok(token)
}
