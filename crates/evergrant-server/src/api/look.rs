//! `POST /look`: for whoever has changed the vault, and would have the server know.

use axum::response::Response;
use serde::Serialize;

use super::{answer::json, who::Admin};

#[derive(Serialize)]
struct Looked {
    looked: bool,
}

/// Has the server look at the vault now; what was changed before is known when the answer comes.
pub(super) async fn look(Admin(asked): Admin) -> Response {
    asked.state.look_now().await;
    json(&Looked { looked: true })
}
