//! `GET|POST /clock`: simulated time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::{Body, Refused};
use crate::clock::{self, Clock};
use crate::state::Shared;

/// The clock as it stands.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    now: String,
    now_ms: clock::Millis,
    frozen: bool,
}

impl From<Clock> for Shown {
    fn from(clock: Clock) -> Self {
        let now_ms = clock.now();
        Self {
            now: clock::rfc3339(now_ms),
            now_ms,
            frozen: clock.is_frozen(),
        }
    }
}

/// How the clock is to be moved: set first, then advanced.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    set: Option<Timestamp>,
    advance_seconds: Option<f64>,
    /// Holds the clock still, or lets it run again.
    frozen: Option<bool>,
}

/// Shows the clock.
pub(crate) async fn show(State(shared): State<Arc<Shared>>) -> Json<Shown> {
    Json(shared.lock().clock.into())
}

/// Moves the clock and shows it.
pub(crate) async fn set(
    State(shared): State<Arc<Shared>>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Shown>, Refused> {
    let clock = &mut shared.lock().clock;
    if let Some(frozen) = wanted.frozen {
        clock.set_frozen(frozen);
    }
    if let Some(time) = wanted.set {
        clock.set(time.as_millisecond());
    }
    if let Some(seconds) = wanted.advance_seconds {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float that is too large is cut to the largest number"
        )]
        clock.advance((seconds * 1000.0).round() as clock::Millis);
    }
    Ok(Json((*clock).into()))
}
