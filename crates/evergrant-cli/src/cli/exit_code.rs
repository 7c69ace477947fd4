//! The kinds of failure: one table of exit codes for the code, the documents and the man page.

use evergrant_server::Code;
use serde::{Serialize, Serializer};

/// What kind of failure ended a command; it alone decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Internal = 1,
    Usage,
    Config,
    NewGrantNeeded,
    GrantDead,
    Throttled,
    Unavailable,
    Vault,
    ScopeMissing,
    Denied,
    ApiError,
    Partial,
}

/// One row of the table: the exit code, its word in JSON and when it is given.
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) code: &'static str,
    pub(crate) when: &'static str,
}

/// Every failure, in the order of the exit codes.
pub(crate) const TABLE: [Row; 12] = [
    row(Kind::Internal, "internal", "a mistake in Evergrant itself"),
    row(
        Kind::Usage,
        "usage",
        "wrong flags, two sources for one value, a secret as a flag's value, an input missing without a terminal",
    ),
    row(
        Kind::Config,
        "config",
        "no such connection, name taken, unreadable file, wrong client ID, client secret or redirect URI, unknown host, certificate not trusted",
    ),
    row(
        Kind::NewGrantNeeded,
        "new_grant_needed",
        "the refresh token is dead or revoked, or consent was given without offline access",
    ),
    row(
        Kind::GrantDead,
        "grant_dead",
        "the grant token is expired, used or refused, or its fate is unknown (`grant` says which)",
    ),
    row(
        Kind::Throttled,
        "throttled",
        "too many requests; `retry_at` says when to try again",
    ),
    row(
        Kind::Unavailable,
        "unavailable",
        "network down, server error, or an unreadable reply after all retries",
    ),
    row(
        Kind::Vault,
        "vault",
        "the vault or the escrow cannot be opened, written or unsealed, or the audit was changed",
    ),
    row(
        Kind::ScopeMissing,
        "scope_missing",
        "done and kept, but a required scope is not there",
    ),
    row(
        Kind::Denied,
        "denied",
        "refused by a rule of Evergrant's own",
    ),
    row(Kind::ApiError, "api_error", "Zoho's API refused the call"),
    row(
        Kind::Partial,
        "partial",
        "some records failed, the rest is done",
    ),
];

const fn row(kind: Kind, code: &'static str, when: &'static str) -> Row {
    Row { kind, code, when }
}

impl Kind {
    /// Returns the process's exit code.
    pub(crate) fn exit_code(self) -> u8 {
        self as u8
    }

    /// Finds the kind that a word stands for.
    pub(crate) fn of_code(code: &str) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.code == code);
        row.map(|row| row.kind)
    }

    /// Returns the word that stands for the kind in JSON.
    pub(crate) fn code(self) -> &'static str {
        TABLE[usize::from(self.exit_code()) - 1].code
    }
}

impl From<Code> for Kind {
    fn from(code: Code) -> Self {
        Self::of_code(code.as_str()).unwrap_or(Self::Internal)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, target: S) -> Result<S::Ok, S::Error> {
        target.serialize_str(self.code())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes the table as the documents show it.
    pub(crate) fn markdown() -> String {
        let mut text = "| exit | `error.code` | when |\n|---|---|---|\n| 0 | | done |\n".to_owned();
        for Row { kind, code, when } in TABLE {
            text.push_str(&format!("| {} | `{code}` | {when} |\n", kind.exit_code()));
        }
        text.push_str("| 130, 143 | | stopped by SIGINT, SIGTERM |\n");
        text.push_str("| 125, 126, 127 | | `exec`: a failure of Evergrant's own (its `error.code` says which), a program that cannot be run, one that is not there; all else is the program's own code |\n");
        text
    }

    #[test]
    fn the_table_is_in_the_order_of_the_codes() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(usize::from(row.kind.exit_code()), index + 1);
            assert_eq!(row.kind.code(), row.code);
        }
    }

    #[test]
    fn the_readme_has_the_same_table() {
        let readme = include_str!("../../../../README.md");
        assert!(
            readme.contains(&markdown()),
            "README.md should contain:\n{}",
            markdown()
        );
    }
}
