//! `evergrant callers revoke`: a program that gets no token any more.

use clap::Args;
use evergrant::caller::{self, CallerName, Mode};

use super::{done, explain::explain, open};
use crate::cli::{Context, connections::confirmed, error::CliError};

/// Revoke a caller with all that was issued to it; its connections stay as they are
///
/// A direct caller may still use the access token of Zoho's that it holds, for up to an hour.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant callers revoke nightly-sync
  evergrant callers revoke nightly-sync --yes --json")]
pub(crate) struct RevokeArgs {
    /// The caller
    pub(crate) name: CallerName,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Runs the command.
pub(super) async fn run(args: &RevokeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let name = &args.name;
    let (vault, _) = open(name, context).await?;
    let question = format!("Revoke the caller {name}? It gets no token any more, for good.");
    if !args.yes && !confirmed(&question, context)? {
        return Ok(());
    }
    let revoked = caller::revoke(&vault, name).await;
    let revoked = revoked.map_err(|error| explain(&error))?;
    let note = match revoked.mode {
        Mode::Proxied => format!("{name}: revoked"),
        Mode::Direct => format!(
            "{name}: revoked; an access token of Zoho's that it holds works for up to an hour"
        ),
    };
    done(&vault, &revoked, &note, context).await
}
