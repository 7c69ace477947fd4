//! `evergrant callers`: the programs that may have tokens of connections, as OAuth clients of Evergrant.

mod add;
mod adopt;
mod connect;
mod exchange_right;
mod explain;
mod limits;
mod revoke;
mod rotate;
mod settings;
mod shown;
mod warnings;

use clap::{Args, Subcommand};
use evergrant::{
    caller::{self, Caller, CallerName},
    vault::{UnlockedVault, Vault},
};

use self::{
    explain::not_found,
    shown::{Shown, for_people, row},
};
use super::{Context, error::CliError, output::table, vault};
use crate::lifecycle;

/// Show and change the programs that may have tokens, as OAuth clients of Evergrant
///
/// A caller refreshes at Evergrant as it would at Zoho. It has a client ID, a client secret and, in the place of a
/// refresh token, a handle for each of its connections. Zoho's own secrets never leave the vault for it. A proxied
/// caller gets tokens that work only at Evergrant's server; a direct one gets Zoho's own.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant callers add nightly-sync --connection acme > settings.json
  evergrant callers adopt legacy --connection acme --client-id 1000.ABC \\
      --client-secret-file secret --refresh-token-file token
  evergrant callers list
  evergrant callers connect nightly-sync --connection umbrella > umbrella.json
  evergrant callers rotate nightly-sync --overlap 24h > settings.json
  evergrant callers revoke nightly-sync")]
pub(crate) struct CallersArgs {
    #[command(subcommand)]
    pub(crate) command: CallersCommand,
}

/// What can be done with callers.
#[derive(Debug, Subcommand)]
pub(crate) enum CallersCommand {
    Add(Box<add::AddArgs>),
    Adopt(Box<adopt::AdoptArgs>),
    /// List the callers
    List {
        /// Those that were revoked, too
        #[arg(long)]
        all: bool,
    },
    /// Show one caller; its secrets cannot be shown again
    Show {
        /// The caller
        name: CallerName,
    },
    Connect(connect::ConnectArgs),
    Rotate(rotate::RotateArgs),
    Revoke(revoke::RevokeArgs),
}

/// Runs the command.
pub(crate) fn run(args: &CallersArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(async {
        match &args.command {
            CallersCommand::Add(args) => add::run(args, context).await,
            CallersCommand::Adopt(args) => adopt::run(args, context).await,
            CallersCommand::List { all } => list(*all, context).await,
            CallersCommand::Show { name } => show(name, context).await,
            CallersCommand::Connect(args) => connect::run(args, context).await,
            CallersCommand::Rotate(args) => rotate::run(args, context).await,
            CallersCommand::Revoke(args) => revoke::run(args, context).await,
        }
    })
}

async fn list(all: bool, context: &mut Context<'_>) -> Result<(), CliError> {
    let mut shown = Vec::new();
    if let Some(vault) = context.vault().await? {
        let found = match all {
            true => caller::list_all(&vault).await,
            false => caller::list(&vault).await,
        };
        let found = found.map_err(|error| vault::explain(&error))?;
        let all = Shown::all(&found, &vault).await;
        shown = all.map_err(|error| vault::explain(&error))?;
    }
    context
        .output
        .result(&shown, |shown| match shown.as_slice() {
            [] => {
                "no caller yet; add one: evergrant callers add NAME --connection NAME\n".to_owned()
            }
            shown => table(
                ["name", "state", "mode", "connections", "last used"],
                &shown.iter().map(row).collect::<Vec<_>>(),
            ),
        })
}

async fn show(name: &CallerName, context: &mut Context<'_>) -> Result<(), CliError> {
    let vault = context.vault().await?;
    let vault = vault.ok_or_else(|| not_found(name))?;
    let caller = find(name, &vault).await?;
    let shown = Shown::one(&caller, &vault).await;
    let shown = shown.map_err(|error| vault::explain(&error))?;
    context.output.result(&shown, for_people)
}

async fn find(name: &CallerName, vault: &Vault) -> Result<Caller, CliError> {
    let found = caller::find(vault, name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    found.ok_or_else(|| not_found(name))
}

/// Opens the vault with its keys and finds the caller in it.
async fn open(
    name: &CallerName,
    context: &Context<'_>,
) -> Result<(UnlockedVault, Caller), CliError> {
    let vault = context.existing_vault().await?;
    let vault = vault.ok_or_else(|| not_found(name))?;
    let caller = find(name, vault.vault()).await?;
    Ok((vault, caller))
}

/// Shows the caller with `--json`, and closes the vault.
async fn done(
    vault: &UnlockedVault,
    caller: &Caller,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    if context.output.is_json() {
        let shown = Shown::one(caller, vault.vault()).await;
        let shown = shown.map_err(|error| vault::explain(&error))?;
        context.output.result(&shown, |_| String::new())?;
    }
    vault.vault().close().await;
    Ok(())
}
