//! `evergrant callers add`: credentials for a program, printed once.

use clap::Args;
use evergrant::{
    caller::{self, Caller, CallerName, NewCaller},
    connection::ConnectionName,
    vault::UnlockedVault,
};

use super::{
    exchange_right::ExchangeRightArgs,
    explain::explain,
    limits::LimitArgs,
    settings::{Format, Settings, check_taken},
    warnings::warn_of_scopes,
};
use crate::cli::{
    Context, error::CliError, exchange::run::not_found, output::Warning, time::rfc3339, vault::rng,
};

/// Add a caller, and print what its software's settings take
///
/// The credentials are shown once: the vault keeps only keyed hashes of them. If standard output does not take them,
/// the caller is revoked again.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AddArgs {
    /// Its name
    pub(crate) name: CallerName,
    /// Let it have tokens of this connection; more than once for more
    #[arg(long = "connection", value_name = "NAME")]
    pub(crate) connections: Vec<ConnectionName>,
    /// Print the settings in this form: `variables` unless you say otherwise
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    exchange: ExchangeRightArgs,
}

const EXAMPLES: &str = "\
Examples:
  evergrant callers add nightly-sync --connection acme > settings.json
  evergrant callers add reader --connection acme --allow 'GET /crm/*/Contacts*' --expires 90d
  evergrant callers add sdk --connection acme --direct --format env > .env
  evergrant callers add onboarding --allow-exchange customer --app acme

AccountsDomain is [server] public_url of config.toml, or http://127.0.0.1:8470.";

/// Runs the command.
pub(super) async fn run(args: &AddArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let format = Format::choose(args.format, args.connections.len(), context)?;
    check_taken(context)?;
    let scopes = args.limits.scopes()?;
    let vault = context.existing_vault().await?;
    let vault = vault.ok_or_else(|| without_vault(args))?;
    let new = NewCaller {
        name: args.name.clone(),
        connections: args.connections.clone(),
        mode: args.limits.mode(),
        rules: args.limits.rules(),
        scopes,
        expires_at: args.limits.expires_at(vault.vault().now()),
        exchange: args
            .exchange
            .resolve(&args.connections, vault.vault())
            .await?,
    };
    let issued = caller::add(&vault, new, &mut rng()).await;
    let issued = issued.map_err(|error| explain(&error))?;
    let settings = Settings::new(issued, vault.vault(), context).await?;
    let text = settings.text(format, vault.vault()).await?;
    if let Err(error) = context.output.hand_over(&text) {
        return Err(taken_back(error, &args.name, &vault).await);
    }
    tell(&settings, &args.name, context)?;
    tell_end(&settings.caller, context);
    let (caller, connections) = (&settings.caller, &args.connections);
    warn_of_scopes(caller, connections, vault.vault(), context).await?;
    vault.vault().close().await;
    Ok(())
}

/// Revokes a caller whose credentials reached nobody.
async fn taken_back(error: CliError, name: &CallerName, vault: &UnlockedVault) -> CliError {
    let again = format!("evergrant callers add {name} …     once standard output takes it");
    match caller::revoke(vault, name).await {
        Ok(_) => error
            .cause(format!(
                "the credentials of {name} reached nobody, so it was revoked again"
            ))
            .next(again),
        Err(failed) => error
            .cause(format!(
                "the credentials of {name} reached nobody, and it could not be revoked: {failed}"
            ))
            .next(format!("evergrant callers revoke {name} --yes"))
            .next(again),
    }
}

/// Tells a person what to know about the settings.
pub(super) fn tell(
    settings: &Settings,
    name: &CallerName,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    for connection in settings.without_api_domain() {
        let message = format!(
            "{connection} has no API domain yet, so {name} has none in its settings: evergrant connections set {connection} --api-domain URL"
        );
        context.output.warn(&Warning::new("no_api_domain", message));
    }
    context.output.note(&format!(
        "{name}: these credentials are not shown again; keep them where only {name} reads them"
    ));
    if !context.config()?.server.is_named() {
        context.output.note(
            "they name this machine's own address; [server] public_url in config.toml names that which others reach",
        );
    }
    Ok(())
}

/// Tells a person from when on a caller is refused.
pub(super) fn tell_end(caller: &Caller, context: &mut Context<'_>) {
    if let Some(end) = caller.expires_at {
        let (name, end) = (&caller.name, rfc3339(end));
        context.output.note(&format!("{name}: expires at {end}"));
    }
}

fn without_vault(args: &AddArgs) -> CliError {
    match args.connections.first() {
        Some(name) => not_found(name),
        None => CliError::config("no_vault", "there is no vault yet")
            .next("an exchange makes it: evergrant exchange NAME"),
    }
}
