//! `evergrant token`: a valid access token, shared by every process that asks.

pub(crate) mod format;
mod server;

use std::time::Duration;

use clap::Args;
use evergrant::{
    Broker,
    broker::{Report, TokenWarning, Wanted},
    connection::ConnectionName,
};
use evergrant_server::{
    explain::{min_valid_too_long, not_believed, warning},
    shown::Token as Shown,
};
use zoho_oauth::AccessToken;

use self::format::Format;
use super::{
    Context,
    broker::{ask, explain},
    error::CliError,
    exchange::{HttpArgs, run::not_found},
    output::Warning,
    time::rfc3339,
};
use crate::{duration, inputs::read, lifecycle};

/// Print an access token that works, refreshing it only if that is needed
///
/// All processes share one access token: one of them refreshes it, the others wait for that. If Zoho refuses now,
/// a token that still works is printed with a warning.
///
/// A running server is asked by its Unix socket, which is faster than opening the vault: the one that EVERGRANT_SOCKET
/// names, that of the home, or the system's for whoever has no vault. EVERGRANT_SOCKET= asks none.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TokenArgs {
    /// The connection
    pub(crate) name: ConnectionName,
    /// Want it to live this long at least, up to nine tenths of its life [default: 5m, at most a quarter of its life]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    pub(crate) min_valid: Option<Duration>,
    /// Print it this way; `github` masks it and puts it into the environment of the job's next steps
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) format: Option<Format>,
    /// Fail rather than print a token that lives less long, or one that was reported as refused
    #[arg(long)]
    pub(crate) strict: bool,
    /// Refresh even if there is a token; uses the refreshes that are kept for people, so it wants a terminal or --reserve
    #[arg(long)]
    pub(crate) force_new: bool,
    /// Use the refreshes that are kept for people, although no person asks
    #[arg(long)]
    pub(crate) reserve: bool,
    /// Read from standard input a token that Zoho's API refused, and print another one, or the same with a warning if
    /// too many were reported
    #[arg(long, conflicts_with = "force_new")]
    pub(crate) rejected_stdin: bool,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
}

const EXAMPLES: &str = "\
Examples:
  evergrant token acme
  evergrant token acme --format header | curl -H @- https://www.zohoapis.eu/crm/v8/users
  eval \"$(evergrant token acme --format shell)\"
  evergrant token acme --min-valid 30m --json

Exit codes: 3 Zoho refuses the app, 4 a new grant is needed, 6 no refresh is left for now, 7 Zoho cannot be reached";

/// Runs the command.
pub(crate) fn run(args: &TokenArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    if args.force_new && !args.reserve && !context.attended {
        return Err(CliError::usage(
            "reserved",
            "--force-new uses up refreshes that are kept for people, and no person is here",
        )
        .next("give --reserve too, if this program may use them")
        .next("without --force-new a token that works is printed"));
    }
    let format = Format::choose(args.format, context)?;
    let rejected = match args.rejected_stdin {
        true => Some(rejected_token(context)?),
        false => None,
    };
    if args.may_come_from_a_server()
        && let Some(given) = server::ask(args, rejected.as_ref(), context)?
    {
        given
            .warnings()
            .iter()
            .for_each(|found| context.output.warn(found));
        return match given.token() {
            Some(token) => format.print(&token, context),
            None => Ok(()),
        };
    }
    lifecycle::run(async {
        let broker = context.broker(&args.http).await?;
        let broker = broker.ok_or_else(|| not_found(&args.name))?;
        let name = &args.name;
        if let Some(rejected) = &rejected {
            report(&broker, args, rejected, context).await?;
        }
        let wanted = Wanted {
            min_valid: args.min_valid,
            strict: args.strict,
            new: args.force_new,
            reserve: args.force_new || args.reserve,
        };
        let token = ask(&broker, name, &wanted, &mut context.output).await?;
        for found in token.warnings() {
            if let (true, TokenWarning::MinValidCut { wanted, cut_to }) = (args.strict, found) {
                return Err(min_valid_too_long((*wanted, *cut_to), name).into());
            }
            let found = warning(found, name);
            context.output.warn(&found);
        }
        format.print(&Shown::from(&token), context)
    })
}

fn rejected_token(context: &mut Context<'_>) -> Result<AccessToken, CliError> {
    let instead = "pipe the token in that Zoho's API refused, and nothing else";
    let text = read::secret_stdin(context.stdin.secret(), "--rejected-stdin", instead)?;
    text.parse().map_err(|error: zoho_oauth::InvalidSecret| {
        CliError::usage(
            "invalid_input",
            "what came on standard input is no access token",
        )
        .cause(error)
        .next(instead)
    })
}

async fn report(
    broker: &Broker,
    args: &TokenArgs,
    rejected: &AccessToken,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let name = &args.name;
    match broker.report_refused(name, rejected).await {
        Ok(report) => say(report, args, context),
        Err(error) => Err(explain(&error, name, broker).await),
    }
}

/// Says what became of a report.
fn say(report: Report, args: &TokenArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let name = &args.name;
    let message = match report {
        Report::Dropped => {
            context
                .output
                .note(&format!("{name}: the refused token is not given any more"));
            return Ok(());
        }
        Report::NotCurrent => {
            context.output.note(&format!(
                "{name}: the refused token had been replaced before"
            ));
            return Ok(());
        }
        Report::TooMany { believed_at } if args.strict => {
            return Err(not_believed(name, believed_at).into());
        }
        Report::TooMany { believed_at } => format!(
            "{name}: too many tokens were reported as refused, so the same one is given; the next report is \
             believed after {}. If somebody else refreshes with this refresh token, Zoho drops ours",
            rfc3339(believed_at)
        ),
        _ => format!("{name}: the token that was reported as refused is none of this connection"),
    };
    let code = match report {
        Report::TooMany { .. } => "too_many_reports",
        _ => "unknown_token",
    };
    context.output.warn(&Warning::new(code, message));
    Ok(())
}
