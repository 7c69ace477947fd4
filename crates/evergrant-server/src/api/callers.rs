//! `GET /callers`, `GET /callers/NAME`, `DELETE /callers/NAME`.

use axum::response::Response;
use evergrant::caller::{self, CallerName};
use serde::Deserialize;

use super::{
    answer::json,
    input::{Name, Query},
    problems,
    who::{Admin, Asked},
};
use crate::{explain, problem::Problem, shown::Caller};

/// Which callers are listed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Those that were revoked, too.
    #[serde(default)]
    all: bool,
}

/// Lists callers.
pub(super) async fn list(
    Admin(asked): Admin,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let vault = asked.state.broker.vault().vault();
    let found = match which.all {
        true => caller::list_all(vault).await,
        false => caller::list(vault).await,
    };
    let found = found.map_err(|error| explain::vault(&error))?;
    let shown = Caller::all(&found, vault).await;
    Ok(json(&shown.map_err(|error| explain::vault(&error))?))
}

/// Shows one.
pub(super) async fn show(
    Admin(asked): Admin,
    Name(name): Name<CallerName>,
) -> Result<Response, Problem> {
    shown(&find(&name, &asked).await?, &asked).await
}

/// Finds one.
pub(super) async fn find(name: &CallerName, asked: &Asked) -> Result<caller::Caller, Problem> {
    let found = caller::find(asked.state.broker.vault().vault(), name).await;
    let found = found.map_err(|error| explain::vault(&error))?;
    found.ok_or_else(|| problems::no_caller(name))
}

/// Revokes one.
pub(super) async fn revoke(
    Admin(asked): Admin,
    Name(name): Name<CallerName>,
) -> Result<Response, Problem> {
    let revoked = caller::revoke(&asked.vault(), &name).await;
    let revoked = revoked.map_err(|error| problems::caller(&error))?;
    asked.state.reload_callers().await;
    shown(&revoked, &asked).await
}

async fn shown(caller: &caller::Caller, asked: &Asked) -> Result<Response, Problem> {
    let shown = Caller::one(caller, asked.state.broker.vault().vault()).await;
    Ok(json(&shown.map_err(|error| explain::vault(&error))?))
}
