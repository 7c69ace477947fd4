//! `GET|PUT /faults`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::json::{Body, Refused};
use crate::faults::{Faults, On, Wanted};
use crate::state::Shared;

/// What is left of the plan, and the chance.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    plan: Vec<Line>,
    chance: f64,
}

#[derive(Debug, Serialize)]
struct Line {
    on: Option<On>,
    #[serde(rename = "do")]
    word: &'static str,
    times: u64,
}

impl From<&Faults> for Shown {
    fn from(faults: &Faults) -> Self {
        let line = |planned: &crate::faults::Planned| Line {
            on: planned.on,
            word: planned.action.word(),
            times: planned.times,
        };
        Self {
            plan: faults.left().into_iter().map(line).collect(),
            chance: faults.probability(),
        }
    }
}

/// Shows what is left of the plan.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Json<Shown> {
    Json(Shown::from(&shared.lock().faults))
}

/// Replaces the plan and the chance and shows them.
pub(crate) async fn replace(
    State(shared): State<Arc<Shared>>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Shown>, Refused> {
    let faults = Faults::try_from(wanted).map_err(Refused)?;
    let state = &mut shared.lock();
    state.faults = faults;
    Ok(Json(Shown::from(&state.faults)))
}
