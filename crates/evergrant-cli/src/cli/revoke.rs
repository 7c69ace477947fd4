//! `evergrant revoke`: a refresh token and all that was made from it dies at Zoho.

mod explain;
mod old;

use std::time::Duration;

use clap::Args;
use evergrant::{
    connection::{self, Connection, ConnectionName, State},
    revoke::{self, RevokeError, Revoked},
    vault::UnlockedVault,
};
use serde::Serialize;
use zoho_oauth::Transport;

use self::explain::{Subject, explain};
pub(crate) use self::old::old;
use super::{
    Context,
    connections::{among_them, callers_of, confirmed},
    error::CliError,
    exchange::{HttpArgs, RetryArgs, run::not_found},
    output::Warning,
    vault,
};
use crate::{http::HttpSettings, lifecycle};

/// Revoke a connection's refresh token at Zoho, and with it every access token
///
/// Refresh tokens that it had before, and that `exchange --replace` kept, are revoked too. The connection stays
/// in the vault until it is removed; `exchange --replace` gives it a new refresh token.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct RevokeArgs {
    /// The connection
    pub(crate) name: ConnectionName,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Revoke only the refresh tokens that the connection had before
    #[arg(long)]
    pub(crate) former: bool,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) retries: RetryArgs,
}

const EXAMPLES: &str = "\
Examples:
  evergrant revoke acme
  evergrant revoke acme --yes --json
  evergrant revoke acme --former           what `exchange acme --replace` replaced, and nothing else";

/// The object of `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    connection: &'a str,
    /// Null where only the former ones were to be revoked.
    outcome: Option<&'static str>,
    former_revoked: u32,
}

/// Runs the command.
pub(crate) fn run(args: &RevokeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(run_with(args, context))
}

async fn run_with(args: &RevokeArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let http = HttpSettings::resolve(&args.http, context.environment, &context.config()?.http)?;
    let (connection, callers) = find(&args.name, context).await?;
    if !args.yes && asks(args, &connection) && !confirmed(&question(args, &callers), context)? {
        return Ok(());
    }
    let vault = context.existing_vault().await?;
    let vault = vault.ok_or_else(|| not_found(&args.name))?;
    let sender = Sender {
        vault: &vault,
        transport: Transport::new(http.transport),
        max_retries: args.retries.max_retries.unwrap_or(http.max_retries),
        retry_delay: http.retry_delay,
    };
    let outcome = match args.former {
        true => None,
        false => Some(sender.revoke(&connection, context).await?),
    };
    let former_revoked = sender.revoke_former(&connection, outcome, context).await?;
    if context.output.is_json() {
        let answer = Answer {
            connection: connection.name.as_str(),
            outcome: outcome.map(word),
            former_revoked,
        };
        context.output.result(&answer, |_| String::new())?;
    }
    vault.vault().close().await;
    Ok(())
}

/// Finds the connection and the callers that have a handle of it.
async fn find(
    name: &ConnectionName,
    context: &Context<'_>,
) -> Result<(Connection, Vec<String>), CliError> {
    let Some(vault) = context.vault().await? else {
        return Err(not_found(name));
    };
    let found = connection::find(&vault, name).await;
    let found = found.map_err(|error| vault::explain(&error))?;
    let found = found.ok_or_else(|| not_found(name))?;
    Ok((found, callers_of(name, &vault).await?))
}

/// Says whether there is anything to ask: who revokes what is revoked harms nobody.
fn asks(args: &RevokeArgs, connection: &Connection) -> bool {
    args.former || connection.state != State::Revoked
}

fn question(args: &RevokeArgs, callers: &[String]) -> String {
    let name = &args.name;
    match args.former {
        true => format!(
            "Revoke the refresh tokens that {name} had before? Whoever uses one still stops working."
        ),
        false => {
            let among = among_them(callers);
            format!("Revoke {name} at Zoho? Programs that use it stop working, for good{among}.")
        }
    }
}

fn word(outcome: Revoked) -> &'static str {
    match outcome {
        Revoked::AtZoho => "revoked",
        Revoked::UnknownToZoho | Revoked::Before => "already_revoked",
    }
}

struct Sender<'a> {
    vault: &'a UnlockedVault,
    transport: Transport,
    max_retries: u8,
    retry_delay: Duration,
}

impl Sender<'_> {
    async fn revoke(
        &self,
        connection: &Connection,
        context: &mut Context<'_>,
    ) -> Result<Revoked, CliError> {
        let name = &connection.name;
        let mut retries = 0;
        let outcome = loop {
            match revoke::revoke(self.vault, &self.transport, name).await {
                Ok(outcome) => break outcome,
                Err(error) if self.waited(&error, &mut retries, context).await => {}
                Err(error) => return Err(explain(&error, &self.subject(connection, ""))),
            }
        };
        let text = match outcome {
            Revoked::AtZoho => {
                "revoked at Zoho: its refresh token and access tokens work no longer"
            }
            Revoked::UnknownToZoho => "revoked",
            Revoked::Before => "was revoked before, nothing was sent for it",
        };
        context.output.note(&format!("{name}: {text}"));
        if outcome == Revoked::UnknownToZoho {
            let host = connection.accounts_domain.host();
            let text = format!(
                "{host} does not know the refresh token of {name}: it was revoked before, or pushed out by newer ones"
            );
            context.output.warn(&Warning::new("unknown_token", text));
        }
        Ok(outcome)
    }

    async fn revoke_former(
        &self,
        connection: &Connection,
        outcome: Option<Revoked>,
        context: &mut Context<'_>,
    ) -> Result<u32, CliError> {
        let (name, mut revoked, mut retries) = (&connection.name, 0, 0);
        let failed = |error: &RevokeError| explain(error, &self.subject(connection, " --former"));
        let left = loop {
            let former = revoke::revoke_former(self.vault, &self.transport, &connection.id).await;
            let former = former.map_err(|error| failed(&error))?;
            revoked += former.revoked;
            match former.error {
                None => break None,
                Some(error) if self.waited(&error, &mut retries, context).await => {}
                Some(error) => break Some((former.left, error)),
            }
        };
        if revoked > 0 || (outcome.is_none() && left.is_none()) {
            context.output.note(&format!("{name}: {}", amount(revoked)));
        }
        let Some((left, error)) = left else {
            return Ok(revoked);
        };
        let itself = outcome.map(|_| format!("{name} itself is revoked; "));
        let itself = itself.unwrap_or_default();
        Err(failed(&error).cause(format!(
            "{itself}of the refresh tokens that it had before, {left} may still work"
        )))
    }

    /// Waits if it may help to try again, and says whether it did.
    async fn waited(
        &self,
        error: &RevokeError,
        retries: &mut u32,
        context: &mut Context<'_>,
    ) -> bool {
        if !error.is_transient() || *retries >= u32::from(self.max_retries) {
            return false;
        }
        let after = delay(self.retry_delay, *retries);
        *retries += 1;
        let (attempt, seconds) = (*retries + 1, after.as_secs_f32());
        let note = format!("{error}; attempt {attempt} in {seconds:.1} s");
        context.output.note(&note);
        tokio::time::sleep(after).await;
        true
    }

    fn subject<'a>(&self, connection: &'a Connection, option: &'static str) -> Subject<'a> {
        Subject {
            name: &connection.name,
            option,
            now: self.vault.vault().now(),
        }
    }
}

/// Returns how long to wait before the next retry: twice as long each time.
fn delay(first: Duration, retries: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(retries))
}

/// Says how many former refresh tokens were revoked.
fn amount(revoked: u32) -> String {
    match revoked {
        0 => "no former refresh token was to be revoked".to_owned(),
        1 => "1 former refresh token is revoked".to_owned(),
        _ => format!("{revoked} former refresh tokens are revoked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_as_long_and_none_is_too_long_to_be_one() {
        let first = Duration::from_millis(500);
        let waits = [0, 1, 2].map(|retries| delay(first, retries).as_millis());
        assert_eq!(waits, [500, 1000, 2000]);
        assert!(delay(first, 32) >= delay(first, 31));
        assert_eq!(delay(Duration::MAX, 1), Duration::MAX);
    }
}
