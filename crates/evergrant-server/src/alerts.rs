//! Tells somebody when the state of a connection changes: a program that is started, or a URL that is posted to.
//!
//! The audit knows every change, whichever process made it. It is followed from where it ended when the server
//! started; changes of one connection that come before it can be told again are told as one.

mod command;
mod webhook;

use std::{collections::BTreeMap, ffi::OsString, fmt, str::FromStr, sync::Arc, time::Duration};

use evergrant::{
    audit::{self, Record, Since},
    vault::{Vault, VaultError},
};
use http::Uri;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};
use zoho_oauth::{Transport, TransportConfig};

use crate::{state::State, time::rfc3339};

/// How often it is looked for changes.
const LOOK: Duration = Duration::from_secs(1);

/// A connection is told of once in this time, however often it changes.
const APART: Duration = Duration::from_secs(60);

/// Who is told. Nobody, where neither is set.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    /// A program that gets the change on its standard input.
    pub command: Option<AlertCommand>,
    /// A URL that the change is posted to.
    pub webhook: Option<Webhook>,
}

/// A program that is started for each change.
#[derive(Clone)]
pub struct AlertCommand {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// All that it sees of the environment.
    pub environment: Vec<(OsString, OsString)>,
}

impl fmt::Debug for AlertCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What stands in an environment is nobody's business.
        f.debug_struct("AlertCommand")
            .field("program", &self.words.first())
            .finish_non_exhaustive()
    }
}

/// A URL that changes are posted to; it may be a secret as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook(Uri);

/// The text is no URL to post to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook is an https:// URL, or an http:// one on this machine, without a user in it")]
pub struct InvalidWebhook;

impl FromStr for Webhook {
    type Err = InvalidWebhook;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Uri = text.parse().map_err(|_| InvalidWebhook)?;
        let authority = url.authority().ok_or(InvalidWebhook)?;
        let local = ["localhost", "127.0.0.1", "[::1]"].contains(&authority.host());
        let safe = match url.scheme_str() {
            Some("https") => true,
            Some("http") => local,
            _ => false,
        };
        if safe && !authority.as_str().contains('@') {
            Ok(Self(url))
        } else {
            Err(InvalidWebhook)
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Webhook").field(&self.0.host()).finish()
    }
}

/// A change, as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Change {
    connection: String,
    state: String,
    previous: String,
    reason: Option<String>,
    at: String,
    next: Vec<String>,
}

/// Tells of changes for as long as the server runs.
pub(crate) async fn tell(state: Arc<State>, transport: TransportConfig) {
    let (vault, transport) = (state.broker.vault().vault(), Transport::new(transport));
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = None;
    let mut waiting: BTreeMap<String, Change> = BTreeMap::new();
    let mut told: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        looks.tick().await;
        // A vault that cannot be read is told of by whoever reads it for others.
        let Ok(changes) = newest(vault, &mut since).await else {
            continue;
        };
        for change in changes {
            gather(&mut waiting, change);
        }
        told.retain(|_, at| at.elapsed() < APART);
        let ready = waiting
            .keys()
            .find(|connection| !told.contains_key(*connection))
            .cloned();
        if let Some(change) = ready.and_then(|connection| waiting.remove(&connection)) {
            told.insert(change.connection.clone(), Instant::now());
            deliver(&state.alerts(), &transport, &change).await;
        }
    }
}

/// Reads what has changed since the last time; at the first time nothing.
async fn newest(vault: &Vault, since: &mut Option<Since>) -> Result<Vec<Change>, VaultError> {
    let head = audit::head(vault).await?;
    let records = match *since {
        Some(before) => audit::list(vault, before).await?,
        None => Vec::new(),
    };
    *since = Some(head.map_or(Since::Beginning, Since::Anchor));
    // What came after the head is read the next time.
    let known = |record: &&Record| head.is_some_and(|head| record.seq <= head.seq());
    Ok(records
        .iter()
        .filter(known)
        .filter_map(Change::read)
        .collect())
}

/// Puts a change to those that wait: what happened to a connection meanwhile is one change, or none.
fn gather(waiting: &mut BTreeMap<String, Change>, mut change: Change) {
    if let Some(before) = waiting.remove(&change.connection) {
        change.previous = before.previous;
    }
    if change.state != change.previous {
        waiting.insert(change.connection.clone(), change);
    }
}

async fn deliver(alerts: &Alerts, transport: &Transport, change: &Change) {
    // Unwrap safety: text is always JSON.
    let json = serde_json::to_string(change).expect("json") + "\n";
    if let Some(command) = &alerts.command {
        command::run(command, &json).await;
    }
    if let Some(webhook) = &alerts.webhook {
        webhook::post(&webhook.0, transport, json).await;
    }
}

impl Change {
    /// Reads a row of the audit; `None` if it tells of something else.
    fn read(record: &Record) -> Option<Self> {
        if record.event != audit::STATE_CHANGED {
            return None;
        }
        let connection = record.connection.clone()?;
        let (previous, rest) = record.detail.split_once(" -> ")?;
        let (state, reason) = match rest.split_once(": ") {
            Some((state, reason)) => (state, Some(reason.to_owned())),
            None => (rest, None),
        };
        Some(Self {
            state: state.to_owned(),
            previous: previous.to_owned(),
            reason,
            at: rfc3339(record.at),
            next: next(state, &connection),
            connection,
        })
    }
}

/// Says what a person can do about a state.
fn next(state: &str, connection: &str) -> Vec<String> {
    let steps: &[&str] = match state {
        "new_grant_needed" => &[
            "make a new grant token in Zoho's API console",
            "evergrant exchange NAME --replace",
        ],
        "app_refused" => &[
            "evergrant apps secret add     if the client secret was renewed in Zoho's API console",
            "evergrant status NAME",
        ],
        "throttled" => &["evergrant status NAME     says until when, and who uses the refreshes"],
        "failing" => &[
            "evergrant status NAME",
            "see Zoho's status page, and the network between here and Zoho",
        ],
        _ => &[],
    };
    steps
        .iter()
        .map(|step| step.replace("NAME", connection))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(previous: &str, state: &str) -> Change {
        Change {
            connection: "acme".into(),
            state: state.into(),
            previous: previous.into(),
            reason: None,
            at: String::new(),
            next: Vec::new(),
        }
    }

    #[test]
    fn what_changed_and_changed_back_is_not_told() {
        let mut waiting = BTreeMap::new();
        gather(&mut waiting, change("healthy", "failing"));
        gather(&mut waiting, change("failing", "throttled"));
        assert_eq!(waiting["acme"], change("healthy", "throttled"));
        gather(&mut waiting, change("throttled", "healthy"));
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_webhook_is_safe_and_never_shown() {
        let webhook: Webhook = "https://hooks.example.com/T0/canary?key=canary"
            .parse()
            .unwrap();
        assert_eq!(
            format!("{webhook:?}"),
            "Webhook(Some(\"hooks.example.com\"))"
        );
        assert!("http://127.0.0.1:9/x".parse::<Webhook>().is_ok());
        for wrong in [
            "http://hooks.example.com/x",
            "https://u:p@a/",
            "ftp://a/",
            "/x",
            "",
        ] {
            assert_eq!(wrong.parse::<Webhook>(), Err(InvalidWebhook), "{wrong}");
        }
    }
}
