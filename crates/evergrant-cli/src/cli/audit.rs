//! `evergrant audit`: what was done, and whether somebody changed the record of it.

pub(crate) mod explain;
mod list;
mod since;

use clap::{Args, Subcommand};
use evergrant::audit::{self, Anchor, Since};
use evergrant_server::shown::AuditRow;
use serde::Serialize;

use self::{
    explain::{explain, nothing_to_verify},
    list::List,
    since::SinceArg,
};
use super::{Context, error::CliError, vault};
use crate::lifecycle;

/// Show what was done, or look whether the record of it was changed
///
/// Each row is chained to the one before by a keyed hash. With --verify every row is looked at, which needs the
/// master key. That rows were cut off at the end shows for sure only to somebody who kept an anchor elsewhere.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant audit --since 24h
  evergrant audit head                     print an anchor, to be kept where the vault is not
  evergrant audit --verify --since 41:5d3c…
Exit code 8 if the record was changed: audit_edited, audit_gap, audit_cut or audit_rewritten")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    /// Look whether every row is as it was written and none is missing
    #[arg(long)]
    pub(crate) verify: bool,
    /// Begin after this anchor, at this time (RFC 3339) or date (UTC), or this long ago; with --verify an anchor only
    #[arg(long, value_name = "ANCHOR|TIME|DURATION")]
    pub(crate) since: Option<SinceArg>,
}

/// What else can be done with the audit.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the anchor of the last row, which proves later that no row up to it is missing
    Head,
}

/// The object of `--verify --json`.
#[derive(Serialize)]
struct Verified {
    checked: u64,
    since: Option<String>,
    head: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &AuditArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    lifecycle::run(async {
        match (args.command, args.verify, args.since) {
            (Some(AuditCommand::Head), false, None) => head(context).await,
            (Some(AuditCommand::Head), ..) => Err(CliError::usage(
                "conflicting_arguments",
                "`audit head` takes neither --verify nor --since",
            )
            .next("evergrant audit head")),
            (None, true, None) => verify(None, context).await,
            (None, true, Some(SinceArg::Anchor(anchor))) => verify(Some(anchor), context).await,
            (None, true, Some(_)) => Err(explain::anchor_needed()),
            (None, false, since) => list(since, context).await,
        }
    })
}

/// Lists page by page: an audit may be larger than memory.
async fn list(since: Option<SinceArg>, context: &mut Context<'_>) -> Result<(), CliError> {
    let vault = context.vault().await?;
    let mut pages = match &vault {
        Some(vault) => {
            let since = since.map_or(Since::Beginning, |since| since.counted_from(vault.now()));
            let pages = audit::pages(vault, since).await;
            Some(pages.map_err(|error| vault::explain(&error))?)
        }
        None => None,
    };
    let mut list = List::new(since.is_some(), context.output.is_json());
    loop {
        let page = match &mut pages {
            Some(pages) => pages.next().await,
            None => Ok(Vec::new()),
        };
        let page = page.map_err(|error| vault::explain(&error))?;
        let rows: Vec<AuditRow> = page.into_iter().map(AuditRow::from).collect();
        let text = match rows.as_slice() {
            [] => list.end().to_owned(),
            rows => list.page(rows)?,
        };
        if !context.output.part(&text)? || rows.is_empty() {
            return Ok(());
        }
    }
}

async fn head(context: &mut Context<'_>) -> Result<(), CliError> {
    #[derive(Serialize)]
    struct Head {
        anchor: Option<String>,
    }
    let anchor = match context.vault().await? {
        Some(vault) => {
            let head = audit::head(&vault).await;
            head.map_err(|error| vault::explain(&error))?
        }
        None => None,
    };
    let note = match anchor {
        Some(_) => {
            "keep this where nobody can write who can write to the vault; then: evergrant audit --verify --since ANCHOR"
        }
        None => "nothing was done yet: there is no anchor",
    };
    let anchor = anchor.map(|anchor| anchor.to_string());
    context.output.result(&Head { anchor }, |head| {
        head.anchor
            .as_ref()
            .map_or(String::new(), |anchor| format!("{anchor}\n"))
    })?;
    context.output.note(note);
    Ok(())
}

async fn verify(since: Option<Anchor>, context: &mut Context<'_>) -> Result<(), CliError> {
    let Some(vault) = context.existing_vault().await? else {
        return nothing_to_verify(since.as_ref())
            .map_or_else(|| report(0, since, None, context), Err);
    };
    let verified = audit::verify(&vault, since.as_ref()).await;
    let verified = verified.map_err(|error| explain(&error))?;
    vault.vault().close().await;
    report(verified.checked, since, verified.head, context)
}

fn report(
    checked: u64,
    since: Option<Anchor>,
    head: Option<Anchor>,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let text = |anchor: Anchor| anchor.to_string();
    let verified = Verified {
        checked,
        since: since.map(text),
        head: head.map(text),
    };
    context.output.result(&verified, |verified| {
        let rows = if checked == 1 { "row" } else { "rows" };
        let head = verified
            .head
            .as_deref()
            .unwrap_or("none: nothing was done yet");
        format!("{checked} {rows} checked: each as it was written\nhead  {head}\n")
    })?;
    if since.is_none() {
        context.output.note(
            "without an anchor it cannot be seen whether rows are missing at the end; \
             keep the head elsewhere, then: evergrant audit --verify --since ANCHOR",
        );
    }
    Ok(())
}
