//! `evergrant callers rotate`: new credentials, the old ones for a while longer.

use std::time::Duration;

use clap::Args;
use evergrant::{
    caller::{self, CallerName, Rotation},
    vault::UnlockedVault,
};

use super::{
    add::tell,
    explain::explain,
    open,
    settings::{Format, Settings, check_taken},
    warnings::{warn_of_expired, warn_of_revoked},
};
use crate::{
    cli::{Context, error::CliError, time::span, vault::rng},
    duration,
};

/// Make a new client secret and new handles for a caller, and print its settings
///
/// The client ID stays. What the caller has now works for the overlap, in any mixture with the new. While what an
/// earlier rotation left over still works, another is refused unless --force or --overlap 0 ends it. A handle that was
/// revoked stays so: `callers connect` makes a new one.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant callers rotate nightly-sync > settings.json
  evergrant callers rotate nightly-sync --overlap 0      the old credentials are dead at once")]
pub(crate) struct RotateArgs {
    /// The caller
    pub(crate) name: CallerName,
    /// How long the old credentials still work; a year at most
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "24h",
        value_parser = duration::parse,
        allow_hyphen_values = true
    )]
    pub(crate) overlap: Duration,
    /// End what an earlier rotation left over before its time
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the settings in this form: `variables` unless you say otherwise
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
}

/// Runs the command.
pub(super) async fn run(args: &RotateArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let name = &args.name;
    check_taken(context)?;
    let (vault, found) = open(name, context).await?;
    let working = |own: &&caller::CallerConnection| own.revoked_at.is_none() && !own.is_removed;
    let count = found.connections.iter().filter(working).count();
    let format = Format::choose(args.format, count, context)?;
    let rotation = Rotation {
        overlap: args.overlap,
        force: args.force,
    };
    let issued = caller::rotate(&vault, name, rotation, &mut rng()).await;
    let issued = issued.map_err(|error| explain(&error))?;
    let settings = Settings::new(issued, vault.vault(), context).await?;
    let text = settings.text(format, vault.vault()).await?;
    if let Err(error) = context.output.hand_over(&text) {
        return Err(taken_back(error, name, &vault).await);
    }
    tell(&settings, name, context)?;
    warn_of_expired(&settings.caller, vault.vault().now(), context);
    warn_of_revoked(&settings.caller, context);
    context.output.note(&match args.overlap {
        Duration::ZERO => format!("{name}: the credentials before are dead"),
        overlap => format!(
            "{name}: the credentials before work for another {}",
            span(overlap)
        ),
    });
    vault.vault().close().await;
    Ok(())
}

/// Goes back to the credentials before, since the new ones reached nobody.
async fn taken_back(error: CliError, name: &CallerName, vault: &UnlockedVault) -> CliError {
    let again = format!("evergrant callers rotate {name}     once standard output takes it");
    match caller::undo_rotation(vault, name).await {
        Ok(()) => error
            .cause(format!("the new credentials of {name} reached nobody, so those before stay"))
            .next(again),
        Err(failed) => error
            .cause(format!("the new credentials of {name} reached nobody, and those before could not be put back: {failed}"))
            .next(again),
    }
}
