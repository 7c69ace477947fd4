//! `GET /stats` and `POST /reset`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use crate::state::Shared;

/// Counts since the start or the last reset, and what lives now.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    exchanged: u64,
    refreshed: u64,
    client_credentials: u64,
    revoked: u64,
    throttled: u64,
    refused: BTreeMap<String, u64>,
    live_access_tokens: usize,
    refresh_tokens: usize,
}

/// Shows the counts.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Json<Shown> {
    let state = shared.lock();
    let stats = state.stats.clone();
    Json(Shown {
        exchanged: stats.exchanged,
        refreshed: stats.refreshed,
        client_credentials: stats.client_credentials,
        revoked: stats.revoked,
        throttled: stats.throttled,
        refused: stats.refused,
        live_access_tokens: state.count_live_access_tokens(),
        refresh_tokens: state.refresh_tokens.len(),
    })
}

/// Starts again with the same seed, so that the same client ID and secret come back.
pub(crate) async fn reset(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.lock().reset();
    StatusCode::NO_CONTENT
}
