//! `GET|PATCH /manners`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::json::{Body, Refused};
use crate::manners::Described;
use crate::state::Shared;

/// Shows every switch with its value, the other values and the source.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Json<Vec<Described>> {
    Json(shared.lock().manners.describe())
}

/// Sets switches by name and shows them all.
pub(crate) async fn patch(
    State(shared): State<Arc<Shared>>,
    Body(changes): Body<Map<String, Value>>,
) -> Result<Json<Vec<Described>>, Refused> {
    let manners = &mut shared.lock().manners;
    manners.patch(&changes).map_err(Refused)?;
    Ok(Json(manners.describe()))
}
