//! Which part of the server answers a request. Our own paths all lie under `/evergrant/`; all others are
//! Zoho's.

use http::{HeaderValue, Method, Request, Response, StatusCode, header::ALLOW};
use hyper::body::Incoming;

use crate::{
    accounts, api,
    body::Body,
    connection::Peer,
    exposition, gate, health,
    host::WrongHost,
    problem::{Code, Problem},
    request_log::Entry,
    workers::Worker,
};

/// Answers a request, and writes a line about it into the log.
pub(crate) async fn answer(
    worker: &Worker,
    peer: Peer,
    request: Request<Incoming>,
) -> Response<Body> {
    let entry = Entry::begin(&worker.state.request_ids, &request);
    // In a box, so that what is around it keeps a pointer and no copies.
    entry.of(Box::pin(route(worker, peer, request))).await
}

/// Each part is in a box of its own: small pieces of memory come and go with a request, and are the next
/// request's; one large one would be left between the buffers of connections, and take room for good.
async fn route(worker: &Worker, peer: Peer, request: Request<Incoming>) -> Response<Body> {
    let state = &worker.state;
    // Whoever looks whether the server lives may call it by whatever name.
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        match request.uri().path() {
            "/evergrant/healthz" => return health::healthz(),
            "/evergrant/readyz" => return Box::pin(health::readyz(state)).await,
            _ => {}
        }
    }
    // Whoever comes by the Unix socket was led here by no foreign name.
    if matches!(peer, Peer::Network(_))
        && let Err(wrong) = state.hosts().check(&request)
    {
        return wrong_host(wrong).into_response();
    }
    match request.uri().path() {
        "/oauth/v2/token" => Box::pin(accounts::token(state, peer, request)).await,
        "/oauth/v2/token/revoke" | "/oauth/v2/revoke/token" => {
            Box::pin(accounts::revoke(state, peer, request)).await
        }
        "/oauth/serverinfo" if request.method() == Method::GET => {
            accounts::serverinfo(&state.public_url)
        }
        "/evergrant/metrics" if request.method() == Method::GET => {
            Box::pin(exposition::metrics(state, peer, &request)).await
        }
        // In a box: each connection keeps room for all that it may do.
        path if path.starts_with(api::PREFIX) => Box::pin(api::answer(state, peer, request)).await,
        "/evergrant/healthz" | "/evergrant/readyz" => no_such_method("GET, HEAD"),
        "/evergrant/metrics" => no_such_method("GET"),
        path if is_ours(path) => nothing_here().into_response(),
        path if is_accounts(path) => no_such_accounts_path().into_response(),
        _ => Box::pin(gate::pass(worker, peer, request)).await,
    }
}

/// Tells our own paths from Zoho's; `/evergrant/to/` leads to a product of Zoho's, through the proxy.
fn is_ours(path: &str) -> bool {
    path.starts_with("/evergrant/") && !path.starts_with("/evergrant/to/")
}

/// Tells paths of an accounts server, however they are written: Zoho's API has none of them.
fn is_accounts(path: &str) -> bool {
    let first = path.split('/').find(|segment| !segment.is_empty());
    first.is_some_and(|first| first.eq_ignore_ascii_case("oauth"))
}

fn no_such_accounts_path() -> Problem {
    nothing_here()
        .next("tokens: POST /oauth/v2/token")
        .next("revocation: POST /oauth/v2/token/revoke")
        .next("grant tokens are made at Zoho's own accounts server, not here")
}

fn wrong_host(wrong: WrongHost) -> Problem {
    match wrong {
        WrongHost::NotOne => Problem::new(
            Code::Usage,
            "one_host",
            "the request does not say, once and for all, which host it is for",
        ),
        WrongHost::Foreign => Problem::new(
            Code::Denied,
            "foreign_host",
            "the request is for another host than this server",
        )
        .next("name the host in config.toml, if it is this server's: hosts = [\"...\"] under [server]")
        .status(StatusCode::MISDIRECTED_REQUEST),
    }
}

fn no_such_method(allowed: &'static str) -> Response<Body> {
    let message = "this path does not take this method";
    let mut response = Problem::new(Code::Usage, "no_such_method", message)
        .next("ask with GET")
        .status(StatusCode::METHOD_NOT_ALLOWED)
        .into_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn nothing_here() -> Problem {
    Problem::new(
        Code::Config,
        "no_such_path",
        "there is nothing at this path",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_accounts_server_is_known_however_it_is_written() {
        for path in [
            "/oauth/v2/token/",
            "//oauth/v2/token",
            "/OAuth/v2/auth",
            "/oauth",
        ] {
            assert!(is_accounts(path), "{path}");
        }
        for path in ["/crm/v8/oauth/x", "/oauthx", "/", ""] {
            assert!(!is_accounts(path), "{path}");
        }
    }
}
