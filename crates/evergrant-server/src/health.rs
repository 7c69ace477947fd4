//! `GET /evergrant/healthz` and `readyz`: whether the process answers, and whether it can do what it is there for.
//! Nobody needs a key for them, so they tell counts and no names.

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use evergrant::{broker::Wanted, connection::State as Condition};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::{Map, Value, json};

use crate::{
    body::Body,
    overview::{DEGRADED, Seen},
    state::State,
};

/// A token that works, for however long.
const ANY: Wanted = Wanted {
    min_valid: Some(std::time::Duration::ZERO),
    strict: false,
    new: false,
    reserve: false,
};

/// Answers that the process answers.
pub(crate) fn healthz() -> Response<Body> {
    let told = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")});
    answer(StatusCode::OK, &told)
}

/// Answers whether callers can be given tokens, and what is wrong although they can.
pub(crate) async fn readyz(state: &State) -> Response<Body> {
    let seen = state.overview().await;
    let degraded: Map<String, Value> = DEGRADED
        .into_iter()
        .filter(|what| seen.degraded(what) > 0)
        .map(|what| (what.to_owned(), seen.degraded(what).into()))
        .collect();
    let word = match readiness(state, &seen) {
        Err(word) => word,
        Ok(()) if degraded.is_empty() => "ready",
        Ok(()) => "degraded",
    };
    let status = match word {
        "ready" | "degraded" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let connections: Map<String, Value> = Condition::ALL
        .into_iter()
        .map(|state| {
            (
                state.as_str().to_owned(),
                seen.in_state(state.as_str()).into(),
            )
        })
        .collect();
    let told = json!({"status": word, "degraded": degraded, "connections": connections});
    answer(status, &told)
}

fn readiness(state: &State, seen: &Seen) -> Result<(), &'static str> {
    if state.stopping.load(Relaxed) {
        return Err("stopping");
    }
    let now = state.now();
    let mut connections = seen.connections.iter();
    // Where there is no connection yet, an exchange can make one.
    let empty = seen.readable && seen.connections.is_empty();
    let in_memory = || {
        let callers = state.callers();
        callers.all().any(|(grant, _)| {
            state
                .broker
                .token_in_memory(&grant.connection, &ANY)
                .is_some()
        })
    };
    if empty || connections.any(|connection| seen.can_serve(connection, now)) || in_memory() {
        Ok(())
    } else {
        Err("nothing_to_serve")
    }
}

fn answer(status: StatusCode, told: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(format!("{told}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
