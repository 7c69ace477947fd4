//! `evergrant callers revoke`: a program that gets no token any more.

mod now;

use clap::Args;
use evergrant::{
    caller::{self, Caller, CallerName, Mode},
    vault::{UnlockedVault, Vault},
};

use evergrant_server::time::rfc3339;

use self::now::Sender;
use super::{done, explain::explain, explain::not_found};
use crate::cli::{
    Context, connections::confirmed, error::CliError, exchange::HttpArgs, vault as cli_vault,
};

/// Revoke a caller with all that was issued to it; its connections stay as they are
///
/// A direct caller may still use the access token of Zoho's that it holds, for up to an hour, unless --now ends that
/// too.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant callers revoke nightly-sync
  evergrant callers revoke nightly-sync --yes --json
  evergrant callers revoke sdk --now       also after it was revoked without")]
pub(crate) struct RevokeArgs {
    /// The caller
    pub(crate) name: CallerName,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Have Zoho revoke the access tokens that a direct caller may hold, and get another for the connection: whoever
    /// else holds one has to ask again
    #[arg(long)]
    pub(crate) now: bool,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

/// Runs the command.
pub(super) async fn run(args: &RevokeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let name = &args.name;
    let sender = Sender::new(&args.http, context)?;
    let vault = context.existing_vault().await?;
    let vault = vault.ok_or_else(|| not_found(name))?;
    let found = match args.now {
        true => find_at_all(name, vault.vault()).await?,
        false => match find_at_all(name, vault.vault()).await? {
            found if found.revoked_at.is_some() => return Err(already_revoked(&found)),
            found => found,
        },
    };
    if !args.yes && !confirmed(&question(args, &found), context)? {
        return Ok(());
    }
    let revoked = match found.revoked_at {
        None => revoke(name, &vault).await?,
        Some(_) => found,
    };
    context.output.note(&match (revoked.mode, args.now) {
        (Mode::Direct, false) => {
            format!(
                "{name}: revoked; an access token of Zoho's that it holds works for up to an hour"
            )
        }
        _ => format!("{name}: revoked"),
    });
    if args.now && revoked.mode == Mode::Direct {
        sender.end_access_tokens(&revoked, &vault, context).await?;
    }
    done(&vault, &revoked, context).await
}

async fn revoke(name: &CallerName, vault: &UnlockedVault) -> Result<Caller, CliError> {
    let revoked = caller::revoke(vault, name).await;
    revoked.map_err(|error| explain(&error))
}

/// Finds a caller, or the one of this name that was revoked last.
async fn find_at_all(name: &CallerName, vault: &Vault) -> Result<Caller, CliError> {
    let all = caller::list_all(vault).await;
    let all = all.map_err(|error| cli_vault::explain(&error))?;
    let of_name = all.into_iter().filter(|caller| caller.name == *name);
    let last = of_name.max_by_key(|caller| (caller.revoked_at.is_none(), caller.revoked_at));
    last.ok_or_else(|| not_found(name))
}

fn already_revoked(found: &Caller) -> CliError {
    let name = &found.name;
    let when = found.revoked_at.map(rfc3339).unwrap_or_default();
    let message = format!("the caller {name} is already revoked, since {when}");
    let error = CliError::config("already_revoked", message)
        .next("evergrant callers list --all     shows it");
    match found.mode {
        Mode::Direct => error.next(format!(
            "evergrant callers revoke {name} --now     ends the access tokens that it may hold"
        )),
        Mode::Proxied => error,
    }
}

fn question(args: &RevokeArgs, found: &Caller) -> String {
    let name = &args.name;
    match args.now && found.mode == Mode::Direct {
        true => format!(
            "Revoke the caller {name}, and at Zoho the access tokens of its connections? Whoever else holds one has to ask again."
        ),
        false => format!("Revoke the caller {name}? It gets no token any more, for good."),
    }
}
