//! `POST /callers`, `POST /callers/NAME/rotate` and `POST /callers/NAME/connect`: credentials, shown once.

use std::time::Duration;

use axum::response::Response;
use evergrant::{
    caller::{self, CallerName, Handle, Rotation},
    connection::ConnectionName,
};
use http::{HeaderValue, StatusCode, header::LOCATION};
use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use zoho_oauth::ClientSecret;

use super::{
    answer::json,
    callers::find,
    input::{Json, Name, unreadable},
    new_caller::Described,
    problems,
    who::{Admin, Asked},
};
use crate::{
    explain::{self, Warning},
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
    let issued = issued.map_err(|error| problems::caller(&error))?;
    let secret = Some(&issued.client_secret);
    let mut response = shown(&issued.caller, secret, &issued.handles, &asked).await?;
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
    let issued = issued.map_err(|error| problems::caller(&error))?;
    let secret = Some(&issued.client_secret);
    shown(&issued.caller, secret, &issued.handles, &asked).await
}

/// What a caller is given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connected {
    connection: String,
}

/// Gives a caller a handle for one connection more, or a new one where its handle was revoked.
pub(super) async fn connect(
    Admin(asked): Admin,
    Name(name): Name<CallerName>,
    Json(wanted): Json<Connected>,
) -> Result<Response, Problem> {
    let connection: ConnectionName = (wanted.connection.parse())
        .map_err(|error| unreadable("invalid_input", format!("connection: {error}")))?;
    let vault = asked.vault();
    let before = find(&name, &asked).await?;
    let handle = caller::connect(&vault, &before.id, &connection, &mut rng()).await;
    let handle = handle.map_err(|error| problems::not_connected(&error, &name))?;
    let handles = [(connection, handle)];
    let mut response = shown(&find(&name, &asked).await?, None, &handles, &asked).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Credentials, and what is worth knowing of them.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    credentials: Credentials<'a>,
    warnings: Vec<Warning>,
}

/// Shows a caller's credentials; without a client secret those beside the one that it has.
async fn shown(
    caller: &caller::Caller,
    client_secret: Option<&ClientSecret>,
    handles: &[(ConnectionName, Handle)],
    asked: &Asked,
) -> Result<Response, Problem> {
    asked.state.reload_callers().await;
    let vault = asked.state.broker.vault().vault();
    let ours = asked.state.public_url.as_str();
    let shown = Caller::one(caller, vault).await;
    let shown = shown.map_err(|error| explain::vault(&error))?;
    let api_domains = Credentials::api_domains(caller.mode, handles, ours, vault).await;
    let api_domains = api_domains.map_err(|error| explain::vault(&error))?;
    let location = format!("{}/callers/{}", super::PREFIX, caller.name);
    let credentials = Credentials::new(caller, handles, shown, ours, &api_domains);
    let client_secret = client_secret.map(ClientSecret::expose_secret);
    let connections: Vec<_> = handles.iter().map(|(name, _)| name.clone()).collect();
    let warnings = explain::missing_scopes(caller, &connections, vault).await;
    let mut response = json(&Answer {
        credentials: Credentials {
            client_secret,
            ..credentials
        },
        warnings: warnings.map_err(|error| explain::vault(&error))?,
    });
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

fn rng() -> StdRng {
    StdRng::from_rng(&mut rand::rng())
}
