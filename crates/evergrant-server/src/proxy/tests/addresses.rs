//! Requests that mean to go elsewhere, or to be read in two ways; sent byte for byte, as no client library would.

use super::{
    upstream::{Upstream, says},
    world::World,
};

async fn world() -> World {
    World::new(Upstream::http(async |_| says("{}")).await).await
}

fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
}

#[tokio::test]
async fn what_has_two_readings_is_refused() {
    let world = world().await;
    for target in [
        "/crm/v8/../x",
        "/crm/v8/%2e%2e/x",
        "/crm//v8",
        "/crm/v8%2fLeads",
        "/crm/v8%5cLeads",
        "/crm/v8;x=1/Leads",
        "/crm/v8/%00",
        "/crm/%zz",
        "/crm/v8/%75sers",
        "/evergrant/to/desk/../x",
        "/evergrant/to/desk//x",
        "/crm/v8/Leads?access_token=1",
        "/crm/v8/Leads?a=1&AUTHTOKEN=1",
        "*",
    ] {
        let reply = world.raw(&get(target, "")).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{target}: {reply}");
        assert!(
            reply.contains("evergrant-error: usage\r\n"),
            "{target}: {reply}"
        );
    }
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_coding_that_is_not_undone_here_is_not_taken() {
    let world = world().await;
    let request = "POST /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                   transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let reply = world.raw(request).await;
    assert!(reply.starts_with("HTTP/1.1 501 "), "{reply}");
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_fragment_is_not_sent() {
    let world = world().await;
    let reply = world.raw(&get("/crm/v8/Leads?a=1#/../x", "")).await;
    assert!(
        reply.starts_with("HTTP/1.1 200 ") || reply.starts_with("HTTP/1.1 400 "),
        "{reply}"
    );
    assert!(
        world
            .api
            .seen()
            .iter()
            .all(|seen| seen.uri == "/crm/v8/Leads?a=1")
    );
}

#[tokio::test]
async fn no_request_leads_to_another_server() {
    let world = world().await;
    let absolute = world
        .raw(&get("http://evil.example/crm/v8/Leads", ""))
        .await;
    assert!(
        absolute.contains("\"reason\":\"absolute_form\""),
        "{absolute}"
    );
    let connect =
        "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\nconnection: close\r\n\r\n";
    assert!(world.raw(connect).await.starts_with("HTTP/1.1 405 "));
    let trace = "TRACE /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(world.raw(trace).await.starts_with("HTTP/1.1 405 "));
    assert!(world.api.seen().is_empty());
    // Neither Host nor what other proxies put beside it decides anything.
    let headers = "x-forwarded-host: evil.example\r\nx-original-url: /crm/v8/users\r\nforwarded: host=evil.example\r\n";
    assert!(
        world
            .raw(&get("/crm/v8/Leads", headers))
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    let seen = world.api.seen().remove(0);
    assert_eq!(seen.headers["host"], world.api.origin["http://".len()..]);
    assert_eq!(seen.headers.len(), 3, "{:?}", seen.headers.keys());
}

#[tokio::test]
async fn a_body_with_two_lengths_is_framed_once() {
    let world = world().await;
    // What hyper lets through: Transfer-Encoding has the last word, and the hidden request stays a body.
    let both = "POST /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\
                transfer-encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n";
    let reply = world.raw(both).await;
    assert!(
        reply.starts_with("HTTP/1.1 200 ") || reply.starts_with("HTTP/1.1 400 "),
        "{reply}"
    );
    for seen in world.api.seen() {
        assert_eq!(seen.method, "POST");
        assert!(!seen.headers.contains_key("content-length"));
        assert_eq!(seen.headers["transfer-encoding"], "chunked");
    }
    for broken in [
        "content-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
        "content-length: +4\r\n\r\nabcd",
        "transfer-encoding: gzip\r\n\r\nabcd",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ] {
        let before = world.api.seen().len();
        let request =
            format!("POST /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{broken}");
        let reply = world.raw(&request).await;
        assert!(reply.starts_with("HTTP/1.1 400 "), "{broken}: {reply}");
        assert_eq!(world.api.seen().len(), before, "{broken}");
    }
}

#[tokio::test]
async fn a_get_with_a_chunked_body_is_framed_once_too() {
    let world = world().await;
    let request = "GET /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n0\r\nauthorization: Zoho-oauthtoken mine\r\n\r\n";
    assert!(world.raw(request).await.starts_with("HTTP/1.1 200 "));
    let seen = world.api.seen().remove(0);
    assert_eq!(seen.headers["transfer-encoding"], "chunked");
    assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);
}
