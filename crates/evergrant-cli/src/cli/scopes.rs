//! `evergrant scopes`: what a connection may do.

use clap::{Args, Subcommand};
use evergrant::connection::{self, ConnectionName};
use serde::Serialize;

use super::{Context, error::CliError, exchange::run::not_found, exit_code::Kind, vault};
use crate::{inputs::given::required_scopes, lifecycle};

/// Compare scopes
#[derive(Debug, Args)]
pub(crate) struct ScopesArgs {
    #[command(subcommand)]
    pub(crate) command: ScopesCommand,
}

/// What can be done with scopes.
#[derive(Debug, Subcommand)]
pub(crate) enum ScopesCommand {
    /// Check whether a connection has scopes; exit code 9 if one is missing
    #[command(after_long_help = "\
Examples:
  evergrant scopes check acme --require-scope ZohoCRM.modules.contacts.READ
  evergrant scopes check acme --require-scope @contacts-export,@products-import")]
    Check {
        /// The connection
        name: ConnectionName,
        /// The scopes or @bundles it needs
        #[arg(long, value_name = "SCOPES", required = true)]
        require_scope: Vec<String>,
    },
}

/// The object of `--json`.
#[derive(Serialize)]
struct Checked {
    connection: String,
    scopes: Vec<String>,
    required_scopes: Vec<String>,
    missing_scopes: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &ScopesArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let ScopesCommand::Check {
        name,
        require_scope,
    } = &args.command;
    lifecycle::run(check(name, require_scope, context))
}

async fn check(
    name: &ConnectionName,
    require_scope: &[String],
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let required = required_scopes(require_scope)?;
    let Some(vault) = context.vault().await? else {
        return Err(not_found(name));
    };
    let found = connection::find(&vault, name)
        .await
        .map_err(|error| vault::explain(&error))?;
    let scopes = found.ok_or_else(|| not_found(name))?.scopes;
    let missing = scopes.missing(&required);
    let words = |scopes: &zoho_oauth::Scopes| {
        scopes
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect()
    };
    let checked = Checked {
        connection: name.to_string(),
        scopes: words(&scopes),
        required_scopes: words(&required),
        missing_scopes: words(&missing),
    };
    if context.output.is_json() {
        context.output.result(&checked, |_| String::new())?;
    }
    if missing.is_empty() {
        context.output.note(&format!("{name}: no scope is missing"));
        return Ok(());
    }
    let list = missing.to_console_string();
    Err(CliError::new(
        Kind::ScopeMissing,
        "scope_missing",
        format!("{name} lacks scopes: {list}"),
    )
    .cause("a refresh cannot widen scopes: that takes a new grant token")
    .next(format!(
        "make a grant token with these scopes: {}",
        scopes.with(&required).to_console_string()
    ))
    .next(format!("evergrant exchange {name} --replace"))
    .connection(name.as_str()))
}
