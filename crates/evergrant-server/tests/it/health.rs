//! Whether the server lives, and whether it can do what it is there for.

use std::time::{Duration, Instant};

use evergrant::caller::Mode;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::estate::Estate;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_learns_that_it_lives_and_no_names() {
    let estate = Estate::start().await;
    let request = Request::get(estate.url("/evergrant/healthz")).header("Host", "10.0.0.7:8470");
    let reply = estate.send(request.body(Full::default()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.json(),
        json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})
    );
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (StatusCode::OK, &json!("ready"))
    );
    assert_eq!(reply.json()["connections"]["healthy"], 1);
    assert!(!reply.body.contains("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_only_nothing_at_all_is_not_ready() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    estate.refresh(&caller).await;
    estate
        .world
        .execute("UPDATE connections SET state = 'new_grant_needed'")
        .await;
    estate.world.pass(10).await;
    let reply = estate.get("/evergrant/readyz").await;
    assert_eq!(
        (reply.status, &reply.json()["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    assert_eq!(reply.json()["degraded"], json!({"new_grant_needed": 1}));
    // The token that still works is over, and there will be no other.
    estate.world.pass(3600).await;
    let reply = estate.get("/evergrant/readyz").await;
    let (status, word) = (StatusCode::SERVICE_UNAVAILABLE, json!("nothing_to_serve"));
    assert_eq!((reply.status, &reply.json()["status"]), (status, &word));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_gone_is_said_and_callers_do_not_feel_it() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    let vault = estate.world.folders().vault();
    let away = vault.with_extension("away");
    std::fs::rename(&vault, &away).unwrap();
    for _ in 0..20 {
        estate.world.pass(3).await;
        let reply = estate.refresh(&caller).await;
        assert!(reply.json()["access_token"].is_string(), "{reply:?}");
    }
    std::fs::rename(&away, &vault).unwrap();
    estate.world.pass(10).await;
    estate.settle().await;
    assert!(estate.refresh(&caller).await.json()["access_token"].is_string());
    assert_eq!(
        estate.get("/evergrant/readyz").await.json()["status"],
        "ready"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_posts_there_learns_how_to_ask() {
    let estate = Estate::start().await;
    for (path, allowed) in [
        ("/evergrant/healthz", "GET, HEAD"),
        ("/evergrant/readyz", "GET, HEAD"),
        ("/evergrant/metrics", "GET"),
    ] {
        let request = Request::post(estate.url(path));
        let reply = estate.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(reply.headers["allow"], allowed, "{path}");
    }
}

/// A minute by the clock in hand; `EVERGRANT_REAL_MINUTE=1` makes it a real one.
/// The lock keeps out who writes: with a write-ahead log, SQLite lets readers go on.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says so in the environment"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_locked_for_a_minute_is_not_felt_by_callers() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    let is_real = std::env::var_os("EVERGRANT_REAL_MINUTE").is_some();
    let mut lock = estate.world.database().await;
    sqlx::query("BEGIN EXCLUSIVE")
        .execute(&mut lock)
        .await
        .unwrap();
    for _ in 0..60 {
        match is_real {
            true => tokio::time::sleep(Duration::from_secs(1)).await,
            false => estate.world.pass(1).await,
        }
        let sent = Instant::now();
        let reply = estate.refresh(&caller).await;
        assert!(reply.json()["access_token"].is_string(), "{reply:?}");
        assert!(sent.elapsed() < Duration::from_secs(1), "somebody waited");
    }
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    assert!(estate.refresh(&caller).await.json()["access_token"].is_string());
}
