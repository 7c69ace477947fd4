//! `evergrant connections`: what the vault holds.

mod add;
mod import;
mod not_added;
pub(crate) mod shown;
mod verify;

use clap::{Args, Subcommand};
use evergrant::{
    caller,
    connection::{self, ChangeError, ConnectionName, State},
    vault::{UnlockedVault, Vault},
};
use serde::Serialize;
use zoho_oauth::ApiDomain;

use self::shown::{Shown, for_people};
use super::{
    Context,
    error::CliError,
    exchange::run::not_found,
    output::table,
    recover,
    vault::{self, rng},
};
use crate::{
    inputs::{given::api_domain_of, prompter::Prompter},
    lifecycle,
};

/// Show and change the connections in the vault
#[derive(Debug, Args)]
pub(crate) struct ConnectionsArgs {
    #[command(subcommand)]
    pub(crate) command: ConnectionsCommand,
}

/// What can be done with connections.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// List all connections
    List,
    /// Show one connection; never its secrets
    Show {
        /// The connection
        name: ConnectionName,
    },
    /// Change a setting of a connection
    #[command(
        after_long_help = "Examples:\n  evergrant connections set acme --api-domain https://www.zohoapis.eu"
    )]
    Set {
        /// The connection
        name: ConnectionName,
        /// The API domain that its access tokens are sent to
        #[arg(long, value_name = "URL", required = true)]
        api_domain: String,
        /// Allow an API domain that is none of Zoho's
        #[arg(long)]
        custom_api_domain: bool,
    },
    /// Give a connection another name
    Rename {
        /// The connection
        name: ConnectionName,
        /// Its new name
        new_name: ConnectionName,
    },
    Import(Box<import::ImportArgs>),
    Add(Box<add::AddArgs>),
    /// Remove a connection from the vault; at Zoho its refresh token stays valid unless you revoke it first
    Remove {
        /// The connection
        name: ConnectionName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
pub(crate) fn run(args: &ConnectionsArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(async {
        match &args.command {
            ConnectionsCommand::List => list(context).await,
            ConnectionsCommand::Show { name } => show(name, context).await,
            ConnectionsCommand::Set {
                name,
                api_domain,
                custom_api_domain,
            } => set(name, api_domain, *custom_api_domain, context).await,
            ConnectionsCommand::Rename { name, new_name } => rename(name, new_name, context).await,
            ConnectionsCommand::Import(args) => import::run(args, context).await,
            ConnectionsCommand::Add(args) => add::run(args, context).await,
            ConnectionsCommand::Remove { name, yes } => remove(name, *yes, context).await,
        }
    })
}

async fn list(context: &mut Context<'_>) -> Result<(), CliError> {
    let Some(vault) = context.vault().await? else {
        return context.output.result::<[Shown; 0]>(&[], |_| nothing_yet());
    };
    let limits = context.config()?.limits.0;
    let found = connection::list_within(&vault, &limits)
        .await
        .map_err(|error| vault::explain(&error))?;
    let shown: Vec<Shown> = found.iter().map(|one| Shown::new(one, &limits)).collect();
    context
        .output
        .result(&shown, |shown| match shown.as_slice() {
            [] => nothing_yet(),
            shown => {
                let row = |one: &Shown| {
                    let center = one.data_center.unwrap_or("-").to_owned();
                    [
                        one.name.clone(),
                        one.state.to_owned(),
                        center,
                        one.scopes.join(","),
                    ]
                };
                table(
                    ["name", "state", "center", "scopes"],
                    &shown.iter().map(row).collect::<Vec<_>>(),
                )
            }
        })?;
    recover::mention(&vault, context).await
}

fn nothing_yet() -> String {
    "no connection yet; make one: evergrant exchange NAME\n".to_owned()
}

async fn show(name: &ConnectionName, context: &mut Context<'_>) -> Result<(), CliError> {
    let Some(vault) = context.vault().await? else {
        return Err(not_found(name));
    };
    let limits = context.config()?.limits.0;
    let found = connection::find_within(&vault, name, &limits)
        .await
        .map_err(|error| vault::explain(&error))?;
    let found = found.ok_or_else(|| not_found(name));
    if let Ok(found) = &found {
        context
            .output
            .result(&Shown::new(found, &limits), for_people)?;
    }
    recover::mention(&vault, context).await?;
    found.map(drop)
}

async fn set(
    name: &ConnectionName,
    api_domain: &str,
    custom: bool,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    ApiDomain::parse(api_domain).map_err(|error| {
        CliError::config("invalid_api_domain", "this is no API domain")
            .cause(error)
            .next("give it as https://www.zohoapis.eu")
    })?;
    let vault = context
        .existing_vault()
        .await?
        .ok_or_else(|| not_found(name))?;
    let found = connection::find(vault.vault(), name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let accounts_domain = found.as_ref().map(|found| &found.accounts_domain);
    let api_domain = api_domain_of(api_domain, custom, accounts_domain)?;
    let changed = connection::set_api_domain(&vault, name, &api_domain, &mut rng()).await;
    let note = format!("{name}: access tokens go to {api_domain}");
    done(changed, &vault, name, &note, context).await
}

async fn rename(
    name: &ConnectionName,
    new_name: &ConnectionName,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let vault = context
        .existing_vault()
        .await?
        .ok_or_else(|| not_found(name))?;
    let changed = connection::rename(&vault, name, new_name).await;
    done(
        changed,
        &vault,
        new_name,
        &format!("{name} is now {new_name}"),
        context,
    )
    .await
}

async fn remove(
    name: &ConnectionName,
    yes: bool,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let closed = context.vault().await?.ok_or_else(|| not_found(name))?;
    let found = connection::find(&closed, name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let found = found.ok_or_else(|| not_found(name))?;
    let callers = callers_of(name, &closed).await?;
    closed.close().await;
    let among = among_them(&callers);
    let question = format!("Remove {name}? Programs that use it stop working{among}.");
    if !yes && !confirmed(&question, context)? {
        return Ok(());
    }
    let vault = context
        .existing_vault()
        .await?
        .ok_or_else(|| not_found(name))?;
    let removed = connection::remove(&vault, name).await;
    removed.map_err(|error| not_changed(&error))?;
    context.output.note(&match found.state {
        State::Revoked => format!("{name}: removed"),
        _ => format!("{name}: removed; at Zoho its refresh token stays valid and keeps its place"),
    });
    if let Some(callers) = naming(&callers) {
        let note = format!("{name}: its handles work no longer: those of {callers}");
        context.output.note(&note);
    }
    let removed = Removed {
        connection: name.as_str(),
        outcome: "removed",
        callers,
    };
    if context.output.is_json() {
        context.output.result(&removed, |_| String::new())?;
    }
    vault.vault().close().await;
    Ok(())
}

/// Lists the callers that have a handle of a connection.
pub(super) async fn callers_of(
    name: &ConnectionName,
    vault: &Vault,
) -> Result<Vec<String>, CliError> {
    let callers = caller::list(vault).await;
    let callers = callers.map_err(|error| vault::explain(&error))?;
    let has = |caller: &caller::Caller| {
        let mut own = caller.connections.iter();
        own.any(|own| own.connection == *name && !own.is_removed && own.revoked_at.is_none())
    };
    let having = callers.iter().filter(|caller| has(caller));
    Ok(having.map(|caller| caller.name.to_string()).collect())
}

/// Goes on after who stops working: names the callers among them, if there are any.
pub(super) fn among_them(callers: &[String]) -> String {
    naming(callers).map_or(String::new(), |callers| format!(", among them {callers}"))
}

fn naming(callers: &[String]) -> Option<String> {
    match callers {
        [] => None,
        [one] => Some(format!("the caller {one}")),
        several => Some(format!("the callers {}", several.join(", "))),
    }
}

fn name_taken(name: &ConnectionName) -> CliError {
    CliError::config("name_taken", format!("the name {name} is taken"))
        .next("choose another name; `evergrant connections list` shows those there are")
        .connection(name.as_str())
}

/// Asks a person for a yes; without a terminal that takes `--yes`.
pub(super) fn confirmed(question: &str, context: &mut Context<'_>) -> Result<bool, CliError> {
    let Some(mut terminal) = context.prompter() else {
        return Err(CliError::usage(
            "not_confirmed",
            "without a terminal, nobody can be asked for a yes",
        )
        .cause(format!("the question is: {question}"))
        .next("--yes says yes to it"));
    };
    let agreed = terminal.confirm(question).map_err(|error| {
        CliError::usage("not_confirmed", "the question was not answered")
            .cause(error)
            .next("give --yes")
    })?;
    if !agreed {
        context.output.note("nothing was done");
    }
    Ok(agreed)
}

/// The object of `remove --json`.
#[derive(Serialize)]
struct Removed<'a> {
    connection: &'a str,
    outcome: &'static str,
    /// The callers that had a handle of it.
    callers: Vec<String>,
}

fn not_changed(error: &ChangeError) -> CliError {
    match error {
        ChangeError::NotFound(name) => not_found(name),
        ChangeError::NameTaken(name) => name_taken(name),
        ChangeError::Vault(error) => vault::explain(error),
        _ => vault::explain_other(error),
    }
}

async fn done(
    changed: Result<(), ChangeError>,
    vault: &UnlockedVault,
    name: &ConnectionName,
    note: &str,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    changed.map_err(|error| not_changed(&error))?;
    context.output.note(note);
    if context.output.is_json() {
        let limits = context.config()?.limits.0;
        let found = connection::find_within(vault.vault(), name, &limits)
            .await
            .map_err(|error| vault::explain(&error))?;
        // Somebody may have removed it since.
        let found = found.ok_or_else(|| not_found(name))?;
        let shown = Shown::new(&found, &limits);
        context.output.result(&shown, |_| String::new())?;
    }
    vault.vault().close().await;
    Ok(())
}
