//! `GET /openapi.json`: what there is, for programs. It is no secret, so it needs no key.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// The description ([OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.0)).
const DESCRIPTION: &str = include_str!("../../openapi.json");

/// Returns the description.
pub(super) async fn show() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::DESCRIPTION;
    use crate::api::{PREFIX, routes};

    #[test]
    fn it_describes_every_route_and_nothing_else() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let mut described = BTreeSet::new();
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                if method != "parameters" {
                    described.insert((method.clone(), path.clone()));
                }
            }
        }
        let routed = routes().into_iter();
        let routed = routed.map(|(method, path, _)| (method.to_owned(), format!("{PREFIX}{path}")));
        assert_eq!(described, routed.collect());
    }

    #[test]
    fn it_is_of_this_version() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
