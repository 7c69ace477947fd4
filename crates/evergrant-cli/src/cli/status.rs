//! `evergrant status`: how the connections are, for people and as a monitoring check.

mod details;

use clap::Args;
use evergrant::{
    clock::Timestamp,
    connection::{self, Connection, ConnectionName, State},
    vault::Vault,
};

use self::details::Details;
use super::{
    Context,
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
        match (context.vault().await?, &args.name) {
            (None, Some(name)) => Err(not_found(name)),
            (None, None) => context.output.result::<[Shown; 0]>(&[], |_| nothing_yet()),
            (Some(vault), None) => all(&vault, context).await,
            (Some(vault), Some(name)) => one(&vault, name, context).await,
        }
    })
}

fn nothing_yet() -> String {
    "no connection yet; make one: evergrant exchange NAME\n".to_owned()
}

async fn all(vault: &Vault, context: &mut Context<'_>) -> Result<(), CliError> {
    let found = connection::list(vault).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let limits = context.config()?.limits.0;
    let shown: Vec<Shown> = found.iter().map(|one| Shown::new(one, &limits)).collect();
    context
        .output
        .result(&shown, |shown| match shown.is_empty() {
            true => nothing_yet(),
            false => overview(shown, &found, vault.now()),
        })?;
    recover::mention(vault, context).await?;
    verdict(&found)
}

async fn one(
    vault: &Vault,
    name: &ConnectionName,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let found = connection::find(vault, name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let found = found.ok_or_else(|| not_found(name))?;
    let limits = context.config()?.limits.0;
    let details = Details::of(vault, &found, &limits).await?;
    let text = |details: &[Details; 1]| for_people(&details[0].shown) + &details[0].for_people();
    context.output.result(&[details], text)?;
    recover::mention(vault, context).await?;
    verdict(&[found])
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
    let headings = ["name", "state", "access token", "refreshes", "next at"];
    table(headings, &rows)
}

/// What is an alarm, the worst first.
const ALARMS: [(State, Kind, &str, &str); 4] = [
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

/// Turns what is worst into the exit code.
fn verdict(found: &[Connection]) -> Result<(), CliError> {
    for (state, kind, reason, what) in ALARMS {
        let mut alarming = found.iter().filter(|one| one.state == state);
        let Some(first) = alarming.next() else {
            continue;
        };
        let name = &first.name;
        let message = match alarming.count() {
            0 => format!("{name} {what}"),
            others => format!("{name} {what}, and {others} more"),
        };
        let error = CliError::new(kind, reason, message).connection(name.as_str());
        let error = first.state_reason.iter().fold(error, CliError::cause);
        let error = first.retry_at.into_iter().fold(error, CliError::retry_at);
        return Err(error.next(match state {
            State::NewGrantNeeded => format!("evergrant exchange {name} --replace"),
            State::AppRefused => format!("evergrant apps show {}", first.client_id),
            _ => format!("evergrant status {name}"),
        }));
    }
    Ok(())
}
