//! What a request says: path, query and body, or a problem.

use std::{fmt::Display, str::FromStr};

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::problem::{Code, Problem};

/// The largest body that is read.
const LIMIT: usize = 64 * 1024;

/// The name in the path.
pub(super) struct Name<T>(pub(super) T);

/// The parameters of the query.
pub(super) struct Query<T>(pub(super) T);

/// A body of JSON; an empty one is an empty object.
pub(super) struct Json<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr<Err: Display>> FromRequestParts<S> for Name<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = RawPathParams::from_request_parts(head, state).await;
        let found = found.map_err(|_| unreadable("invalid_name", "the path is no text"))?;
        let name = found.iter().map(|(_, value)| value).next();
        let name = name.unwrap_or_default().parse();
        // What was sent is not repeated: it may be a secret in the wrong place.
        name.map(Self)
            .map_err(|error: T::Err| unreadable("invalid_name", error))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&head.uri);
        let query = query.map_err(|_| {
            unreadable("invalid_query", "the query is not as it should be")
                .next("GET /evergrant/v1/openapi.json     describes the parameters of each path")
        })?;
        Ok(Self(query.0))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = receive(request).await?;
        let text = match body.is_empty() {
            true => b"{}",
            false => &*body,
        };
        let value = serde_json::from_slice(text);
        value.map(Self).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let what = match error.classify() {
                serde_json::error::Category::Data => "an object such as this path takes",
                _ => "JSON",
            };
            let which = member(&error.to_string()).unwrap_or_default();
            unreadable(
                "invalid_json",
                format!("the body is not {what}: {which}{place}"),
            )
            .next("GET /evergrant/v1/openapi.json     describes the body of each path")
        })
    }
}

/// Says which member is too many or missing. Nothing else of what was sent is repeated: it may be a secret in the wrong
/// place.
fn member(error: &str) -> Option<String> {
    let (what, rest) = error.split_once(" field `")?;
    let (name, _) = rest.split_once('`')?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.len() <= 30 && name.chars().all(is_word);
    let known = matches!(what, "unknown" | "missing" | "duplicate");
    (known && is_name).then(|| format!("{what} member {name}, "))
}

async fn receive(request: Request) -> Result<Bytes, Problem> {
    let patience = super::who::patience(&request);
    let reading = Limited::new(request.into_body(), LIMIT).collect();
    match tokio::time::timeout(patience, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(unreadable("broken_off", "the body broke off")),
        Err(_) => Err(unreadable("too_slow", "the body did not come in time")
            .status(StatusCode::REQUEST_TIMEOUT)),
    }
}

fn too_large() -> Problem {
    unreadable("too_large", "the body is too large").status(StatusCode::PAYLOAD_TOO_LARGE)
}

/// Says that a request cannot be read.
pub(super) fn unreadable(reason: &'static str, message: impl Display) -> Problem {
    Problem::new(Code::Usage, reason, message.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_named_and_a_value_is_not() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only read")]
        struct Body {
            name: String,
        }
        let told = |text: &str| {
            let error = serde_json::from_str::<Body>(text).unwrap_err();
            member(&error.to_string())
        };
        assert_eq!(
            told(r#"{"name": "a", "scope": 1}"#).unwrap(),
            "unknown member scope, "
        );
        assert_eq!(told("{}").unwrap(), "missing member name, ");
        assert_eq!(told(r#"{"name": 7}"#), None);
        assert_eq!(told(r#"{"1000.secret.token": 7}"#), None);
        assert_eq!(told(r#"{"name": ["unknown field `secret`"]}"#), None);
    }
}
