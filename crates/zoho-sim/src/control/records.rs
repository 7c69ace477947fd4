//! `PUT /records/MODULE`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};

use super::json::{Body, Refused};
use crate::crm::Module;
use crate::state::Shared;

/// More than paging can reach.
const MOST: usize = 1_000_000;

/// How many demo records there are to be, or are.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    count: usize,
}

/// Replaces a module's records by demo records.
pub(crate) async fn replace(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Body(wanted): Body<Count>,
) -> Result<Json<Count>, Refused> {
    let known = Module::ALL.map(Module::api_name).join(", ");
    let module = Module::find(&name).ok_or_else(|| {
        Refused(format!(
            "there is no module {name:?}; the modules are {known}"
        ))
    })?;
    if wanted.count > MOST {
        return Err(Refused(format!(
            "count is at most {MOST}, not {}",
            wanted.count
        )));
    }
    shared.lock().set_demo_records(module, wanted.count);
    Ok(Json(wanted))
}
