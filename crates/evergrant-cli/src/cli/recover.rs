//! `evergrant recover`: finish what a crash or a full disk left in escrow.

use std::io::Read as _;

use clap::Args;
use evergrant::{
    exchange::{self, Fate, RecoverError, Recovered, Waiting},
    vault::{
        UnlockedVault, Vault,
        escrow::{ExchangeId, Phase},
    },
};
use serde::Serialize;

use super::{
    Context,
    error::CliError,
    exchange::answer,
    exit_code::Kind,
    output::{Warning, table},
    time::rfc3339,
    vault::{self, rng},
};
use crate::lifecycle;

/// Finish exchanges that were interrupted
///
/// A reply that reached this machine lies in escrow until the vault has it. Without options, every such reply is
/// brought to the vault.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant recover
  evergrant recover --list
  evergrant recover --discard 5f0e6c1b2a3d4e5f60718293a4b5c6d7")]
pub(crate) struct RecoverArgs {
    /// List what lies in escrow and change nothing
    #[arg(long, group = "action")]
    pub(crate) list: bool,
    /// Give up the exchange with this id
    #[arg(long, value_name = "ID", group = "action")]
    pub(crate) discard: Option<ExchangeId>,
    /// Read from standard input a sealed reply that an exchange printed because it could write it nowhere
    #[arg(long, group = "action")]
    pub(crate) paste: bool,
}

/// A pasted record is some hundred KiB long at the most.
const PASTED_LIMIT: u64 = 1024 * 1024;

/// One element of `--json`.
#[derive(Serialize)]
struct Row {
    id: String,
    connection: Option<String>,
    state: &'static str,
    at: Option<String>,
    outcome: Option<&'static str>,
}

impl Row {
    fn new(waiting: &Waiting, connection: Option<&str>, outcome: Option<&'static str>) -> Self {
        Self {
            id: waiting.id.to_string(),
            connection: connection.or(waiting.name.as_deref()).map(str::to_owned),
            state: waiting.phase.as_str(),
            at: waiting.at.map(rfc3339),
            outcome,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &RecoverArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(async {
        if args.list {
            return list(context).await;
        }
        if let Some(id) = args.discard {
            return discard(id, context).await;
        }
        let Some(vault) = context.existing_vault().await? else {
            return report(&[], context);
        };
        let mut rng = rng();
        let recovered = if args.paste {
            let text = pasted(context)?;
            exchange::recover_text(&vault, &text, &mut rng)
                .await
                .map(|one| vec![one])
        } else {
            exchange::recover(&vault, &mut rng).await
        };
        let recovered = recovered.map_err(|error| explain(&error))?;
        vault.vault().close().await;
        report(&recovered, context)
    })
}

async fn list(context: &mut Context<'_>) -> Result<(), CliError> {
    let waiting = match context.vault().await? {
        Some(vault) => exchange::waiting(&vault)
            .await
            .map_err(|error| explain(&error))?,
        None => Vec::new(),
    };
    let rows: Vec<Row> = waiting
        .iter()
        .map(|waiting| Row::new(waiting, None, None))
        .collect();
    context.output.result(&rows, |rows| match rows.as_slice() {
        [] => "nothing lies in escrow\n".to_owned(),
        rows => {
            let cells = rows.iter().map(|row| {
                let text = |value: &Option<String>| value.clone().unwrap_or_default();
                [
                    row.id.clone(),
                    text(&row.connection),
                    row.state.to_owned(),
                    text(&row.at),
                ]
            });
            table(
                ["id", "connection", "state", "at"],
                &cells.collect::<Vec<_>>(),
            )
        }
    })
}

async fn discard(id: ExchangeId, context: &mut Context<'_>) -> Result<(), CliError> {
    let Some(vault) = context.vault().await? else {
        return Err(explain(&RecoverError::NotFound));
    };
    let discarded = exchange::discard(&vault, id)
        .await
        .map_err(|error| explain(&error))?;
    vault.close().await;
    let row = Row::new(&discarded, None, Some("discarded"));
    context.output.note(&format!("{id}: given up"));
    if context.output.is_json() {
        context.output.result(&[row], |_| String::new())?;
    }
    Ok(())
}

fn pasted(context: &mut Context<'_>) -> Result<String, CliError> {
    let mut text = String::new();
    let read = (context.stdin.open())
        .take(PASTED_LIMIT)
        .read_to_string(&mut text);
    read.map_err(|error| {
        CliError::config("stdin_unreadable", "cannot read standard input")
            .cause(error)
            .next("evergrant recover --paste < FILE")
    })?;
    Ok(text)
}

/// Tells what became of every record.
fn report(recovered: &[Recovered], context: &mut Context<'_>) -> Result<(), CliError> {
    if recovered.is_empty() {
        context.output.note("nothing lies in escrow");
    }
    for one in recovered {
        context.output.note(&tell(one));
    }
    if context.output.is_json() {
        let rows: Vec<Row> = recovered.iter().map(row).collect();
        context.output.result(&rows, |_| String::new())?;
    }
    let stays = recovered.iter().find_map(|one| match &one.fate {
        Fate::Stays(error) => Some((one, error)),
        _ => None,
    });
    match stays {
        Some((one, error)) => Err(explain(error).cause(format!("record {}", one.waiting.id))),
        None => Ok(()),
    }
}

fn row(one: &Recovered) -> Row {
    let (connection, outcome) = match &one.fate {
        Fate::Settled => (one.waiting.name.as_deref(), "kept"),
        Fate::Kept(kept) => (
            kept.name
                .as_ref()
                .map(evergrant::connection::ConnectionName::as_str),
            "kept",
        ),
        Fate::Unknown | Fate::UnsentAfterLost => (None, "unknown"),
        Fate::Unsent => (None, "discarded"),
        _ => (None, "failed"),
    };
    Row::new(&one.waiting, connection, Some(outcome))
}

fn tell(one: &Recovered) -> String {
    let name = one.waiting.name.as_deref().unwrap_or("an exchange");
    match &one.fate {
        Fate::Kept(kept) => answer::for_people(kept, None),
        Fate::Settled => format!("{name}: was in the vault already"),
        Fate::Unsent => format!("{name}: nothing had been sent, the grant token was left whole"),
        Fate::UnsentAfterLost => format!(
            "{name}: nothing was sent this time, but the answer to an earlier try was lost: the fate of its grant token is unknown"
        ),
        Fate::Unknown => unknown(&one.waiting),
        Fate::Refused(error) => format!("{name}: Zoho's answer was a refusal: {}", error),
        Fate::Stays(error) => format!("{name}: stays in escrow: {error}"),
        _ => name.to_owned(),
    }
}

fn unknown(waiting: &Waiting) -> String {
    let name = waiting.name.as_deref().unwrap_or("an exchange");
    let id = waiting.id;
    if waiting.has_file {
        format!(
            "{name}: the request was sent and no answer is here: the fate of its grant token is unknown (evergrant recover --discard {id})"
        )
    } else {
        format!(
            "{name}: exchange {id} broke off, and its escrow file was removed by somebody: the fate of its grant token is unknown; make a new one"
        )
    }
}

/// Finishes what earlier exchanges left, before a new one begins, and says so.
pub(crate) async fn finish_earlier(
    vault: &UnlockedVault,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let recovered = exchange::recover(vault, &mut rng()).await;
    for one in recovered.map_err(|error| explain(&error))? {
        context.output.warn(&Warning::new("escrow", tell(&one)));
    }
    Ok(())
}

/// Says what lies in escrow, for commands that have no key at hand to finish it.
pub(crate) async fn mention(vault: &Vault, context: &mut Context<'_>) -> Result<(), CliError> {
    let waiting = exchange::waiting(vault)
        .await
        .map_err(|error| explain(&error))?;
    for one in waiting {
        let name = one.name.as_deref().unwrap_or("an exchange");
        let text = match one.phase {
            Phase::Replied => {
                format!("{name}: Zoho's reply lies in escrow; to finish it: evergrant recover")
            }
            // The mark of the request is not synced: after a restart only the sealed part tells.
            Phase::Prepared => format!(
                "{name}: an exchange broke off; whether its request had left is unknown until you run: evergrant recover"
            ),
            Phase::Sending if one.has_file => unknown(&one),
            // Nothing is left to be given up: it is enough to have read it once.
            Phase::Sending => format!("{} (noted by evergrant recover)", unknown(&one)),
        };
        context.output.warn(&Warning::new("escrow", text));
    }
    Ok(())
}

/// Says what to do when a record cannot be finished.
pub(crate) fn explain(error: &RecoverError) -> CliError {
    let of = |reason| {
        CliError::new(
            Kind::Vault,
            reason,
            format!("a record cannot be taken out of escrow: {error}"),
        )
    };
    match error {
        RecoverError::NotFound => CliError::config("no_such_record", "no such record waits in escrow")
            .next("evergrant recover --list"),
        RecoverError::NotARecord => CliError::config("not_a_record", "the text holds no escrow record")
            .next("paste all lines from BEGIN to END: evergrant recover --paste < FILE"),
        RecoverError::OtherVault => of("other_vault").next("run evergrant recover with the home of that vault"),
        RecoverError::Sealed(_) => of("sealed").next("put the master key back that was in use then, as a further [[master_key]] in config.toml"),
        RecoverError::Vault(error) => vault::explain(error),
        RecoverError::File(source) => of("unreadable").cause(source).next("see that the escrow folder is yours to read and write"),
        _ => of("unreadable").next("see that the escrow folder is yours to read and write"),
    }
}
