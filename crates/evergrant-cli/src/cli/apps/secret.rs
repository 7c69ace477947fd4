//! `evergrant apps secret`: a new client secret in, an old one out of use.

use clap::Subcommand;
use evergrant::{
    app::{self, AppEntry, SecretEntry, SecretId},
    vault::UnlockedVault,
};
use zoho_oauth::ClientSecret;

use super::{AppArgs, explain::explain, shown::Shown};
use crate::{
    cli::{
        Context, app_inputs::ClientSecretArgs, connections::confirmed, error::CliError,
        redact::hide_tokens, vault::rng,
    },
    inputs::{complete, given, prompter::Prompter},
};

/// What can be done with client secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Add a client secret; it is tried after those that Zoho accepted
    Add {
        #[command(flatten)]
        app: AppArgs,
        #[command(flatten)]
        secret: ClientSecretArgs,
    },
    /// Take a client secret out of use; the last one stays
    ///
    /// It asks before it retires the only one that Zoho accepted: what is left may be wrong.
    Retire {
        #[command(flatten)]
        app: AppArgs,
        /// What it is called, as `evergrant apps show` says; not the secret itself
        secret_id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs the command.
pub(super) async fn run(
    command: &SecretCommand,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    match command {
        SecretCommand::Add { app, secret } => add(app, secret, context).await,
        SecretCommand::Retire {
            app,
            secret_id,
            yes,
        } => retire(app, secret_id, *yes, context).await,
    }
}

async fn add(
    args: &AppArgs,
    secret: &ClientSecretArgs,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let (vault, app) = args.open(context).await?;
    let secret = read(secret, context)?;
    let added = app::add_secret(&vault, &app.id, &secret, &mut rng()).await;
    let added = added.map_err(|error| explain(&error))?;
    let (client_id, id) = (&app.client_id, &added.id);
    let mut note = if added.changed {
        format!("{client_id}: client secret {id} added")
    } else {
        format!("{client_id}: client secret {id} was there already")
    };
    match added.reopened {
        0 => {}
        1 => note += "; one connection whose app was refused may try again",
        count => note += &format!("; {count} connections whose app was refused may try again"),
    }
    done(&vault, &app, &note, context).await
}

/// Reads the secret by the same ways as an exchange does; at a hidden prompt, if nothing is given.
fn read(args: &ClientSecretArgs, context: &mut Context<'_>) -> Result<ClientSecret, CliError> {
    let children = context.environment_of_children()?;
    let (environment, stdin) = (context.environment, context.stdin.secret());
    let (given, warnings) = given::client_secret(args, environment, &children, stdin)?;
    for warning in &warnings {
        context.output.warn(warning);
    }
    let mut terminal = context.prompter();
    let prompter = terminal
        .as_mut()
        .map(|terminal| terminal as &mut dyn Prompter);
    complete::client_secret(given, prompter)
}

async fn retire(
    args: &AppArgs,
    secret_id: &str,
    yes: bool,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    // What is no id may be a secret: it is not repeated.
    let id: SecretId = secret_id.parse().map_err(|error| {
        CliError::usage("invalid_secret_id", "this is no id of a client secret")
            .cause(error)
            .next(format!(
                "evergrant apps show {}     lists the secrets by their ids",
                hide_tokens(&args.client_id)
            ))
    })?;
    let (vault, app) = args.open(context).await?;
    let question = format!(
        "{id} is the only client secret of {} that Zoho accepted so far. Retire it?",
        app.client_id
    );
    if leaves_only_untried(&app, &id) && !yes && !confirmed(&question, context)? {
        return Ok(());
    }
    let retired = app::retire_secret(&vault, &app.id, &id).await;
    retired.map_err(|error| explain(&error))?;
    let note = format!("{}: client secret {id} is out of use", app.client_id);
    done(&vault, &app, &note, context).await
}

/// Tells whether secrets are left without this one, and none that Zoho ever accepted. The last of all is
/// not retired anyway.
fn leaves_only_untried(app: &AppEntry, id: &SecretId) -> bool {
    let usable = app.secrets.iter().filter(|one| one.retired_at.is_none());
    let (this, others): (Vec<_>, Vec<_>) = usable.partition(|one| one.id == *id);
    let was_accepted = |one: &&SecretEntry| one.last_accepted_at.is_some();
    this.iter().any(was_accepted) && !others.is_empty() && !others.iter().any(was_accepted)
}

async fn done(
    vault: &UnlockedVault,
    app: &AppEntry,
    note: &str,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    context.output.note(note);
    if context.output.is_json() {
        let found = app::find(vault.vault(), &app.client_id, Some(&app.accounts_domain)).await;
        let found = found.map_err(|error| explain(&error))?;
        let shown = found.as_ref().map(Shown::from);
        context.output.result(&shown, |_| String::new())?;
    }
    vault.vault().close().await;
    Ok(())
}
