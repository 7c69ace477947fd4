//! `GET|PATCH /limits`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::json::{Body, Refused};
use crate::limits::Described;
use crate::state::Shared;

/// Shows every limit with its value, alternatives and source.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Json<Vec<Described>> {
    Json(shared.lock().limits.describe())
}

/// Sets limits by name and shows them all.
pub(crate) async fn patch(
    State(shared): State<Arc<Shared>>,
    Body(changes): Body<Map<String, Value>>,
) -> Result<Json<Vec<Described>>, Refused> {
    let limits = &mut shared.lock().limits;
    limits.patch(&changes).map_err(Refused)?;
    Ok(Json(limits.describe()))
}
