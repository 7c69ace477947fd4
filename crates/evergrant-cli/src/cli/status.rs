//! `evergrant status`: how the connections are, for people and as a monitoring check.

mod details;

use clap::Args;
use evergrant::{
    broker::{BrokerError, Limiter},
    clock::Timestamp,
    connection::{self, Connection, ConnectionName, State},
    vault::Vault,
};
use evergrant_server::explain::{no_token, unavailable};
use zoho_oauth::ErrorWord;

use self::details::Details;
use super::{
    Context,
    connections::shown::{Shown, for_people},
    error::CliError,
    exchange::run::not_found,
    exit_code::Kind,
    output::table,
    recover,
    time::{rfc3339, span},
    vault,
};
use crate::lifecycle;

/// Show how the connections are; the exit code makes it a monitoring check
///
/// Reads the vault and asks nobody. Exit code 4 if a connection needs a new grant, 3 if Zoho refuses its app, 6 if
/// it is throttled or has neither a token nor a refresh left, 7 if Zoho could not be reached when last tried; of
/// several, the first of these. One that was revoked is an alarm (4) only where it is named.
///
/// What was found last stays until somebody asks for a token again, however long ago it was: `next at` is `now` where
/// that may be done, and `evergrant token NAME` does it.
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
    let limits = context.config()?.limits.0;
    let found = connection::list_within(vault, &limits).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let shown: Vec<Shown> = found.iter().map(|one| Shown::new(one, &limits)).collect();
    context
        .output
        .result(&shown, |shown| match shown.is_empty() {
            true => nothing_yet(),
            false => overview(shown, &found, vault.now()),
        })?;
    recover::mention(vault, context).await?;
    // What a person revoked is as it should be.
    let alarming = found.iter().filter(|one| one.state != State::Revoked);
    verdict(&alarming.collect::<Vec<_>>(), vault).await
}

async fn one(
    vault: &Vault,
    name: &ConnectionName,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let limits = context.config()?.limits.0;
    let found = connection::find_within(vault, name, &limits).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let found = found.ok_or_else(|| not_found(name))?;
    let details = Details::of(vault, &found, &limits).await?;
    let text = |details: &[Details; 1]| for_people(&details[0].shown) + &details[0].for_people();
    context.output.result(&[details], text)?;
    recover::mention(vault, context).await?;
    verdict(&[&found], vault).await
}

fn overview(shown: &[Shown], found: &[Connection], now: Timestamp) -> String {
    let row = |(shown, found): (&Shown, &Connection)| {
        let token = match found.access_token_expires_at {
            Some(at) => format!("{} left", span(now.until(at))),
            None => "none".to_owned(),
        };
        let refreshes = format!("{} of {}", shown.refreshes.used, shown.refreshes.limit);
        let retry = match &shown.retry_at {
            None if found.state == State::Failing => "now".to_owned(),
            retry_at => retry_at.clone().unwrap_or_default(),
        };
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
const ALARMS: [State; 5] = [
    State::NewGrantNeeded,
    State::Revoked,
    State::AppRefused,
    State::Throttled,
    State::Failing,
];

/// Turns what is worst into the exit code, in the words in which whoever asks for a token is told.
async fn verdict(found: &[&Connection], vault: &Vault) -> Result<(), CliError> {
    for state in ALARMS {
        let mut alarming = found.iter().filter(|one| one.state == state);
        let Some(first) = alarming.next() else {
            continue;
        };
        let error = alarm(first, vault).await.connection(first.name.as_str());
        return Err(match alarming.count() {
            0 => error,
            1 => error.cause("another connection is in the same state"),
            others => error.cause(format!("{others} other connections are in the same state")),
        });
    }
    Ok(())
}

async fn alarm(one: &Connection, vault: &Vault) -> CliError {
    let (name, since) = (&one.name, one.state_since);
    let reason = one.state_reason.clone().unwrap_or_default();
    let error = match one.state {
        State::NewGrantNeeded => BrokerError::NewGrantNeeded { since },
        State::Revoked => BrokerError::Revoked { since },
        State::AppRefused => BrokerError::AppRefused {
            word: ErrorWord::of(&reason),
            since,
        },
        State::Throttled => BrokerError::Throttled {
            retry_at: one.retry_at.unwrap_or_else(|| vault.now()),
            by: one.throttled_by.unwrap_or(Limiter::Zoho),
        },
        _ => return failing(one, &reason),
    };
    no_token(&error, name, vault).await.into()
}

/// Says that the last refresh failed, and whether anybody may have found out since that the next one does not.
/// A token may live all the same.
fn failing(one: &Connection, reason: &str) -> CliError {
    let (name, since) = (&one.name, rfc3339(one.state_since));
    let message = format!("{name} could not be refreshed when last tried: failing since {since}");
    if one.retry_at.is_some() {
        return unavailable(message, reason, one.retry_at, name).into();
    }
    // A token that lives would be given without asking Zoho.
    let options = match one.access_token_expires_at {
        Some(_) => " --force-new",
        None => "",
    };
    CliError::new(Kind::Unavailable, "unavailable", message)
        .cause(reason)
        .cause("it may be tried again now, and may work: nobody has asked since")
        .next(format!("evergrant token {name}{options}     to try again"))
}
