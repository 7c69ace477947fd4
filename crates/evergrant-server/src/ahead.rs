//! Refreshes ahead of need: a connection that is used has a new token before anybody has to wait for one. One
//! that nobody uses is left alone.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use evergrant::{
    broker::{Lifetime, Wanted},
    clock::Timestamp,
    connection::ConnectionName,
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::state::State;

/// How often it is looked whose time has come.
const LOOK: Duration = Duration::from_millis(250);

/// A connection counts as used for so long.
const USED: Duration = Duration::from_secs(3600);

/// How long before its end a token is replaced, if that is no more than half of its life: twice of what callers
/// want, who therefore never find one that has too little left.
const AHEAD: Duration = Duration::from_secs(600);

/// So many refreshes are made at once, however many connections there are.
const AT_ONCE: usize = 8;

/// How long a connection is left alone whose refresh failed. What the broker knows of throttles and outages
/// comes on top.
const PAUSE: Duration = Duration::from_secs(30);

/// How long it is left alone if its token lives: until then it is the broker that knows when the next may be made.
const PAUSE_OF_FAILING: Duration = Duration::from_secs(5);

/// Refreshes for as long as the server runs.
pub(crate) async fn refresh(state: Arc<State>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refreshing = JoinSet::new();
    // Whom to leave alone, and until when.
    let mut tried: HashMap<Arc<ConnectionName>, Timestamp> = HashMap::new();
    loop {
        looks.tick().await;
        while refreshing.try_join_next().is_some() {}
        let now = state.now();
        tried.retain(|_, until| now < *until);
        for (name, token) in due(&state, now) {
            if refreshing.len() >= AT_ONCE {
                break;
            }
            if !tried.contains_key(&name) {
                tried.insert(name.clone(), now.plus(pause(token.as_ref())));
                refreshing.spawn(refresh_one(state.clone(), name, token));
            }
        }
    }
}

/// A connection, with how long its token lives.
type Due = (Arc<ConnectionName>, Option<Lifetime>);

/// Lists the connections that are used and whose token's time has come, or whose last refresh failed although a token
/// lives, the most urgent first.
fn due(state: &State, now: Timestamp) -> Vec<Due> {
    let mut due: HashMap<Arc<ConnectionName>, Option<Lifetime>> = HashMap::new();
    for (grant, usage) in state.callers().all() {
        let is_used = usage.last_used().is_some_and(|at| at.until(now) < USED);
        if !is_used || due.contains_key(&grant.connection) {
            continue;
        }
        let lifetime = state.broker.lifetime_in_memory(&grant.connection);
        if lifetime.is_none_or(|token| is_due(&grant.connection, &token)) {
            due.insert(grant.connection.clone(), lifetime);
        }
    }
    let mut due: Vec<_> = due.into_iter().collect();
    due.sort_by_key(|(_, token)| token.map_or(Duration::ZERO, |token| token.left));
    due
}

fn is_due(name: &ConnectionName, token: &Lifetime) -> bool {
    token.is_failing || token.left < at_left(name, token)
}

fn pause(token: Option<&Lifetime>) -> Duration {
    match token {
        Some(token) if token.is_failing && !token.left.is_zero() => PAUSE_OF_FAILING,
        _ => PAUSE,
    }
}

/// Returns with how much left a token is replaced: at a moment of its own for each token of each connection, so
/// that those which were made together are not refreshed together.
fn at_left(name: &ConnectionName, token: &Lifetime) -> Duration {
    let ahead = ahead(token);
    let mut hasher = DefaultHasher::new();
    (name, token.expires_at.as_millis()).hash(&mut hasher);
    let spread = ahead * 2 / 5;
    ahead - spread.mul_f64(f64::from(hasher.finish() as u32) / f64::from(u32::MAX))
}

fn ahead(token: &Lifetime) -> Duration {
    AHEAD.min(token.life / 2)
}

async fn refresh_one(state: Arc<State>, name: Arc<ConnectionName>, token: Option<Lifetime>) {
    // None is used for this that is kept for people.
    let wanted = Wanted {
        min_valid: token.as_ref().map(ahead),
        // Only a refresh tells whether refreshes work again.
        new: token.is_some_and(|token| token.is_failing),
        ..Wanted::default()
    };
    if let Err(error) = state.broker.token(&name, &wanted).await {
        // Whoever asks next is told; and the state of the connection says it, too.
        tracing::debug!(connection = %name, %error, "no new token ahead of need");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(life: u64, number: i64) -> Lifetime {
        Lifetime {
            left: Duration::ZERO,
            life: Duration::from_secs(life),
            expires_at: Timestamp::from_millis(number),
            is_failing: false,
        }
    }

    #[test]
    fn tokens_are_replaced_at_moments_of_their_own_before_callers_want_more() {
        let name: ConnectionName = "acme".parse().unwrap();
        let moments: Vec<_> = (0..100)
            .map(|number| at_left(&name, &token(3600, number)))
            .collect();
        let (first, last) = (moments.iter().max().unwrap(), moments.iter().min().unwrap());
        assert!(*first <= AHEAD && *last >= Duration::from_secs(360));
        assert!(*first - *last > Duration::from_secs(180));
        let short = at_left(&name, &token(40, 1));
        assert!(short > Duration::from_secs(10) && short <= Duration::from_secs(20));
    }
}
