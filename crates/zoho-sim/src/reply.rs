//! Replies as plain values.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde::Serialize;

/// A reply before it is put on the wire.
pub(crate) type Reply = Response<Bytes>;

/// Content type of Zoho's JSON, as captured in <https://github.com/asciisd/zoho/issues/18>.
pub(crate) const JSON: &str = "application/json;charset=UTF-8";
const HTML: &str = "text/html;charset=UTF-8";

/// Returns a reply with one line of JSON and no line feed, which Zoho's PHP SDK depends on.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    // Unwrap safety: the bodies are our own types, with string keys and finite numbers only.
    #[expect(clippy::unwrap_used)]
    let text = serde_json::to_vec(body).unwrap();
    with_body(status, JSON, text)
}

/// Returns an HTML page with a title and one sentence.
pub(crate) fn html(status: StatusCode, title: &str) -> Reply {
    let page = format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    );
    with_body(status, HTML, page)
}

/// Returns a reply without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    with_body(status, JSON, Bytes::new())
}

/// Returns a reply with any body.
pub(crate) fn with_body(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    if let Ok(value) = content_type.parse() {
        reply.headers_mut().insert(CONTENT_TYPE, value);
    }
    reply
}
