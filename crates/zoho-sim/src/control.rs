//! The control port: making grants, moving the clock, seeing what came. Plain HTTP and JSON.

mod clients;
mod clock;
mod console;
mod faults;
mod grants;
mod json;
mod kill;
mod limits;
mod manners;
mod records;
mod requests;
mod stats;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use tokio::net::TcpListener;

use crate::state::Shared;

/// Serves the control port until it is aborted.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    if let Err(error) = axum::serve(listener, routes(shared)).await {
        tracing::error!(%error, "control port ended");
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(console::show))
        .route("/self-client", post(console::generate))
        .route("/grants", post(grants::make))
        .route("/clients", post(clients::register))
        .route("/clock", get(clock::show).post(clock::set))
        .route("/requests", get(requests::list).delete(requests::clear))
        .route("/stats", get(stats::show))
        .route("/limits", get(limits::show).patch(limits::patch))
        .route("/manners", get(manners::show).patch(manners::patch))
        .route("/faults", get(faults::show).put(faults::replace))
        .route("/kill", post(kill::kill))
        .route("/records/{module}", put(records::replace))
        .route("/reset", post(stats::reset))
        .with_state(shared)
}
