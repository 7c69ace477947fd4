//! `evergrant status`: how the connections are, for people and as a monitoring check.

use clap::Args;
use evergrant::{
    clock::Timestamp,
    connection::{self, Connection, ConnectionName, State},
    vault::Vault,
};

use super::{
    Context,
    broker::causes_of_death,
    connections::shown::{Shown, for_people},
    error::CliError,
    exchange::run::not_found,
    exit_code::Kind,
    output::table,
    recover,
    time::span,
    vault,
};
use crate::lifecycle;

/// Show how the connections are; the exit code makes it a monitoring check
///
/// Reads the vault and asks nobody. Exit code 4 if a connection needs a new grant, 3 if Zoho refuses its app, 6 if
/// it is throttled, 7 if Zoho could not be reached when last tried; of several, the first of these.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant status
  evergrant status acme
  evergrant status --json | jq -r '.[] | select(.state != \"healthy\").name'")]
pub(crate) struct StatusArgs {
    /// One connection only, with its history
    pub(crate) name: Option<ConnectionName>,
}

/// Runs the command. The report is printed whatever it says.
pub(crate) fn run(args: &StatusArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(async {
        let vault = context.vault().await?;
        let found = match (&vault, &args.name) {
            (None, None) => Vec::new(),
            (None, Some(name)) => return Err(not_found(name)),
            (Some(vault), None) => list(vault).await?,
            (Some(vault), Some(name)) => vec![find(vault, name).await?],
        };
        let limits = context.config()?.limits.0;
        let shown: Vec<Shown> = found.iter().map(|one| Shown::new(one, &limits)).collect();
        let now = vault.as_ref().map(Vault::now);
        let details = match (&args.name, &vault) {
            (Some(name), Some(vault)) => details(name, &found, vault).await?,
            _ => String::new(),
        };
        context
            .output
            .result(&shown, |shown| match shown.as_slice() {
                [] => "no connection yet; make one: evergrant exchange NAME\n".to_owned(),
                [one] if args.name.is_some() => for_people(one) + &details,
                shown => overview(shown, &found, now.unwrap_or(Timestamp::from_millis(0))),
            })?;
        if let Some(vault) = &vault {
            recover::mention(vault, context).await?;
        }
        verdict(&found)
    })
}

async fn list(vault: &Vault) -> Result<Vec<Connection>, CliError> {
    let found = connection::list(vault).await;
    found.map_err(|error| vault::explain(&error))
}

async fn find(vault: &Vault, name: &ConnectionName) -> Result<Connection, CliError> {
    let found = connection::find(vault, name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    found.ok_or_else(|| not_found(name))
}

fn overview(shown: &[Shown], found: &[Connection], now: Timestamp) -> String {
    let row = |(shown, found): (&Shown, &Connection)| {
        let token = match found.access_token_expires_at {
            Some(at) => format!("{} left", span(now.until(at))),
            None => "none".to_owned(),
        };
        let refreshes = format!("{} of {}", shown.refreshes.used, shown.refreshes.limit);
        let retry = shown.retry_at.clone().unwrap_or_default();
        [
            shown.name.clone(),
            shown.state.to_owned(),
            token,
            refreshes,
            retry,
        ]
    };
    let rows: Vec<_> = shown.iter().zip(found).map(row).collect();
    table(
        ["name", "state", "access token", "refreshes", "next at"],
        &rows,
    )
}

/// What one connection has to tell besides: living tokens, and why its refresh token may be dead.
async fn details(
    name: &ConnectionName,
    found: &[Connection],
    vault: &Vault,
) -> Result<String, CliError> {
    let mut text = String::new();
    for connection in found {
        text += &format!("{:<16}{}\n", "living tokens", connection.live_tokens);
        if connection.state == State::NewGrantNeeded {
            for (number, cause) in causes_of_death(name, vault).await.into_iter().enumerate() {
                let label = if number == 0 { "likely causes" } else { "" };
                text += &format!("{label:<16}{cause}\n");
            }
        }
    }
    Ok(text)
}

/// Turns what is worst into the exit code.
fn verdict(found: &[Connection]) -> Result<(), CliError> {
    let alarms: [(State, Kind, &str, &str); 4] = [
        (
            State::NewGrantNeeded,
            Kind::NewGrantNeeded,
            "new_grant_needed",
            "needs a new grant",
        ),
        (
            State::AppRefused,
            Kind::Config,
            "app_refused",
            "is refused by Zoho with its app",
        ),
        (
            State::Throttled,
            Kind::Throttled,
            "throttled",
            "is throttled",
        ),
        (
            State::Failing,
            Kind::Unavailable,
            "failing",
            "could not be refreshed when last tried",
        ),
    ];
    for (state, kind, reason, what) in alarms {
        let mut names = found.iter().filter(|one| one.state == state);
        let Some(first) = names.next() else { continue };
        let others = names.count();
        let message = match others {
            0 => format!("{} {what}", first.name),
            others => format!("{} {what}, and {others} more", first.name),
        };
        let error = CliError::new(kind, reason, message).connection(first.name.as_str());
        let error = match &first.state_reason {
            Some(reason) => error.cause(reason),
            None => error,
        };
        let error = match first.retry_at {
            Some(at) => error.retry_at(at),
            None => error,
        };
        return Err(match state {
            State::NewGrantNeeded => {
                error.next(format!("evergrant exchange {} --replace", first.name))
            }
            State::AppRefused => error.next(format!("evergrant apps show {}", first.client_id)),
            _ => error.next(format!("evergrant status {}", first.name)),
        });
    }
    Ok(())
}
