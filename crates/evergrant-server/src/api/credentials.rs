//! `POST /callers` and `POST /callers/NAME/rotate`: credentials, shown once.

use std::time::Duration;

use axum::response::Response;
use evergrant::caller::{self, CallerError, CallerName, Issued, Rotation};
use http::{HeaderValue, StatusCode, header::LOCATION};
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;

use super::{
    answer::json,
    input::{Json, Name},
    new_caller::Described,
    problems,
    who::{Admin, Asked},
};
use crate::{
    explain,
    problem::Problem,
    shown::{Caller, Credentials},
};

/// How long the old credentials still work, if nobody says otherwise.
const OVERLAP: u64 = 24 * 60 * 60;

/// Adds a caller.
pub(super) async fn add(
    Admin(asked): Admin,
    Json(described): Json<Described>,
) -> Result<Response, Problem> {
    let vault = asked.vault();
    let new = described.resolve(vault.vault()).await?;
    let issued = caller::add(&vault, new, &mut rng()).await;
    let mut response = shown(issued, &asked).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// How credentials are made anew.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    overlap_seconds: Option<u64>,
    #[serde(default)]
    force: bool,
}

/// Makes a caller's credentials anew.
pub(super) async fn rotate(
    Admin(asked): Admin,
    Name(name): Name<CallerName>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Problem> {
    let rotation = Rotation {
        overlap: Duration::from_secs(wanted.overlap_seconds.unwrap_or(OVERLAP)),
        force: wanted.force,
    };
    let issued = caller::rotate(&asked.vault(), &name, rotation, &mut rng()).await;
    shown(issued, &asked).await
}

async fn shown(issued: Result<Issued, CallerError>, asked: &Asked) -> Result<Response, Problem> {
    let issued = issued.map_err(|error| problems::caller(&error))?;
    asked.state.reload_callers().await;
    let vault = asked.state.broker.vault().vault();
    let ours = asked.state.public_url.as_str();
    let caller = Caller::one(&issued.caller, vault).await;
    let caller = caller.map_err(|error| explain::vault(&error))?;
    let mode = issued.caller.mode;
    let api_domains = Credentials::api_domains(mode, &issued.handles, ours, vault).await;
    let api_domains = api_domains.map_err(|error| explain::vault(&error))?;
    let location = format!("{}/callers/{}", super::PREFIX, caller.name);
    let mut response = json(&Credentials::new(&issued, caller, ours, &api_domains));
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn rng() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}
