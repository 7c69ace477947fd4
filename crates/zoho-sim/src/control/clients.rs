//! `POST /clients`: what the API console's registration does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::json::{Body, Refused};
use crate::data_center;
use crate::state::{ClientKind, Shared};

/// What a client is registered with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(rename = "type", default)]
    kind: ClientKind,
    /// The first data center unless it is named.
    data_center: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
}

/// A registered client.
#[derive(Debug, Serialize)]
pub(crate) struct Registered {
    client_id: String,
    client_secret: String,
}

/// Registers a client and answers with its ID and secret.
pub(crate) async fn register(
    State(shared): State<Arc<Shared>>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Registered>, Refused> {
    let mut state = shared.lock();
    let code = match &wanted.data_center {
        None => state.data_centers[0].code(),
        Some(code) => state
            .find_data_center(code)
            .map(data_center::DataCenter::code)
            .ok_or_else(|| Refused(format!("the data center {code:?} is not running")))?,
    };
    if wanted.kind != ClientKind::SelfClient && wanted.redirect_uris.is_empty() {
        return Err(Refused(
            "redirect_uris is missing; only a self client has none".to_owned(),
        ));
    }
    let client = state.add_client(wanted.kind, code, wanted.redirect_uris);
    Ok(Json(Registered {
        client_id: client.id,
        client_secret: client.secret,
    }))
}
