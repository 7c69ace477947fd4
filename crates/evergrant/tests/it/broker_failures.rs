//! What becomes of a connection when Zoho refuses, fails or cannot be reached.

use std::time::Duration;

use evergrant::{
    broker::{BrokerError, TokenWarning, Wanted},
    connection::State,
};
use serde_json::{Value, json};
use zoho_oauth::{ErrorWord, TransportConfig};

use crate::world::{World, acme};

async fn refuse(world: &World, word: &str, times: u32) {
    let body = json!({ "error": word }).to_string();
    world
        .fault(json!({ "do": "body", "status": 200, "body": body, "times": times }))
        .await;
}

#[tokio::test]
async fn a_dead_refresh_token_is_asked_for_once_more_and_kept() {
    let world = World::expired().await;
    let killed = world
        .control("POST", "/kill", json!({ "what": "refresh_token" }))
        .await;
    assert_ne!(killed, Value::Null);
    let first = world.token(&Wanted::default()).await.unwrap_err();
    let BrokerError::Unavailable {
        retry_at: Some(retry_at),
        ..
    } = first
    else {
        panic!("{first:?}")
    };
    assert_eq!(world.connection().await.state, State::Failing);
    world.token(&Wanted::default()).await.unwrap_err();
    assert_eq!(world.refreshes().await, 1);

    world
        .pass(world.clock.now().until(retry_at).as_secs() + 1)
        .await;
    let second = world.token(&Wanted::default()).await.unwrap_err();
    assert!(
        matches!(second, BrokerError::NewGrantNeeded { .. }),
        "{second:?}"
    );
    world.pass(7200).await;
    world.token(&Wanted::default()).await.unwrap_err();
    assert_eq!(world.refreshes().await, 2, "a dead token is left alone");
    let sealed = "connections WHERE refresh_token_sealed IS NOT NULL";
    assert_eq!(world.count(sealed).await, 1, "only a person deletes it");
    let changes = "audit WHERE event = 'state_changed'";
    assert_eq!(world.count(changes).await, 2);
}

#[tokio::test]
async fn a_refusal_that_is_taken_back_kills_nothing() {
    let world = World::expired().await;
    refuse(&world, "invalid_code", 1).await;
    world.token(&Wanted::default()).await.unwrap_err();
    world.pass(61).await;
    world.token(&Wanted::default()).await.unwrap();
    assert_eq!(world.connection().await.state, State::Healthy);
}

#[tokio::test]
async fn a_refused_app_stops_refreshing_and_serves_what_lives() {
    for word in ["invalid_client", "invalid_client_secret"] {
        let world = World::new().await;
        world.pass(3400).await;
        refuse(&world, word, 9).await;
        let token = world.token(&Wanted::default()).await.unwrap();
        assert!(token.is_stale());
        world.pass(300).await;
        let refused = world.token(&Wanted::default()).await.unwrap_err();
        let BrokerError::AppRefused { word: said, .. } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(said, ErrorWord::of(word));
        assert_eq!(world.refreshes().await, 1);
    }
}

#[tokio::test]
async fn an_outage_uses_up_no_refreshes_and_is_the_same_for_all() {
    let world = World::expired().await;
    let dead_proxy = TransportConfig {
        proxy: zoho_oauth::Proxy {
            http: Some("http://127.0.0.1:1".into()),
            ..Default::default()
        },
        ..TransportConfig::default()
    };
    let broker = world.broker_with(dead_proxy).await;
    for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
        let failed = broker.token(&acme(), &Wanted::default()).await.unwrap_err();
        let wait = world.clock.now().until(failed.retry_at().unwrap());
        let longest = Duration::from_secs(seconds);
        assert!(
            wait <= longest && wait > longest / 10 * 7,
            "{wait:?} of {longest:?}"
        );
        // Others are told the same, and do not even try.
        let other = world.token(&Wanted::default()).await.unwrap_err();
        assert_eq!(other.retry_at(), failed.retry_at());
        world.pass(seconds).await;
    }
    assert_eq!(world.refreshes().await, 0);
    let counted = "refreshes WHERE outcome NOT IN ('granted', 'not_sent')";
    assert_eq!(world.count(counted).await, 0);
    world.token(&Wanted::default()).await.unwrap();
    assert_eq!(world.connection().await.state, State::Healthy);
}

#[tokio::test]
async fn what_zoho_may_have_seen_counts() {
    for fault in [
        json!({ "do": "reset-after" }),
        json!({ "do": "cut" }),
        json!({ "do": "status", "status": 500 }),
        json!({ "do": "html" }),
        json!({ "do": "garbage" }),
    ] {
        let world = World::expired().await;
        world.fault(fault.clone()).await;
        let failed = world
            .token(&Wanted::default())
            .await
            .expect_err(&fault.to_string());
        assert!(
            matches!(failed, BrokerError::Unavailable { .. }),
            "{fault}: {failed:?}"
        );
        let unknown = world.count("refreshes WHERE outcome = 'unknown'").await;
        assert_eq!(unknown, 1, "{fault}");
        world.pass(6).await;
        world.token(&Wanted::default()).await.unwrap();
    }
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_the_lease_with_it() {
    let world = World::expired().await;
    world.fault(json!({ "do": "delay", "seconds": 3600 })).await;
    let impatient = TransportConfig {
        silence: Duration::from_millis(300),
        ..TransportConfig::default()
    };
    let broker = world.broker_with(impatient).await;
    broker.token(&acme(), &Wanted::default()).await.unwrap_err();
    assert_eq!(world.count("leases WHERE owner IS NOT NULL").await, 0);
}

#[tokio::test]
async fn a_clock_that_is_off_is_warned_of() {
    let world = World::expired().await;
    world
        .control("POST", "/clock", json!({ "advance_seconds": 120 }))
        .await;
    let token = world.token(&Wanted::default()).await.unwrap();
    let [TokenWarning::ClockSkew(skew)] = token.warnings() else {
        panic!("{token:?}")
    };
    assert!((115_000..125_000).contains(&skew.ahead_millis), "{skew:?}");
}

#[tokio::test]
async fn odd_lifetimes_are_understood() {
    for (members, seconds) in [
        (json!({}), 3600),
        (
            json!({ "expires_in": 3_600_000, "expires_in_sec": 3600 }),
            3600,
        ),
        (json!({ "expires_in": 60 }), 60),
    ] {
        let world = World::expired().await;
        let mut body = json!({ "access_token": "1000.new", "token_type": "Bearer" });
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        world
            .fault(json!({ "do": "body", "status": 200, "body": body.to_string() }))
            .await;
        let token = world.token(&Wanted::default()).await.unwrap();
        let left = token.left().as_secs();
        assert!(
            (seconds - 5..=seconds).contains(&left),
            "{left} of {seconds}"
        );
    }
}

#[tokio::test]
async fn a_vault_that_is_gone_keeps_no_living_token_back() {
    let world = World::new().await;
    let broker = world.broker().await;
    for _ in 0..2 {
        broker.token(&acme(), &Wanted::default()).await.unwrap();
    }
    world.pass(2).await;
    // The next connection finds another file in its place.
    broker.vault().vault().close().await;
    let token = broker.token(&acme(), &Wanted::default()).await.unwrap();
    assert!(token.left() > Duration::from_secs(3500));
    world.pass(3500).await;
    let stale = broker.token(&acme(), &Wanted::default()).await.unwrap();
    assert!(stale.is_stale());
    world.pass(100).await;
    let dead = broker.token(&acme(), &Wanted::default()).await.unwrap_err();
    assert!(matches!(dead, BrokerError::Vault(_)));
}

#[tokio::test]
async fn a_revoked_connection_gives_not_even_what_came_at_the_same_moment() {
    let world = World::expired().await;
    let broker = world.broker().await;
    world.fault(json!({ "do": "delay", "seconds": 0.3 })).await;
    let (name, wanted) = (acme(), Wanted::default());
    let (token, revoked) = tokio::join!(broker.token(&name, &wanted), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let vault = world.vault().await;
        let transport = zoho_oauth::Transport::new(TransportConfig::default());
        evergrant::revoke::revoke(&vault, &transport, &name).await
    });
    revoked.unwrap();
    // Whoever asked before may have it; nobody after.
    drop(token);
    for broker in [world.broker().await, broker] {
        world.pass(2).await;
        let refused = broker.token(&acme(), &Wanted::default()).await.unwrap_err();
        assert!(
            matches!(refused, BrokerError::Revoked { .. }),
            "{refused:?}"
        );
    }
    assert_eq!(world.connection().await.state, State::Revoked);
}

#[tokio::test]
async fn a_vault_that_is_locked_keeps_no_living_token_back() {
    use sqlx::Connection;
    let world = World::new().await;
    // The first hand-out is noted, which needs the lock.
    world.token(&Wanted::default()).await.unwrap();
    let vault = world.vault().await.with_connections(4);
    let rng = rand::SeedableRng::seed_from_u64(3);
    let broker = evergrant::Broker::new(vault, TransportConfig::default(), world.limits, rng);
    let mut other = world.database().await;
    let locked = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (name, new, usual) = (acme(), crate::world::new_token(), Wanted::default());
    let (refreshing, reading) = tokio::join!(broker.token(&name, &new), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let reading = tokio::time::timeout(Duration::from_secs(5), broker.token(&name, &usual));
        let reading = reading.await;
        locked.rollback().await.unwrap();
        reading
    });
    assert!(!reading.expect("it waits for the lock").unwrap().is_stale());
    refreshing.unwrap();
}
