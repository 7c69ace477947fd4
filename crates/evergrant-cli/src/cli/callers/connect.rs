//! `evergrant callers connect`: one connection more for a caller, its handle printed once.

use clap::Args;
use evergrant::{
    caller::{self, CallerError, CallerName, Handle},
    connection::ConnectionName,
    vault::UnlockedVault,
};

use super::{
    add::tell,
    explain::explain,
    find, open,
    settings::{Format, Settings, check_taken},
    warnings::{warn_of_expired, warn_of_scopes},
};
use crate::cli::{Context, error::CliError, vault::rng};

/// Give a caller a handle for one connection more, and print the settings that go with it
///
/// Client ID and client secret stay as they are; the secret, which nobody can show again, is not printed. Where the
/// caller's handle for this connection was revoked, it gets a new one. What the caller may do is the same for each of
/// its connections. If standard output does not take the handle, it is revoked again.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant callers connect nightly-sync --connection umbrella > umbrella.json
  evergrant callers connect nightly-sync --connection acme --format env      after its handle was revoked")]
pub(crate) struct ConnectArgs {
    /// The caller
    pub(crate) name: CallerName,
    /// Let it have tokens of this connection too
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: ConnectionName,
    /// Print the settings in this form: `variables` unless you say otherwise
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
}

/// Runs the command.
pub(super) async fn run(args: &ConnectArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let (name, connection) = (&args.name, &args.connection);
    let format = Format::choose(args.format, 1, context)?;
    check_taken(context)?;
    let (vault, found) = open(name, context).await?;
    let made = caller::connect(&vault, &found.id, connection, &mut rng()).await;
    let handle = made.map_err(|error| refused(&error, name))?;
    let id = handle.id();
    let text = match settings(args, handle, &vault, context).await {
        Ok(settings) => (settings.text(format, vault.vault()).await).map(|text| (settings, text)),
        Err(error) => Err(error),
    };
    let printed = text.and_then(|(settings, text)| {
        context.output.hand_over(&text)?;
        Ok(settings)
    });
    let settings = match printed {
        Ok(settings) => settings,
        Err(error) => return Err(taken_back(error, args, id, &vault).await),
    };
    tell(&settings, name, context)?;
    let connections = std::slice::from_ref(connection);
    warn_of_scopes(&settings.caller, connections, vault.vault(), context).await?;
    warn_of_expired(&settings.caller, vault.vault().now(), context);
    let note = format!("{name}: its client secret stays as it is, and is not printed");
    context.output.note(&note);
    vault.vault().close().await;
    Ok(())
}

async fn settings(
    args: &ConnectArgs,
    handle: Handle,
    vault: &UnlockedVault,
    context: &Context<'_>,
) -> Result<Settings, CliError> {
    let caller = find(&args.name, vault.vault()).await?;
    let handles = vec![(args.connection.clone(), handle)];
    Settings::connected(caller, handles, vault.vault(), context).await
}

fn refused(error: &CallerError, name: &CallerName) -> CliError {
    let explained = explain(error);
    match error {
        CallerError::AlreadyConnected(_) => explained
            .next(format!("evergrant callers show {name}"))
            .next(format!(
                "new credentials, if they were lost: evergrant callers rotate {name}"
            )),
        _ => explained,
    }
}

/// Revokes a handle that reached nobody.
async fn taken_back(
    error: CliError,
    args: &ConnectArgs,
    id: caller::HandleId,
    vault: &UnlockedVault,
) -> CliError {
    let ConnectArgs {
        name, connection, ..
    } = args;
    let again = format!(
        "evergrant callers connect {name} --connection {connection}     once standard output takes it"
    );
    match caller::revoke_handle(vault, id).await {
        Ok(_) => error
            .cause(format!(
                "the handle of {name} for {connection} reached nobody, so it was revoked again; its other credentials stay"
            ))
            .next(again),
        Err(failed) => error
            .cause(format!(
                "the handle of {name} for {connection} reached nobody, and could not be revoked: {failed}"
            ))
            .next(format!("evergrant callers rotate {name}     makes it anew")),
    }
}
