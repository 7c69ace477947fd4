//! `GET /evergrant/metrics`: everything that is counted, as OpenMetrics text. It is put together when somebody
//! asks, so that counting costs what an addition costs.
//!
//! It names connections and callers, and so is told on this machine, and elsewhere to whoever shows the admin key, unless
//! the settings say otherwise.

mod proxy;

use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use evergrant::connection::State as Condition;
use http::{
    HeaderValue, Request, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, FORWARDED, HOST, HeaderName},
    uri::Authority,
};
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use crate::{
    api,
    body::Body,
    connection::Peer,
    host,
    metrics::TurnedAway,
    overview::{DEGRADED, Seen},
    problem::{Code, Problem},
    state::State,
};

type Labels = Vec<(&'static str, String)>;

/// Answers with all metrics, if whoever asks may see them.
pub(crate) async fn metrics<B>(state: &State, peer: Peer, request: &Request<B>) -> Response<Body> {
    if !state.metrics_are_open() && !is_of_this_machine(peer, request) {
        match api::shows_admin_key(state, peer, request.headers()) {
            Ok(true) => {}
            Ok(false) => return not_here().into_response(),
            Err(problem) => return problem.into_response(),
        }
    }
    let seen = state.overview().await;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut text, &registry(state, &seen));
    let mut response = Response::new(Body::from(Bytes::from(text)));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Tells whether a request was made on this machine, and not passed on by a proxy that runs there.
fn is_of_this_machine<B>(peer: Peer, request: &Request<B>) -> bool {
    let Peer::Network(address) = peer else {
        return true;
    };
    let passed_on = [FORWARDED, HeaderName::from_static("x-forwarded-for")];
    address.ip().to_canonical().is_loopback()
        && asks_by_loopback(request)
        && !passed_on
            .iter()
            .any(|header| request.headers().contains_key(header))
}

/// Tells whether a request is for a host that only this machine reaches. HTTP/2 says it in the address, HTTP/1.1 in a
/// header.
fn asks_by_loopback<B>(request: &Request<B>) -> bool {
    let header = request.headers().get(HOST);
    let header = header.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let named = request.uri().authority().or(header.as_ref());
    named.is_some_and(host::is_loopback)
}

fn not_here() -> Problem {
    Problem::new(Code::Denied, "metrics_are_local", "metrics are told on this machine only")
        .next("ask by the address 127.0.0.1 rather than by a name, with no proxy in between, or at the Unix socket; or send the admin key: Authorization: Bearer eva_…")
        .next("or let everybody see the names of connections and callers: metrics = \"open\" under [server]")
}

fn registry(state: &State, seen: &Seen) -> Registry {
    let mut all = Registry::with_prefix("evergrant");
    connections(&mut all, state, seen);
    callers(&mut all, state);
    server(&mut all, state, seen);
    proxy::register(&mut all, state.proxy.measures());
    all
}

fn connections(all: &mut Registry, state: &State, seen: &Seen) {
    let states = Family::<Labels, Gauge>::default();
    let refreshes_left = Family::<Labels, Gauge>::default();
    let expires = Family::<Labels, Gauge<f64, AtomicU64>>::default();
    let (now, limits) = (state.now(), state.broker.limits());
    for connection in &seen.connections {
        let name = || ("connection", connection.name.to_string());
        for state in Condition::ALL {
            let labels = vec![name(), ("state", state.as_str().to_owned())];
            states
                .get_or_create(&labels)
                .set(i64::from(connection.state == state));
        }
        let left = limits
            .for_programs()
            .saturating_sub(connection.refreshes.used);
        refreshes_left.get_or_create(&vec![name()]).set(left.into());
        let lives = connection
            .access_token_expires_at
            .map(|until| now.until(until).as_secs_f64());
        expires
            .get_or_create(&vec![name()])
            .set(lives.unwrap_or_default());
    }
    let refreshes = Family::<Labels, Counter>::default();
    for ((connection, outcome), count) in &seen.refreshes {
        let labels = vec![
            ("connection", connection.clone()),
            ("outcome", outcome.clone()),
        ];
        refreshes.get_or_create(&labels).inc_by(*count);
    }
    all.register(
        "connection_state",
        "Whether a connection is in this state",
        states,
    );
    all.register(
        "refreshes_left",
        "Refreshes that programs may still make in the present window",
        refreshes_left,
    );
    all.register(
        "access_token_expires_seconds",
        "How long a connection's access token still works; 0 if there is none",
        expires,
    );
    all.register(
        "refreshes",
        "Refreshes by whatever process, since this server started, by what came of them",
        refreshes,
    );
}

fn callers(all: &mut Registry, state: &State) {
    let requests = Family::<Labels, Counter>::default();
    let count = |caller: String, outcome: &str, count: u64| {
        let labels = vec![("caller", caller), ("outcome", outcome.to_owned())];
        requests.get_or_create(&labels).inc_by(count);
    };
    for (grant, usage) in state.callers().all() {
        let name = || grant.caller.name.to_string();
        count(name(), "given", usage.times_given());
        count(name(), "refused", usage.times_refused());
    }
    for (denial, times) in state.denials.all() {
        let name = denial.caller.map(|(_, name)| name).unwrap_or_default();
        count(name, denial.word, times);
    }
    let unreadable = [
        "invalid_request",
        "unsupported_grant_type",
        "invalid_redirect_uri",
    ];
    for ((caller, word), times) in state.metrics.refusals() {
        if unreadable.contains(&word) {
            count(caller, word, times);
        }
    }
    all.register(
        "token_requests",
        "Requests for a token, by caller (none where nobody knows whose) and outcome",
        requests,
    );
}

fn server(all: &mut Registry, state: &State, seen: &Seen) {
    let degraded = Family::<Labels, Gauge>::default();
    for what in DEGRADED {
        let count = i64::try_from(seen.degraded(what)).unwrap_or(i64::MAX);
        degraded
            .get_or_create(&vec![("what", what.to_owned())])
            .set(count);
    }
    let escrow = Gauge::<i64>::default();
    escrow.set(i64::try_from(seen.escrow).unwrap_or(i64::MAX));
    let recovered = Family::<Labels, Counter>::default();
    for (outcome, count) in state.metrics.recoveries() {
        recovered
            .get_or_create(&vec![("outcome", outcome.to_owned())])
            .inc_by(count);
    }
    all.register("degraded", "How much of this is wrong; 0 is well", degraded);
    all.register(
        "escrow_records",
        "Exchanges that broke off and wait in escrow",
        escrow,
    );
    all.register(
        "escrow_recovered",
        "Exchanges that had broken off and were settled",
        recovered,
    );
    let turned_away = Family::<Labels, Counter>::default();
    for why in TurnedAway::ALL {
        turned_away
            .get_or_create(&vec![("why", why.label().to_owned())])
            .inc_by(state.metrics.times_turned_away(why));
    }
    all.register(
        "connections_refused",
        "Connections that were not taken up, as there were enough from their address or in all",
        turned_away,
    );
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    all.register("build", "The version that runs", build);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(peer: &str, headers: &[(&str, &str)]) -> bool {
        local_at("/evergrant/metrics", peer, headers)
    }

    fn local_at(uri: &str, peer: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_of_this_machine(
            Peer::Network(peer.parse().unwrap()),
            &request.body(()).unwrap(),
        )
    }

    #[test]
    fn http_2_names_the_host_in_the_address() {
        let peer = "127.0.0.1:9";
        let local = |host| local_at(&format!("https://{host}/evergrant/metrics"), peer, &[]);
        for host in [
            "127.0.0.1:8470",
            "127.0.0.1",
            "LocalHost:8470",
            "[::1]:8470",
            "[::1]",
        ] {
            assert!(local(host), "{host}");
        }
        for host in [
            "zoho.example.com",
            "192.0.2.1:8470",
            "127.0.0.1.example.com",
        ] {
            assert!(!local(host), "{host}");
        }
        assert!(!local_at("/evergrant/metrics", peer, &[]));
    }

    #[test]
    fn what_a_proxy_passes_on_is_not_of_this_machine() {
        let host = ("host", "127.0.0.1:8470");
        assert!(local("127.0.0.1:9", &[host]));
        assert!(local("[::1]:9", &[("host", "[::1]:8470")]));
        assert!(!local("192.0.2.1:9", &[host]));
        assert!(!local("127.0.0.1:9", &[("host", "zoho.example.com")]));
        assert!(!local(
            "127.0.0.1:9",
            &[host, ("x-forwarded-for", "192.0.2.1")]
        ));
        assert!(is_of_this_machine(
            Peer::Local { uid: 1000 },
            &Request::new(())
        ));
    }
}
