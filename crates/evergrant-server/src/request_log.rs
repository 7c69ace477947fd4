//! The log's line about a request: which route, what was answered, how long it took, who asked for what. The
//! path stands in it as a template only: names, queries and whatever else a caller sends stay out.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use evergrant::clock::Timestamp;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use tokio::time::Instant;
use tracing::{Instrument, Level, Span, debug, field::Empty, info, info_span};

use crate::asking::{self, Asking, RequestId};

/// The header that names a request as the log does.
pub(crate) const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The words of our own paths; whatever else stands there is somebody's name.
const WORDS: [&str; 26] = [
    "audit",
    "callers",
    "connect",
    "connections",
    "console",
    "escrow",
    "evergrant",
    "exchange",
    "healthz",
    "look",
    "metrics",
    "oauth",
    "openapi.json",
    "readyz",
    "recover",
    "refused",
    "report",
    "revoke",
    "rotate",
    "scopes",
    "serverinfo",
    "status",
    "token",
    "v1",
    "v2",
    "vault",
];

/// Numbers requests, so that no two of one server have the same name.
pub(crate) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Begins with a number that no earlier run of the server has given.
    pub(crate) fn beginning(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.as_millis().unsigned_abs() << 20))
    }

    fn next(&self) -> RequestId {
        RequestId(self.0.fetch_add(1, Relaxed))
    }
}

/// What is written down of a request that is under way.
pub(crate) struct Entry {
    id: RequestId,
    method: &'static str,
    route: Cow<'static, str>,
    began: Instant,
    span: Span,
    /// Whether there are so many of its kind that only those that fail are of interest.
    is_usual: bool,
}

/// Marks an answer that refuses, whatever its status: Zoho says most refusals with 200.
#[derive(Clone, Copy)]
pub(crate) struct Refused(pub(crate) &'static str);

impl Entry {
    /// Begins with a request that has just come.
    pub(crate) fn begin<B>(ids: &RequestIds, request: &Request<B>) -> Self {
        let (id, path) = (ids.next(), request.uri().path());
        let is_usual = is_usual(path);
        // Most requests are never heard of again, so nothing is put together for them.
        let span = if is_usual && !tracing::enabled!(Level::DEBUG) {
            Span::none()
        } else {
            info_span!("request", %id, caller = Empty, connection = Empty)
        };
        Self {
            id,
            method: method(request.method()),
            route: template(path),
            began: Instant::now(),
            span,
            is_usual,
        }
    }

    /// Has the request answered, writes down how it was, and names the request to its caller.
    pub(crate) async fn of<B>(self, answering: impl Future<Output = Response<B>>) -> Response<B> {
        let answered = asking::answered(self.id, answering);
        let (mut response, asking) = answered.instrument(self.span.clone()).await;
        self.end(&mut response, &asking);
        response
    }

    fn end<B>(self, response: &mut Response<B>, asking: &Asking) {
        // No digit more than was measured.
        let milliseconds = self.began.elapsed().as_micros() as f64 / 1000.0;
        let status = response.status().as_u16();
        let refused = response.extensions().get().map(|Refused(word)| *word);
        // Where the proxy has answered, it has taken the caller's own name for the request, or made one.
        let named = response.headers().get(REQUEST_ID_HEADER);
        let request_id = named.and_then(|name| name.to_str().ok());
        let (method, route) = (self.method, &*self.route);
        let _entered = self.span.enter();
        if self.is_usual && status < 400 && refused.is_none() {
            debug!(method, route, status, milliseconds, request_id, "answered");
        } else {
            let request_id = match request_id {
                Some(named) => Cow::from(named),
                None => self.id.to_string().into(),
            };
            // A span says it already.
            let asking = self.span.is_none().then_some(asking);
            let caller = asking.and_then(|asking| asking.caller.as_deref());
            let connection = asking.and_then(|asking| asking.connection.as_deref());
            info!(
                method,
                route,
                status,
                refused,
                caller = caller.map(|caller| display(&caller.name)),
                connection = connection.map(display),
                milliseconds,
                %request_id,
                "answered"
            );
        }
        if request_id.is_none()
            && let Ok(id) = HeaderValue::try_from(self.id.to_string())
        {
            response.headers_mut().insert(REQUEST_ID_HEADER, id);
        }
    }
}

/// Tells what comes many times a second, tokens and what is passed on, or every few seconds, monitoring, or with every
/// command.
fn is_usual(path: &str) -> bool {
    match path {
        "/oauth/v2/token" | "/evergrant/healthz" | "/evergrant/readyz" | "/evergrant/metrics"
        | "/evergrant/v1/look" => true,
        _ => !path.starts_with("/evergrant/") && !path.starts_with("/oauth/"),
    }
}

/// A method of the standard; anybody may invent others.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn template(path: &str) -> Cow<'static, str> {
    match path {
        "/oauth/v2/token" => "/oauth/v2/token".into(),
        _ if path.starts_with("/evergrant/") || path.starts_with("/oauth/") => {
            let known = |segment| WORDS.into_iter().find(|word| *word == segment);
            // A longer path is none of ours.
            let segments = path.split('/').skip(1).take(8);
            let segments: Vec<_> = segments.map(|one| known(one).unwrap_or("*")).collect();
            format!("/{}", segments.join("/")).into()
        }
        _ => "/**".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_our_own_are_repeated() {
        for (path, written) in [
            ("/oauth/v2/token", "/oauth/v2/token"),
            ("/oauth/v2/canary", "/oauth/v2/*"),
            (
                "/evergrant/v1/connections/acme/token",
                "/evergrant/v1/connections/*/token",
            ),
            ("/crm/v8/Contacts/canary", "/**"),
            ("/", "/**"),
        ] {
            assert_eq!(template(path), written);
        }
        let invented = Method::from_bytes(b"CANARY").unwrap();
        assert_eq!(method(&invented), "other");
    }

    #[test]
    fn every_path_of_the_json_api_is_told_from_the_others() {
        let description = include_str!("../openapi.json");
        let description: serde_json::Value = serde_json::from_str(description).unwrap();
        for path in description["paths"].as_object().unwrap().keys() {
            let of_acme = path.replace("{name}", "acme");
            assert_eq!(template(&of_acme), path.replace("{name}", "*"));
        }
    }

    #[test]
    fn a_later_run_gives_other_numbers() {
        let [one, other] =
            [1_000_000, 1_000_001].map(|at| RequestIds::beginning(Timestamp::from_millis(at)));
        assert_ne!(one.next(), other.next());
        assert_ne!(one.next(), other.next());
    }
}
