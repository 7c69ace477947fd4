//! Requests to the JSON API, each of whose answers has to be as openapi.json describes it.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::estate::{Estate, Reply};

const DESCRIPTION: &str = include_str!("../../openapi.json");

impl Estate {
    /// Asks with the admin key.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Value) -> Reply {
        let key = format!("Bearer {}", self.admin_key.expose_secret());
        self.api_as(&[&key], method, path, body).await
    }

    /// Asks for what has to be there.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let reply = self.api("GET", path, Value::Null).await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        reply.json()
    }

    /// Asks with these headers `Authorization`.
    pub(crate) async fn api_as(
        &self,
        authorization: &[&str],
        method: &str,
        path: &str,
        body: Value,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(self.url(&format!("/evergrant/v1{path}")));
        for header in authorization {
            request = request.header("Authorization", *header);
        }
        let body = match body {
            Value::Null => Full::default(),
            body => Full::from(Bytes::from(body.to_string())),
        };
        let reply = self.send(request.body(body).unwrap()).await;
        assert_eq!(reply.headers["cache-control"], "no-store");
        check(method, path, &reply);
        reply
    }
}

/// Looks whether an answer is as described.
pub(crate) fn check(method: &str, path: &str, reply: &Reply) {
    let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
    let schema = schema(&description, method, path, reply.status);
    let schema = json!({ "allOf": [schema], "components": description["components"] });
    let validator = jsonschema::validator_for(&schema).unwrap();
    let answer = reply.json();
    if let Err(wrong) = validator.validate(&answer) {
        panic!("{method} {path}: {wrong}: {answer}");
    }
    for step in answer["next"].as_array().into_iter().flatten() {
        let step = step.as_str().unwrap();
        let is_for_a_terminal = step.starts_with("evergrant ") || step.starts_with("--");
        assert!(!is_for_a_terminal, "{method} {path}: {step}");
    }
}

fn schema(description: &Value, method: &str, path: &str, status: StatusCode) -> Value {
    let path = path.split('?').next().unwrap();
    let described = description["paths"].as_object().unwrap().iter();
    let mut described = described.filter(|(template, _)| fits(template, path));
    let operation = described.find_map(|(_, methods)| methods.get(method.to_lowercase()));
    let Some(operation) = operation else {
        // What is not described is an error.
        assert!(status.is_client_error(), "{method} {path}: {status}");
        return json!({ "$ref": "#/components/schemas/Problem" });
    };
    let mut response = &operation["responses"][status.as_str()];
    if let Some(reference) = response["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        response = description.pointer(pointer).unwrap();
    }
    let contents = response["content"].as_object();
    let contents = contents.unwrap_or_else(|| panic!("{method} {path}: {status} is not described"));
    contents.values().next().unwrap()["schema"].clone()
}

fn fits(template: &str, path: &str) -> bool {
    let template = template.strip_prefix("/evergrant/v1").unwrap().split('/');
    let mut path = path.split('/');
    template.into_iter().all(|part| {
        path.next()
            .is_some_and(|own| part == own || part.starts_with('{'))
    }) && path.next().is_none()
}
