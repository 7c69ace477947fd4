//! How many calls there may be at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    upstream::{Upstream, says},
    world::World,
};
use crate::proxy::{Outcome, QueueLimits};

fn limits(simultaneous: usize, waiting: usize, wait: Duration) -> QueueLimits {
    QueueLimits {
        simultaneous,
        waiting,
        wait,
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn no_more_calls_are_under_way_than_may_be() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let api = Upstream::http(move |_| {
        let (now, most) = (now.clone(), most.clone());
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(2)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            says("{}")
        }
    })
    .await;
    let world = World::with_settings(api, |settings| settings.queue = limits(4, 100, LONG)).await;
    let world = Arc::new(world);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let world = world.clone();
        callers.spawn(async move { world.get("/crm/v8/Leads").await.status().as_u16() });
    }
    assert_eq!(callers.join_all().await, [200; 50]);
    // One is kept for other callers.
    assert_eq!(seen.load(Ordering::SeqCst), 3);
    assert!(world.api.connections() <= 3);
}

#[tokio::test]
async fn a_caller_with_one_request_does_not_wait_for_all_of_another() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = gate.clone();
    let api = Upstream::http(move |_| {
        let gate = opened.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            says("{}")
        }
    })
    .await;
    let world = World::with_settings(api, |settings| settings.queue = limits(1, 100, LONG)).await;
    let world = Arc::new(world);
    let mut callers = JoinSet::new();
    for number in 0..11 {
        let world = world.clone();
        let name = if number == 10 { "modest" } else { "greedy" };
        callers.spawn(async move {
            let request = Request::get("/crm/v8/Leads").header("x-caller", name);
            let reply = world
                .send(request.body(Empty::<Bytes>::new()).unwrap())
                .await;
            assert_eq!(reply.status(), 200);
        });
        // So that they stand in the queue in this order.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gate.add_permits(11);
    callers.join_all().await;
    let order: Vec<String> = world
        .api
        .seen()
        .iter()
        .map(|seen| seen.headers["x-caller"].to_str().unwrap().to_owned())
        .collect();
    // One was under way, the next was the first in the queue: then it is the other row's turn.
    assert_eq!(
        order.iter().position(|name| name == "modest"),
        Some(2),
        "{order:?}"
    );
}

#[tokio::test]
async fn who_finds_the_queue_full_or_waits_too_long_is_told_when_to_come_back() {
    let api = Upstream::script("", true).await;
    let wait = Duration::from_millis(100);
    let world = World::with_settings(api, |settings| settings.queue = limits(1, 1, wait)).await;
    let mut callers = JoinSet::new();
    let world = Arc::new(world);
    for _ in 0..3 {
        let world = world.clone();
        callers.spawn(async move {
            tokio::time::timeout(Duration::from_secs(1), world.get("/crm/v8/Leads")).await
        });
    }
    let mut reasons = Vec::new();
    while let Some(reply) = callers.join_next().await {
        let Ok(reply) = reply.unwrap() else { continue };
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["evergrant-error"]),
            (503, &"unavailable".parse().unwrap())
        );
        assert!(reply.headers().contains_key("retry-after"));
        let problem: serde_json::Value = serde_json::from_slice(reply.body()).unwrap();
        reasons.push(problem["reason"].as_str().unwrap().to_owned());
    }
    assert_eq!(reasons, ["queue_full", "queue_late"]);
    assert_eq!(world.proxy.measures().outcome(Outcome::Busy), 2);
}
