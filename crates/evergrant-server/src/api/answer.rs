//! Answers in JSON.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header::CONTENT_TYPE};
use serde::Serialize;

use crate::{body::Body, problem::Problem};

/// Writes a value.
pub(super) fn json(value: &impl Serialize) -> Response {
    // Unwrap safety: all that is shown is structs of text, numbers and lists of them.
    let text = serde_json::to_vec(value).expect("json");
    let mut response = http::Response::new(Body::from(Bytes::from(text)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response.into_response()
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Self::into_response(self).map(axum::body::Body::new)
    }
}
