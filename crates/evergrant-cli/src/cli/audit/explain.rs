//! What to say when the audit is not as it was written.

use evergrant::audit::{Anchor, AuditError};

use crate::cli::{error::CliError, exit_code::Kind, vault};

/// Says what was found, what it means, and what to do next.
pub(crate) fn explain(error: &AuditError) -> CliError {
    let (reason, cause) = match error {
        AuditError::Edited { .. } => (
            "audit_edited",
            "its keyed hash does not fit: somebody wrote to the database past this program",
        ),
        AuditError::Gap { .. } => (
            "audit_gap",
            "the numbers have no gaps: somebody removed rows, or added one, past this program",
        ),
        AuditError::Cut { .. } => (
            "audit_cut",
            "rows were removed at the end, or an older copy of the vault was put in place of this one",
        ),
        AuditError::Untold { .. } => (
            "audit_cut",
            "a connection is made together with its row: somebody removed rows past this program",
        ),
        AuditError::Rewritten { .. } | AuditError::Unlinked { .. } => (
            "audit_rewritten",
            "rows were removed and others written in their place, or an older copy of the vault went on",
        ),
        AuditError::Vault(error) => return vault::explain(error),
        _ => return vault::explain_other(error),
    };
    what_now(CliError::new(Kind::Vault, reason, error.to_string()).cause(cause))
}

/// Says that a vault is gone which an anchor was taken of; `None` if there was never an anchor.
pub(super) fn nothing_to_verify(since: Option<&Anchor>) -> Option<CliError> {
    let anchor = since?;
    let message = format!(
        "there is no vault, and row {} was written to one",
        anchor.seq()
    );
    let error = CliError::new(Kind::Vault, "audit_cut", message)
        .cause("the vault was removed, or this is not the home that the anchor was taken in")
        .next("see that --home and EVERGRANT_HOME name the home that the anchor was taken in");
    Some(error)
}

/// Says that a part of the chain cannot be verified.
pub(super) fn anchor_needed() -> CliError {
    CliError::usage(
        "anchor_needed",
        "with --verify, --since takes an anchor and no time",
    )
    .cause("times can be written by whoever writes rows: only an anchor shows that none is missing")
    .next("give the anchor that you kept, as `evergrant audit head` printed it")
    .next("evergrant audit --verify     looks at every row, and cannot see that some are missing at the end")
}

fn what_now(error: CliError) -> CliError {
    error
        .next("keep a copy of the vault as it is now, before anything else writes to it")
        .next("compare with a backup: `evergrant --home COPY audit --json` lists the rows of each")
        .next("if it was nobody whom you know, treat the vault's file as open to others: see who can write to it")
}
