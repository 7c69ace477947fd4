//! `evergrant apps`: the registered OAuth clients that connections belong to.

mod explain;
mod secret;
mod shown;

use clap::{Args, Subcommand};
use evergrant::{
    app::{self, AppEntry},
    vault::{UnlockedVault, Vault},
};
use zoho_oauth::{AccountsDomain, ClientId, CustomHosts};

use self::{
    explain::{explain, not_found},
    secret::SecretCommand,
    shown::{Shown, for_people},
};
use super::{Context, connections::confirmed, error::CliError, output::table, vault};
use crate::{
    inputs::{
        codes::DataCenterCode,
        given::{accounts_domain_of, secret_of},
    },
    lifecycle,
};

/// Show and change the apps that connections belong to, and their client secrets
///
/// An app comes into the vault by an exchange. When its client secret is renewed at Zoho, add the new one here, and
/// retire the old one when no program uses it any more.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant apps list
  evergrant apps secret add 1000.ABC --client-secret-file secret
  evergrant apps secret retire 1000.ABC 3f9a0c1e
  evergrant apps remove 1000.ABC --data-center eu")]
pub(crate) struct AppsArgs {
    #[command(subcommand)]
    pub(crate) command: AppsCommand,
}

/// What can be done with apps.
#[derive(Debug, Subcommand)]
pub(crate) enum AppsCommand {
    /// List all apps
    List,
    /// Show one app; its secrets only by what they are called
    Show {
        #[command(flatten)]
        app: AppArgs,
    },
    /// Remove an app that no connection uses, and its client secrets with it
    Remove {
        #[command(flatten)]
        app: AppArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Add and retire client secrets
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
}

/// Which app is meant.
#[derive(Debug, Args)]
pub(crate) struct AppArgs {
    /// The client ID of the app
    pub(crate) client_id: String,
    /// Its data center, where the client ID is registered at several
    #[arg(long, value_name = "CODE", value_parser = DataCenterCode, hide_possible_values = true, conflicts_with = "accounts_domain")]
    pub(crate) data_center: Option<String>,
    /// Its accounts domain instead of a data center, as URL or host
    #[arg(long, value_name = "URL")]
    pub(crate) accounts_domain: Option<String>,
}

impl AppArgs {
    fn client_id(&self) -> Result<ClientId, CliError> {
        secret_of(&self.client_id)
    }

    fn accounts_domain(&self) -> Result<Option<AccountsDomain>, CliError> {
        let text = self.data_center.as_deref();
        let text = text.or(self.accounts_domain.as_deref());
        // Nothing is sent there: it only picks a row.
        text.map(|text| accounts_domain_of(text, CustomHosts::Allowed))
            .transpose()
    }

    async fn find(&self, vault: &Vault) -> Result<AppEntry, CliError> {
        let (client_id, accounts_domain) = (self.client_id()?, self.accounts_domain()?);
        let found = app::find(vault, &client_id, accounts_domain.as_ref()).await;
        let found = found.map_err(|error| explain(&error))?;
        found.ok_or_else(|| self.not_found())
    }

    /// Opens the vault with its keys and finds the app in it.
    async fn open(&self, context: &Context<'_>) -> Result<(UnlockedVault, AppEntry), CliError> {
        let vault = context.existing_vault().await?;
        let vault = vault.ok_or_else(|| self.not_found())?;
        let app = self.find(vault.vault()).await?;
        Ok((vault, app))
    }

    fn not_found(&self) -> CliError {
        match (self.client_id(), self.accounts_domain()) {
            (Ok(client_id), Ok(domain)) => not_found(&client_id, domain.as_ref()),
            (Err(error), _) | (_, Err(error)) => error,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &AppsArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(async {
        match &args.command {
            AppsCommand::List => list(context).await,
            AppsCommand::Show { app } => show(app, context).await,
            AppsCommand::Remove { app, yes } => remove(app, *yes, context).await,
            AppsCommand::Secret { command } => secret::run(command, context).await,
        }
    })
}

async fn list(context: &mut Context<'_>) -> Result<(), CliError> {
    let apps = match context.vault().await? {
        Some(vault) => app::list(&vault)
            .await
            .map_err(|error| vault::explain(&error))?,
        None => Vec::new(),
    };
    let shown: Vec<Shown> = apps.iter().map(Shown::from).collect();
    context
        .output
        .result(&shown, |shown| match shown.as_slice() {
            [] => "no app yet; an exchange makes it: evergrant exchange NAME\n".to_owned(),
            shown => table(
                ["client ID", "accounts domain", "connections", "secrets"],
                &shown.iter().map(cells).collect::<Vec<_>>(),
            ),
        })
}

fn cells(app: &Shown) -> [String; 4] {
    [
        app.client_id.clone(),
        app.accounts_domain.clone(),
        app.connections.to_string(),
        app.usable_secrets().to_string(),
    ]
}

async fn show(app: &AppArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let vault = context.vault().await?;
    let vault = vault.ok_or_else(|| app.not_found())?;
    let found = app.find(&vault).await?;
    context.output.result(&Shown::from(&found), for_people)
}

async fn remove(args: &AppArgs, yes: bool, context: &mut Context<'_>) -> Result<(), CliError> {
    let (vault, app) = args.open(context).await?;
    let client_id = &app.client_id;
    let question = format!("Remove the app {client_id} and its client secrets?");
    if app.connections == 0 && !yes && !confirmed(&question, context)? {
        return Ok(());
    }
    let removed = app::remove(&vault, &app.id).await;
    removed.map_err(|error| explain(&error))?;
    vault.vault().close().await;
    let places = match app.places {
        0 => String::new(),
        1 => "; one refresh token of it stays valid at Zoho".to_owned(),
        places => format!("; {places} refresh tokens of it stay valid at Zoho"),
    };
    context
        .output
        .note(&format!("{client_id}: removed{places}"));
    if context.output.is_json() {
        context
            .output
            .result(&Shown::from(&app), |_| String::new())?;
    }
    Ok(())
}
