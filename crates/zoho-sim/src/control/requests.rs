//! `GET|DELETE /requests`: what came to the data centers.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use http::StatusCode;
use serde::Deserialize;

use crate::requests::Entry;
use crate::state::Shared;

/// Which requests are asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// The `seq` of the last request that is known already.
    #[serde(default)]
    since: u64,
}

/// Lists the requests, oldest first.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(wanted): Query<Wanted>,
) -> Json<Vec<Entry>> {
    Json(shared.lock().requests.since(wanted.since))
}

/// Forgets the requests.
pub(crate) async fn clear(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.lock().requests.clear();
    StatusCode::NO_CONTENT
}
