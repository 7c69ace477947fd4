//! Refreshes ahead of need: whoever uses a connection never waits for one.

use std::time::{Duration, Instant};

use evergrant::{caller::Mode, connection::State};
use serde_json::json;

use crate::{estate::Estate, world::new_token};

#[tokio::test(flavor = "multi_thread")]
async fn with_traffic_no_request_waits_for_a_refresh() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let first = estate.refresh(&caller).await.json();
    estate
        .world
        .fault(json!({"do": "delay", "seconds": 0.4}))
        .await;
    estate.world.pass(2940).await;
    let mut last = first.clone();
    for _ in 0..20 {
        let asked = Instant::now();
        last = estate.refresh(&caller).await.json();
        assert!(
            asked.elapsed() < Duration::from_millis(350),
            "somebody waited"
        );
        assert!(last["expires_in"].as_u64().unwrap() >= 300);
        if last["access_token"] != first["access_token"] {
            break;
        }
        estate.world.pass(20).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_ne!(last["access_token"], first["access_token"]);
    assert_eq!(estate.world.refreshes().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_failed_is_tried_again_although_a_token_lives() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    let refused = json!({"error": "invalid_code"}).to_string();
    let fault = json!({"do": "body", "status": 200, "body": refused, "times": 1});
    estate.world.fault(fault).await;
    estate.world.token(&new_token()).await.unwrap_err();
    assert_eq!(estate.world.connection().await.state, State::Failing);
    estate.settle().await;
    assert_eq!(estate.world.refreshes().await, 1, "it is asked too early");
    estate.world.pass(61).await;
    for _ in 0..50 {
        if estate.world.connection().await.state == State::Healthy {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(estate.world.connection().await.state, State::Healthy);
    estate.world.pass(120).await;
    estate.settle().await;
    assert_eq!(estate.world.refreshes().await, 2, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_uses_is_not_refreshed() {
    let estate = Estate::start().await;
    estate.caller("nightly", Mode::Direct).await;
    estate.world.pass(3400).await;
    estate.settle().await;
    assert_eq!(estate.world.refreshes().await, 0);
}
