//! `evergrant callers adopt`: software that goes on with the refresh token it has.

use clap::Args;
use evergrant::{
    caller::{self, Adoption, CallerName},
    connection::ConnectionName,
};

use super::{add::tell_end, done, explain::explain, limits::LimitArgs};
use crate::{
    cli::{
        Context,
        app_inputs::{ClientSecretArgs, RefreshTokenArgs},
        error::CliError,
        exchange::run::not_found,
        vault::rng,
    },
    inputs::{complete, given, prompter::Prompter},
};

/// Add a caller that is known by the refresh token it has, for software whose refresh token cannot be changed
///
/// Only its accounts domain and API domain change. What it holds is kept as keyed hashes, and need not be the
/// connection's: to Evergrant it is a password from now on, and at Zoho it stays what it was until it is revoked
/// there. What is not given is asked for at a terminal.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AdoptArgs {
    /// Its name
    pub(crate) name: CallerName,
    /// Let it have tokens of this connection
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: ConnectionName,
    /// The client ID that it has [env: ZOHO_CLIENT_ID]
    #[arg(long, value_name = "ID", help_heading = "Inputs")]
    pub(crate) client_id: Option<String>,
    #[command(flatten)]
    pub(crate) client_secret: ClientSecretArgs,
    #[command(flatten)]
    pub(crate) refresh_token: RefreshTokenArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

const EXAMPLES: &str = "\
Examples:
  evergrant callers adopt legacy --connection acme --client-id 1000.ABC \\
      --client-secret-file secret --refresh-token-file token
  evergrant callers adopt legacy --connection acme --direct       ask for the rest";

/// Runs the command.
pub(super) async fn run(args: &AdoptArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let (name, connection) = (&args.name, &args.connection);
    let scopes = args.limits.scopes()?;
    let credentials = read(args, context)?;
    let vault = context.existing_vault().await?;
    let vault = vault.ok_or_else(|| not_found(connection))?;
    let adoption = Adoption {
        name: name.clone(),
        connection: connection.clone(),
        client_id: credentials.client_id,
        client_secret: credentials.client_secret,
        refresh_token: credentials.refresh_token,
        mode: args.limits.mode(),
        rules: args.limits.rules(),
        scopes,
        expires_at: args.limits.expires_at(vault.vault().now()),
    };
    let adopted = caller::adopt(&vault, &adoption, &mut rng()).await;
    let adopted = adopted.map_err(|error| explain(&error))?;
    let url = context.config()?.server.public_url();
    let note = format!(
        "{name}: adopted; its accounts domain is {} from now on, its other credentials stay",
        url.as_str()
    );
    context.output.note(&note);
    tell_end(&adopted, context);
    done(&vault, &adopted, context).await
}

fn read(args: &AdoptArgs, context: &mut Context<'_>) -> Result<complete::Credentials, CliError> {
    let children = context.environment_of_children()?;
    let flags = given::credentials::Flags {
        client_id: &args.client_id,
        client_secret: &args.client_secret,
        refresh_token: &args.refresh_token,
    };
    let (environment, stdin) = (context.environment, context.stdin.secret());
    let (given, warnings) = given::credentials::collect(&flags, environment, &children, stdin)?;
    for warning in &warnings {
        context.output.warn(warning);
    }
    let mut terminal = context.prompter();
    let prompter = terminal
        .as_mut()
        .map(|terminal| terminal as &mut dyn Prompter);
    complete::credentials(given, prompter)
}
