//! The list of what came: every request with its outcome, tokens as hashes only.

use std::collections::VecDeque;

use serde::Serialize;

/// How many requests are remembered; older ones are forgotten first.
const KEPT: usize = 100_000;

/// One request and its outcome.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Entry {
    /// Counts from 1 and goes on when the list is emptied.
    pub(crate) seq: u64,
    pub(crate) time: String,
    pub(crate) data_center: &'static str,
    pub(crate) method: String,
    /// Without the query, which may hold secrets.
    pub(crate) path: String,
    /// `query`, `body`, `basic` or several of them joined by `+`; empty when there were none.
    pub(crate) parameters_in: String,
    pub(crate) content_type: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) grant_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) tokens: TokenHashes,
    /// `None` when no reply was sent.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) reply: ReplyEnd,
    /// The fault that was played, by the word that asked for it.
    pub(crate) fault: Option<&'static str>,
}

/// SHA-256 in lower-case hex of each token that a request brought.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct TokenHashes {
    pub(crate) grant_token: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) access_token: Option<String>,
}

/// How much of the reply was put on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReplyEnd {
    #[default]
    Complete,
    Cut,
    None,
}

/// The list itself.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    entries: VecDeque<Entry>,
    last_seq: u64,
}

impl Requests {
    /// Adds a request and numbers it.
    pub(crate) fn add(&mut self, mut entry: Entry) {
        self.last_seq += 1;
        entry.seq = self.last_seq;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Returns the requests after the one with this number.
    pub(crate) fn since(&self, seq: u64) -> Vec<Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.seq > seq)
            .cloned()
            .collect()
    }

    /// Forgets all requests; the numbers go on.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
