//! Refreshes ahead of need: whoever uses a connection never waits for one.

use std::time::{Duration, Instant};

use evergrant::caller::Mode;
use serde_json::json;

use crate::estate::Estate;

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
async fn what_nobody_uses_is_not_refreshed() {
    let estate = Estate::start().await;
    estate.caller("nightly", Mode::Direct).await;
    estate.world.pass(3400).await;
    estate.settle().await;
    assert_eq!(estate.world.refreshes().await, 0);
}
