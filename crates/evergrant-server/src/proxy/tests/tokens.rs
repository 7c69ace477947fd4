//! What happens when Zoho refuses a token.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    upstream::{Upstream, says},
    world::World,
};
use crate::body::Body;

const REFUSAL: &str =
    r#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#;

fn refuses(text: &'static str) -> Response<Body> {
    let mut response = says(text);
    *response.status_mut() = http::StatusCode::UNAUTHORIZED;
    response
}

/// A server that refuses the first token it is shown, and echoes bodies that come with another.
async fn refusing_the_first() -> Upstream {
    let first = Arc::new(std::sync::OnceLock::new());
    Upstream::http(move |request: Request<hyper::body::Incoming>| {
        let shown = request.headers()["authorization"].clone();
        let is_first = *first.get_or_init(|| shown.clone()) == shown;
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            match is_first {
                true => refuses(REFUSAL),
                false => Response::new(Body::from(body)),
            }
        }
    })
    .await
}

fn post(body: Bytes) -> Request<Full<Bytes>> {
    Request::post("/crm/v8/Leads")
        .body(Full::new(body))
        .unwrap()
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_request_sent_again() {
    let world = World::new(refusing_the_first().await).await;
    let reply = world.send(post(Bytes::from_static(b"[1,2]"))).await;
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (200, &b"[1,2]"[..])
    );
    let seen = world.api.seen();
    assert_eq!(seen.len(), 2);
    assert_ne!(
        seen[0].headers["authorization"],
        seen[1].headers["authorization"]
    );
    assert_eq!(
        seen[0].headers["x-request-id"],
        seen[1].headers["x-request-id"]
    );
    assert_eq!(
        (world.refreshes().await, world.proxy.measures().repeated()),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_refusals_at_once_one_leads_to_a_refresh() {
    let barrier = Arc::new(Barrier::new(20));
    let first = Arc::new(std::sync::OnceLock::new());
    let api = Upstream::http(move |request: Request<hyper::body::Incoming>| {
        let shown = request.headers()["authorization"].clone();
        let is_first = *first.get_or_init(|| shown.clone()) == shown;
        let barrier = barrier.clone();
        async move {
            if !is_first {
                return says("{}");
            }
            barrier.wait().await;
            refuses(REFUSAL)
        }
    })
    .await;
    // One more than there are: the last one is for another caller.
    let world = World::with_settings(api, |settings| settings.queue.simultaneous = 21).await;
    let world = Arc::new(world);
    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let world = world.clone();
        callers.spawn(async move { world.get("/crm/v8/Leads").await.status().as_u16() });
    }
    assert_eq!(callers.join_all().await, [200; 20]);
    assert_eq!((world.refreshes().await, world.api.seen().len()), (1, 40));
}

#[tokio::test]
async fn a_body_that_was_too_large_to_keep_is_not_sent_again() {
    let world = World::new(refusing_the_first().await).await;
    let large = Bytes::from(vec![b'x'; 64 * 1024 + 1]);
    let reply = world.send(post(large.clone())).await;
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (401, REFUSAL.as_bytes())
    );
    assert!(!reply.headers().contains_key("evergrant-error"));
    // It was reported all the same: the next one gets another token.
    let reply = world.send(post(large.clone())).await;
    assert_eq!(
        (reply.status().as_u16(), reply.body().len()),
        (200, large.len())
    );
    assert_eq!((world.refreshes().await, world.api.seen().len()), (1, 2));
}

#[tokio::test]
async fn a_body_of_64_kib_is_sent_again() {
    let world = World::new(refusing_the_first().await).await;
    let reply = world.send(post(Bytes::from(vec![b'x'; 64 * 1024]))).await;
    assert_eq!(
        (reply.status().as_u16(), reply.body().len()),
        (200, 64 * 1024)
    );
}

#[tokio::test]
async fn nothing_is_sent_a_third_time() {
    let world = World::new(Upstream::http(async |_| refuses(REFUSAL)).await).await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (401, REFUSAL.as_bytes())
    );
    assert_eq!(world.api.seen().len(), 2);
    // A report so soon after the first is not believed.
    assert_eq!(world.get("/crm/v8/Leads").await.status(), 401);
    assert_eq!((world.refreshes().await, world.api.seen().len()), (1, 3));
}

#[tokio::test]
async fn another_401_is_passed_on() {
    const OTHER: &str = r#"{"code":"OAUTH_SCOPE_MISMATCH","status":"error"}"#;
    let world = World::new(Upstream::http(async |_| refuses(OTHER)).await).await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (401, OTHER.as_bytes())
    );
    assert_eq!(reply.headers()["content-length"], OTHER.len().to_string());
    assert_eq!((world.refreshes().await, world.api.seen().len()), (0, 1));
}

#[tokio::test]
async fn a_large_401_is_passed_on_whole() {
    let api = Upstream::http(async |_| {
        let pieces = super::upstream::Pieces::of(10_000, 10);
        let mut response = Response::new(Body::Made(Box::pin(pieces)));
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        response
    });
    let world = World::new(api.await).await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(
        (reply.status().as_u16(), reply.body().len()),
        (401, 100_000)
    );
}
