//! The JSON API under `/evergrant/v1`, for administrators and for programs of this machine.
//! [openapi.json](../openapi.json) describes it.

mod answer;
mod audit;
mod callers;
mod connections;
mod credentials;
mod input;
mod look;
mod new_caller;
mod openapi;
mod problems;
mod token;
mod who;

pub use self::token::WARNING_HEADER;
pub(crate) use self::who::shows_admin_key;

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use axum::{
    Router,
    routing::{MethodRouter, delete, get, post},
};
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, WWW_AUTHENTICATE},
};
use hyper::body::Incoming;
use tower_service::Service;

use crate::{
    admin_key::AdminKeyHash,
    body::Body,
    config::Config,
    connection::Peer,
    local::LocalUsers,
    problem::{Code, Problem},
    state::State,
};

/// How paths of this API begin.
pub(crate) const PREFIX: &str = "/evergrant/v1";

/// How long a request may take: as long as a refresh that has to wait for another one.
const LONGEST: Duration = Duration::from_secs(120);

/// All that the API needs besides what the whole server shares.
pub(crate) struct Api {
    router: Router,
    people: ArcSwap<People>,
}

/// Who may use it.
pub(crate) struct People {
    admin: Option<AdminKeyHash>,
    local: LocalUsers,
}

/// Every route: its method, its path below [`PREFIX`], what answers it.
fn routes() -> Vec<(&'static str, &'static str, MethodRouter)> {
    vec![
        ("get", "/openapi.json", get(openapi::show)),
        ("get", "/connections", get(connections::list)),
        ("get", "/connections/{name}", get(connections::show)),
        ("get", "/connections/{name}/token", get(token::show)),
        (
            "post",
            "/connections/{name}/token/refused",
            post(token::refused),
        ),
        ("get", "/status", get(connections::list)),
        ("get", "/callers", get(callers::list)),
        ("post", "/callers", post(credentials::add)),
        ("get", "/callers/{name}", get(callers::show)),
        ("delete", "/callers/{name}", delete(callers::revoke)),
        ("post", "/callers/{name}/rotate", post(credentials::rotate)),
        (
            "post",
            "/callers/{name}/connect",
            post(credentials::connect),
        ),
        ("get", "/audit", get(audit::list)),
        ("post", "/look", post(look::look)),
    ]
}

impl Api {
    pub(crate) fn new(config: &Config) -> Self {
        let router = routes()
            .into_iter()
            .fold(Router::new(), |router, (_, path, answering)| {
                router.route(&format!("{PREFIX}{path}"), answering)
            });
        Self {
            router: router
                .fallback(async || nothing_here())
                .method_not_allowed_fallback(async || no_such_method()),
            people: ArcSwap::from_pointee(People::of(config)),
        }
    }

    /// Returns who may use it, at this moment.
    pub(crate) fn people(&self) -> Guard<Arc<People>> {
        self.people.load()
    }

    /// Takes in who may use it from now on. Without a new admin key the old one stays.
    pub(crate) fn set_people(&self, config: &Config) {
        let mut new = People::of(config);
        if new.admin.is_none() {
            new.admin = self.people().admin.clone();
        }
        self.people.store(Arc::new(new));
    }
}

impl People {
    /// Returns what other users of this machine may.
    pub(crate) fn local(&self) -> &LocalUsers {
        &self.local
    }

    fn of(config: &Config) -> Self {
        Self {
            admin: config.admin_key.as_ref().map(AdminKeyHash::of),
            local: LocalUsers::new(config.local.clone()),
        }
    }
}

/// Answers a request.
pub(crate) async fn answer(
    state: &Arc<State>,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Response<Body> {
    request.extensions_mut().insert(state.clone());
    request.extensions_mut().insert(peer);
    let request = request.map(axum::body::Body::new);
    let answering = state.api.router.clone().call(request);
    let mut response = match tokio::time::timeout(LONGEST, answering).await {
        Ok(Ok(response)) => response
            .map(|body| Body::Made(Box::pin(http_body_util::BodyExt::map_err(body, Into::into)))),
        Ok(Err(never)) => match never {},
        Err(_) => too_slow().into_response(),
    };
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn nothing_here() -> Problem {
    let message = "there is nothing at this path";
    Problem::new(Code::Config, "no_such_path", message)
        .next("GET /evergrant/v1/openapi.json     describes what there is")
}

fn no_such_method() -> Problem {
    let message = "this path does not take this method";
    Problem::new(Code::Usage, "no_such_method", message)
        .status(StatusCode::METHOD_NOT_ALLOWED)
        .next("GET /evergrant/v1/openapi.json     describes what there is")
}

fn too_slow() -> Problem {
    Problem::new(Code::Unavailable, "too_slow", "there is no answer yet")
        .next("ask again: what was begun goes on")
}
