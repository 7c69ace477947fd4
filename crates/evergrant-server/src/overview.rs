//! How everything is, for health and metrics: read from the vault when somebody asks, and every few seconds at the
//! most, however many ask.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use evergrant::{
    broker,
    clock::Timestamp,
    connection::{self, Connection, State as Condition},
    exchange,
};
use tokio::{sync::Mutex, time::timeout};

use crate::state::State;

/// For how long an answer of the vault is good enough.
const GOOD_ENOUGH: Duration = Duration::from_secs(5);

/// How long the vault may take before it counts as silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// Refreshes that began so long ago have ended: what is counted of them stays.
const SETTLED: Duration = Duration::from_secs(3600);

/// Looks at the vault for those who want to know how it is.
pub(crate) struct Overview(Mutex<Looked>);

struct Looked {
    seen: Option<Arc<Seen>>,
    /// What was counted of refreshes before `counted_to`.
    counted: Refreshes,
    counted_to: Timestamp,
}

/// How many refreshes of a connection ended how.
pub(crate) type Refreshes = BTreeMap<(String, String), u64>;

/// How everything was a few seconds ago at the most; or, of a vault that is silent, when it last answered.
pub(crate) struct Seen {
    at: Timestamp,
    pub(crate) readable: bool,
    pub(crate) connections: Vec<Connection>,
    /// Records that wait in escrow.
    pub(crate) escrow: usize,
    /// Since the server started.
    pub(crate) refreshes: Refreshes,
}

impl Overview {
    /// Counts refreshes from this moment on.
    pub(crate) fn since(now: Timestamp) -> Self {
        Self(Mutex::new(Looked {
            seen: None,
            counted: Refreshes::new(),
            counted_to: now,
        }))
    }
}

impl State {
    /// Tells how everything is.
    pub(crate) async fn overview(&self) -> Arc<Seen> {
        let mut looked = self.overview.0.lock().await;
        let now = self.now();
        if let Some(seen) = &looked.seen
            && seen.at <= now
            && seen.at.until(now) < GOOD_ENOUGH
        {
            return seen.clone();
        }
        let read = timeout(PATIENCE, read(self, &mut looked, now)).await;
        let seen = read
            .ok()
            .flatten()
            .unwrap_or_else(|| silent(looked.seen.as_deref(), now));
        let seen = Arc::new(seen);
        looked.seen = Some(seen.clone());
        seen
    }
}

async fn read(state: &State, looked: &mut Looked, now: Timestamp) -> Option<Seen> {
    let vault = state.broker.vault().vault();
    let connections = connection::list_within(vault, &state.broker.limits())
        .await
        .ok()?;
    let waiting = exchange::waiting(vault).await.ok()?;
    let newest = broker::count(vault, looked.counted_to, Timestamp::from_millis(i64::MAX))
        .await
        .ok()?;
    let refreshes = sum(&looked.counted, newest);
    let settled = now.minus(SETTLED);
    if looked.counted_to.until(settled) > SETTLED {
        let ended = broker::count(vault, looked.counted_to, settled)
            .await
            .ok()?;
        looked.counted = sum(&looked.counted, ended);
        looked.counted_to = settled;
    }
    Some(Seen {
        at: now,
        readable: true,
        connections,
        escrow: waiting.len(),
        refreshes,
    })
}

fn sum(before: &Refreshes, more: Vec<broker::RefreshCount>) -> Refreshes {
    let mut sum = before.clone();
    for one in more {
        *sum.entry((one.connection.to_string(), one.outcome))
            .or_default() += one.count;
    }
    sum
}

fn silent(before: Option<&Seen>, now: Timestamp) -> Seen {
    Seen {
        at: now,
        readable: false,
        connections: before
            .map(|seen| seen.connections.clone())
            .unwrap_or_default(),
        escrow: before.map_or(0, |seen| seen.escrow),
        refreshes: before
            .map(|seen| seen.refreshes.clone())
            .unwrap_or_default(),
    }
}

/// What can be wrong, by the words of `/evergrant/readyz` and the metrics.
pub(crate) const DEGRADED: [&str; 6] = [
    "vault_unreadable",
    "throttled",
    "failing",
    "app_refused",
    "new_grant_needed",
    "escrow",
];

impl Seen {
    /// Counts how much there is of something that is wrong: connections, records, or 1.
    pub(crate) fn degraded(&self, what: &str) -> usize {
        match what {
            "vault_unreadable" => usize::from(!self.readable),
            "escrow" => self.escrow,
            state => self.in_state(state),
        }
    }

    /// Counts the connections in a state, by its word.
    pub(crate) fn in_state(&self, state: &str) -> usize {
        let connections = self.connections.iter();
        connections
            .filter(|connection| connection.state.as_str() == state)
            .count()
    }

    /// Tells whether a connection gives tokens, or would do so if it were asked.
    pub(crate) fn can_serve(&self, connection: &Connection, now: Timestamp) -> bool {
        let lives = |until: Timestamp| until > now;
        match connection.state {
            Condition::Revoked => false,
            Condition::Healthy => self.readable,
            _ => self.readable && connection.access_token_expires_at.is_some_and(lives),
        }
    }
}
