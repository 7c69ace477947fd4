//! What goes on and what does not.

use bytes::Bytes;
use evergrant::Broker;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{
    upstream::{Upstream, says},
    world::World,
};
use crate::{
    body::Body,
    proxy::{Outcome, Proxy, ProxyCaller, scope},
};

#[tokio::test]
async fn a_request_goes_on_with_the_token_and_the_reply_comes_back() {
    let world = World::new(Upstream::http(async |_| says("{}")).await).await;
    let request = Request::get("/crm/v8/Leads?fields=Last_Name&page=%31")
        .header("host", "proxy.example")
        .header("authorization", "Zoho-oauthtoken evp_secret")
        .header("cookie", "a=b")
        .header("x-request-id", "mine-1")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("te", "trailers")
        .header("if-modified-since", "Wed, 21 Oct 2015 07:28:00 GMT")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let reply = world.send(request).await;
    assert_eq!(
        (reply.status(), &reply.body()[..]),
        (StatusCode::OK, &b"{}"[..])
    );
    assert_eq!(reply.headers()["x-request-id"], "mine-1");

    let seen = world.api.seen().remove(0);
    assert_eq!(seen.uri, "/crm/v8/Leads?fields=Last_Name&page=%31");
    assert_eq!(seen.headers["host"], world.api.origin["http://".len()..]);
    let authorization = seen.headers["authorization"].to_str().unwrap();
    assert!(authorization.starts_with("Zoho-oauthtoken 1000."));
    assert_eq!(seen.headers["x-request-id"], "mine-1");
    assert_eq!(
        seen.headers["if-modified-since"],
        "Wed, 21 Oct 2015 07:28:00 GMT"
    );
    assert_eq!(seen.headers.len(), 4, "{:?}", seen.headers.keys());
    assert_eq!(world.proxy.measures().outcome(Outcome::Passed), 1);
}

#[tokio::test]
async fn zohos_errors_are_passed_on_as_they_are() {
    let world = World::new(
        Upstream::http(async |_| {
            Response::builder()
                .status(429)
                .header("x-api-credits-remaining", "0")
                .header("set-cookie", "zoho=1")
                .body(Body::from(Bytes::from_static(
                    b"{\"code\":\"TOO_MANY_REQUESTS\"}",
                )))
                .unwrap()
        })
        .await,
    )
    .await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(reply.status(), 429);
    assert_eq!(&reply.body()[..], b"{\"code\":\"TOO_MANY_REQUESTS\"}");
    assert_eq!(reply.headers()["x-api-credits-remaining"], "0");
    assert!(!reply.headers().contains_key("set-cookie"));
    assert!(!reply.headers().contains_key("evergrant-error"));
}

#[tokio::test]
async fn over_tls_connections_are_kept_and_used_again() {
    let world = World::new(Upstream::https(async |_| says("{}")).await).await;
    for _ in 0..5 {
        assert_eq!(world.get("/crm/v8/Leads").await.status(), 200);
    }
    assert_eq!((world.api.seen().len(), world.api.connections()), (5, 1));
    assert_eq!(
        world.api.seen()[0].headers["host"],
        world.api.origin["https://".len()..]
    );
}

#[tokio::test]
async fn a_server_that_is_not_trusted_gets_no_token() {
    let mut api = Upstream::https(async |_| says("{}")).await;
    api.roots = None;
    let world = World::new(api).await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(reply.status(), 503);
    assert_eq!(reply.headers()["evergrant-error"], "unavailable");
    assert_eq!(reply.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
    assert_eq!(problem["type"], "urn:evergrant:error:unavailable");
    assert_eq!(
        (&problem["reason"], &problem["status"]),
        (&"not_reached".into(), &503.into())
    );
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_proxy_on_the_way_is_told_the_whole_address() {
    let mut api = Upstream::http(async |_| says("{}")).await;
    let between = api.origin.replace("http://", "http://user:secret@");
    api.origin = "http://127.0.0.1:1".to_owned();
    let mut given = super::world::Given::default();
    given.transport.proxy.http = Some(between);
    let world = World::with(api, given).await;
    assert_eq!(world.get("/crm/v8/Leads?a=1").await.status(), 200);
    let seen = world.api.seen().remove(0);
    assert_eq!(seen.uri, "http://127.0.0.1:1/crm/v8/Leads?a=1");
    assert_eq!(seen.headers["host"], "127.0.0.1:1");
    assert_eq!(
        seen.headers["proxy-authorization"],
        "Basic dXNlcjpzZWNyZXQ="
    );
}

#[tokio::test]
async fn callers_may_speak_http_2() {
    let world = World::new(
        Upstream::http(async |request| {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::new(Body::from(body))
        })
        .await,
    )
    .await;
    let stream = TokioIo::new(world.connect().await);
    let shaken = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await;
    let (mut sender, driver) = shaken.unwrap();
    tokio::spawn(driver);
    for _ in 0..2 {
        let request = Request::post("http://proxy.example/crm/v8/Leads?a=b")
            .body(Full::new(Bytes::from_static(b"[1]")))
            .unwrap();
        let reply = sender.send_request(request).await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(
            &reply.into_body().collect().await.unwrap().to_bytes()[..],
            b"[1]"
        );
    }
    let seen = world.api.seen().remove(0);
    assert_eq!(seen.uri, "/crm/v8/Leads?a=b");
    assert_eq!(seen.headers["content-length"], "3");
    assert_eq!(world.api.connections(), 1);
}

#[tokio::test]
async fn a_product_is_reached_by_its_name() {
    let world = World::new(Upstream::http(async |_| says("{}")).await).await;
    assert_eq!(
        world
            .get("/evergrant/to/desk/api/v1/tickets?x=1")
            .await
            .status(),
        200
    );
    assert_eq!(world.api.seen()[0].uri, "/api/v1/tickets?x=1");
    for unknown in [
        "/evergrant/to/evil.example/x",
        "/evergrant/to/mail/x",
        "/evergrant/to/desk",
    ] {
        let reply = world.get(unknown).await;
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["evergrant-error"]),
            (404, &"config".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn rules_see_the_path_as_it_came() {
    let given = super::world::Given {
        rules: vec!["GET /crm/v8/Leads*".parse().unwrap()],
        ..Default::default()
    };
    let world = World::with(Upstream::http(async |_| says("{}")).await, given).await;
    assert_eq!(world.get("/crm/v8/Leads/1").await.status(), 200);
    for denied in ["/crm/v8/Contacts", "/evergrant/to/desk/crm/v8/Leads"] {
        let reply = world.get(denied).await;
        assert_eq!(reply.status(), 403);
        assert_eq!(reply.headers()["evergrant-error"], "denied");
    }
    assert_eq!(world.api.seen().len(), 1);
}

#[tokio::test]
async fn a_caller_with_scopes_may_do_what_they_cover() {
    let given = super::world::Given {
        scopes: "ZohoCRM.modules.leads.READ".parse().unwrap(),
        ..Default::default()
    };
    let world = World::with(Upstream::http(async |_| says("{}")).await, given).await;
    assert_eq!(world.get("/crm/v8/Leads").await.status(), 200);
    for (path, reason) in [
        ("/crm/v8/Contacts", "scope"),
        ("/crm/v8/users", "scope"),
        ("/crm/v8/__features", "scope_unknown"),
        ("/workdrive/api/v1/files", "scope_unknown"),
    ] {
        let reply = world.get(path).await;
        let problem: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(
            (reply.status().as_u16(), problem["reason"].as_str().unwrap()),
            (403, reason),
            "{path}"
        );
        assert!(
            problem.to_string().contains("the caller tester"),
            "{problem}"
        );
        assert!(problem["next"][0].is_string(), "{problem}");
    }
    assert!(scope::needed(&http::Method::GET, None, "/crm/v8/Leads").is_some());
}

#[tokio::test]
async fn a_body_is_asked_for_where_the_caller_waits_for_that() {
    let world = World::new(
        Upstream::http(async |request| {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::new(Body::from(body))
        })
        .await,
    )
    .await;
    let reply = world
        .raw(
            "POST /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\
             content-length: 2\r\n\r\n[]",
        )
        .await;
    assert!(
        reply.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"),
        "{reply}"
    );
    assert!(!world.api.seen()[0].headers.contains_key("expect"));
}

#[tokio::test]
async fn a_request_without_a_body_says_so() {
    let world = World::new(Upstream::http(async |_| says("{}")).await).await;
    let request = Request::post("/crm/v8/Leads/actions/x")
        .body(Empty::<Bytes>::new())
        .unwrap();
    assert_eq!(world.send(request).await.status(), 200);
    assert_eq!(world.api.seen()[0].headers["content-length"], "0");
    let head = Request::head("/crm/v8/Leads")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let reply = world.send(head).await;
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["content-length"]),
        (200, &"2".parse().unwrap())
    );
}

#[test]
fn the_future_of_a_request_is_small() {
    fn size<'a, F>(
        _: impl Fn(&'a Proxy, &'a Broker, &'a ProxyCaller<'a>, Request<Incoming>) -> F,
    ) -> usize {
        size_of::<F>()
    }
    // It is moved more than once. What is rare has a box of its own.
    let size = size(|proxy, broker, who, request| proxy.forward(broker, who, request));
    assert!(size < 5 * 1024, "{size}");
}
