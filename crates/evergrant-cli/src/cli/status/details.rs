//! What there is to tell of one connection besides how it is.

use evergrant::{
    audit,
    broker::Limits,
    connection::{Connection, State},
    vault::Vault,
};
use evergrant_server::explain::causes_of_death;
use serde::Serialize;

use crate::cli::{connections::shown::Shown, error::CliError, time::rfc3339, vault};

/// How many changes of state are told.
const CHANGES: u32 = 10;

/// The object of `--json`.
#[derive(Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    pub(super) shown: Shown,
    /// How many of its access tokens work, as far as we know.
    live_tokens: u32,
    /// What may have killed its refresh token, the likeliest first; empty while it lives.
    likely_causes: Vec<String>,
    /// The last changes of its state, newest first.
    history: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    at: String,
    change: String,
}

impl Details {
    /// Collects them.
    pub(super) async fn of(
        vault: &Vault,
        connection: &Connection,
        limits: &Limits,
    ) -> Result<Self, CliError> {
        let history = audit::history(vault, &connection.id, CHANGES).await;
        let history = history.map_err(|error| vault::explain(&error))?;
        let change = |record: audit::Record| Change {
            at: rfc3339(record.at),
            change: record.detail,
        };
        Ok(Self {
            shown: Shown::new(connection, limits),
            live_tokens: connection.live_tokens,
            likely_causes: match connection.state {
                State::NewGrantNeeded => causes_of_death(&connection.name, vault).await,
                _ => Vec::new(),
            },
            history: history.into_iter().map(change).collect(),
        })
    }

    /// Writes them for people; what may have killed the refresh token is said by the error that follows.
    pub(super) fn for_people(&self) -> String {
        let mut text = format!("{:<16}{}\n", "living tokens", self.live_tokens);
        for (number, Change { at, change }) in self.history.iter().enumerate() {
            let label = if number == 0 { "history" } else { "" };
            text += &format!("{label:<16}{at}  {change}\n");
        }
        text
    }
}
