//! `GET /connections`, `GET /connections/NAME`, `GET /status`: how connections are.

use axum::response::Response;
use evergrant::connection::{self, ConnectionName};

use super::{answer::json, input::Name, who::Asked};
use crate::{
    explain::{self, no_connection},
    problem::Problem,
    shown::Connection,
};

/// Lists those that whoever asks may have.
pub(super) async fn list(asked: Asked) -> Result<Response, Problem> {
    let broker = &asked.state.broker;
    let found = connection::list_within(broker.vault().vault(), &broker.limits()).await;
    let found = found.map_err(|error| explain::vault(&error))?;
    let theirs = found.iter().filter(|one| asked.may(&one.name).is_ok());
    let shown: Vec<_> = theirs
        .map(|one| Connection::new(one, &broker.limits()))
        .collect();
    Ok(json(&shown))
}

/// Shows one.
pub(super) async fn show(
    asked: Asked,
    Name(name): Name<ConnectionName>,
) -> Result<Response, Problem> {
    asked.may(&name)?;
    let broker = &asked.state.broker;
    let found = connection::find_within(broker.vault().vault(), &name, &broker.limits()).await;
    let found = found.map_err(|error| explain::vault(&error))?;
    let found = found.ok_or_else(|| no_connection(&name))?;
    Ok(json(&Connection::new(&found, &broker.limits())))
}
