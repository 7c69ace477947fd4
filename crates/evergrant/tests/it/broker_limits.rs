//! Zoho's limits, and our own before them.

use std::time::Duration;

use evergrant::{
    broker::{BrokerError, Limiter, Limits, TokenWarning, Wanted},
    connection::{self, Connection, State},
};
use serde_json::json;

use crate::world::{World, acme, min_valid, new_token};

/// A program that wants a new token each time, and may not use those kept for people.
fn greedy() -> Wanted {
    Wanted {
        reserve: false,
        ..new_token()
    }
}

#[tokio::test]
async fn eight_are_for_programs_two_for_people_and_then_none() {
    let world = World::new().await;
    let broker = world.broker().await;
    let mut made = 0;
    let full = loop {
        match broker.token(&acme(), &greedy()).await {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    // The exchange's own access token counts too: Zoho does not say that it does not.
    assert_eq!(made, 7);
    let BrokerError::Throttled {
        retry_at,
        by: Limiter::Ledger { limit, kept, .. },
    } = full
    else {
        panic!("{full:?}");
    };
    assert_eq!((limit, kept), (8, 2));
    broker.token(&acme(), &new_token()).await.unwrap();
    broker.token(&acme(), &new_token()).await.unwrap();
    broker.token(&acme(), &new_token()).await.unwrap_err();
    let stats = world.control("GET", "/stats", json!(null)).await;
    assert_eq!(stats["throttled"], 0, "Zoho never had to refuse");

    let wait = world.clock.now().until(retry_at).as_secs() + 1;
    world.pass(wait).await;
    broker.token(&acme(), &new_token()).await.unwrap();
}

#[tokio::test]
async fn other_limits_hold_from_the_next_refresh_on() {
    let world = World::new().await;
    let broker = world.broker().await;
    let allowing = |refreshes| Limits {
        refreshes,
        kept_for_people: 0,
        ..Limits::default()
    };
    // The exchange counts as one.
    let mut made = 1;
    for refreshes in [2, 4] {
        broker.set_limits(allowing(refreshes));
        while broker.token(&acme(), &greedy()).await.is_ok() {
            made += 1;
        }
        assert_eq!(made, refreshes);
    }
    broker.set_limits(allowing(2));
    broker.token(&acme(), &greedy()).await.unwrap_err();
}

#[tokio::test]
async fn a_full_window_hides_no_token_that_works() {
    let mut world = World::new().await;
    world.limits = Limits {
        refreshes: 2,
        kept_for_people: 1,
        window: Duration::from_secs(7200),
    };
    world.pass(3000).await;
    let stale = world.token(&min_valid(1800)).await.unwrap();
    assert!(stale.is_stale());
    let strict = Wanted {
        strict: true,
        ..min_valid(1800)
    };
    let refused = world.token(&strict).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Throttled { .. }));
    world.pass(600).await;
    world.token(&min_valid(1800)).await.unwrap_err();
}

#[tokio::test]
async fn a_throttle_of_zoho_closes_the_window_for_everybody() {
    for status in [200, 400] {
        let world = World::new().await;
        world.pass(3000).await;
        let body =
            json!({"error": "Access Denied", "error_description": "too many", "status": "failure"});
        world
            .fault(json!({ "do": "body", "status": status, "body": body.to_string() }))
            .await;
        let stale = world.token(&min_valid(1800)).await.unwrap();
        let [TokenWarning::Stale(why)] = stale.warnings() else {
            panic!("{stale:?}")
        };
        // We had made one of ten.
        assert!(matches!(
            **why,
            BrokerError::Throttled {
                by: Limiter::Outsider,
                ..
            }
        ));
        for _ in 0..20 {
            assert!(world.token(&min_valid(1800)).await.unwrap().is_stale());
        }
        assert_eq!(world.refreshes().await, 1);
        assert_eq!(world.connection().await.state, State::Throttled);
        let again = why.retry_at().unwrap();
        let wait = world.clock.now().until(again).as_secs() + 1;
        assert!((600..625).contains(&wait), "{wait}");
        world.pass(wait).await;
        assert!(world.token(&Wanted::default()).await.is_ok());
        assert_eq!(world.connection().await.state, State::Healthy);
    }
}

#[tokio::test]
async fn zoho_is_right_when_our_count_is_full() {
    let mut world = World::new().await;
    // Whoever sets this does not heed Zoho's ten.
    world.limits.refreshes = 100;
    let refused = loop {
        match world.token(&new_token()).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(
        refused,
        BrokerError::Throttled {
            by: Limiter::Zoho,
            ..
        }
    ));
}

#[tokio::test]
async fn what_is_long_past_is_not_kept() {
    let world = World::new().await;
    for _ in 0..3 {
        world.token(&new_token()).await.unwrap();
    }
    world.pass(31 * 24 * 3600).await;
    world.token(&Wanted::default()).await.unwrap();
    assert_eq!(world.count("refreshes").await, 1);
    assert_eq!(world.connection().await.refreshes.used, 1);
}

#[tokio::test]
async fn before_a_living_token_is_pushed_out_there_is_a_warning() {
    let mut world = World::new().await;
    world.limits = Limits {
        refreshes: 1000,
        ..Limits::default()
    };
    let mut warned = Vec::new();
    for number in 2..=10 {
        world.pass(70).await;
        let token = world.token(&new_token()).await.unwrap();
        let full = |warning: &TokenWarning| matches!(warning, TokenWarning::LiveTokensFull { .. });
        warned.extend(token.warnings().iter().any(full).then_some(number));
    }
    assert_eq!(warned, [10]);
}

/// Returns the connection as it is by the limits of this world.
async fn shown(world: &World) -> Connection {
    let vault = world.vault().await;
    let found = connection::find_within(vault.vault(), &acme(), &world.limits).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn where_no_refresh_is_left_and_no_token_lives_the_connection_is_throttled() {
    let mut world = World::new().await;
    world.limits = Limits {
        refreshes: 4,
        kept_for_people: 1,
        window: Duration::from_secs(1200),
    };
    let broker = world.broker().await;
    for _ in 0..2 {
        world.pass(60).await;
        broker.token(&acme(), &greedy()).await.unwrap();
    }
    // One that is kept for people: it is not the oldest that counts, but the third from the newest.
    world.pass(60).await;
    broker.token(&acme(), &new_token()).await.unwrap();
    let full = broker.token(&acme(), &greedy()).await.unwrap_err();
    let BrokerError::Throttled { retry_at, .. } = full else {
        panic!("{full:?}");
    };

    let living = shown(&world).await;
    assert_eq!(living.state, State::Healthy, "a token lives");
    assert_eq!(living.retry_at, Some(retry_at));
    world
        .execute("UPDATE refreshes SET expires_ms = 1, expires_uptime_ms = 1")
        .await;
    let full = shown(&world).await;
    assert_eq!(
        (full.state, full.retry_at),
        (State::Throttled, Some(retry_at))
    );
    let by = Limiter::Ledger {
        limit: 3,
        window: world.limits.window,
        kept: 0,
    };
    assert_eq!(full.throttled_by, Some(by), "people used up theirs too");
    assert_eq!(full.refreshes.next_free_at, Some(retry_at));
    assert_eq!(full.refreshes.used, 4);

    let wait = world.clock.now().until(retry_at).as_secs() + 1;
    world.pass(wait).await;
    let free = shown(&world).await;
    assert_eq!((free.state, free.retry_at), (State::Healthy, None));
}

#[tokio::test]
async fn a_wait_from_before_the_clock_was_set_back_is_none() {
    let world = World::new().await;
    world
        .execute(
            "INSERT INTO leases (credential, epoch, until_ms, closed_until_ms, failures)
             SELECT credential, 1, 0, 9999999999999, 3 FROM connections",
        )
        .await;
    world
        .execute("UPDATE connections SET state = 'throttled', state_reason = 'Access Denied'")
        .await;
    let found = shown(&world).await;
    assert_eq!((found.state, found.retry_at), (State::Healthy, None));
}

#[tokio::test]
async fn what_only_a_person_can_mend_has_no_time_to_wait_for() {
    let world = World::new().await;
    let now = world.clock.now().as_millis();
    world
        .execute(&format!(
            "INSERT INTO leases (credential, epoch, until_ms, closed_until_ms, failures)
             SELECT credential, 1, 0, {now} + 60000, 1 FROM connections"
        ))
        .await;
    for state in ["new_grant_needed", "app_refused", "revoked"] {
        world
            .execute(&format!("UPDATE connections SET state = '{state}'"))
            .await;
        assert_eq!(shown(&world).await.retry_at, None, "{state}");
    }
    world
        .execute("UPDATE connections SET state = 'failing'")
        .await;
    assert!(shown(&world).await.retry_at.is_some());
}
