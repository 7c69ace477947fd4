//! What else may happen while a refresh is out, and what must not come of it.

use std::time::Duration;

use evergrant::{
    app,
    broker::{BrokerError, Wanted},
    clock::Timestamp,
    connection, revoke,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use zoho_oauth::{ApiDomain, Transport, TransportConfig};

use crate::world::{World, acme, new_token};

/// Waits until the simulator saw a refresh.
async fn until_a_refresh_is_out(world: &World) {
    while world.count("refreshes WHERE outcome = 'open'").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn no_token_is_given_of_a_connection_that_was_revoked_meanwhile() {
    let world = World::expired().await;
    world.fault(json!({ "do": "delay", "seconds": 2 })).await;
    let broker = world.broker().await;
    let asked = tokio::spawn(async move { broker.token(&acme(), &Wanted::default()).await });
    until_a_refresh_is_out(&world).await;
    let transport = Transport::new(TransportConfig::default());
    let vault = world.vault().await;
    revoke::revoke(&vault, &transport, &acme()).await.unwrap();
    let given = asked.await.unwrap();
    assert!(
        matches!(given, Err(BrokerError::Revoked { .. })),
        "{given:?}"
    );
}

#[tokio::test]
async fn an_api_domain_that_is_set_during_a_refresh_spoils_no_token() {
    let world = World::expired().await;
    world.fault(json!({ "do": "delay", "seconds": 2 })).await;
    let broker = world.broker().await;
    let asked = tokio::spawn(async move { broker.token(&acme(), &Wanted::default()).await });
    until_a_refresh_is_out(&world).await;
    let vault = world.vault().await;
    let domain = ApiDomain::parse("https://www.zohoapis.eu").unwrap();
    connection::set_api_domain(&vault, &acme(), &domain, &mut StdRng::seed_from_u64(5))
        .await
        .unwrap();
    let first = asked.await.unwrap().map(drop);
    let later = world.token(&Wanted::default()).await.map(drop);
    let forced = world.token(&new_token()).await.map(drop);
    assert!(
        first.is_ok() && later.is_ok(),
        "first {first:?}\nlater {later:?}\nforced {forced:?}"
    );
}

#[tokio::test]
async fn the_token_of_an_exchange_dies_although_the_clock_was_set_back() {
    let world = World::new().await;
    world.pass(3500).await;
    world
        .clock
        .set(world.clock.now().minus(Duration::from_secs(3000)));
    world.pass(200).await; // 3700 seconds have passed since the exchange: it is dead
    let token = world.token(&Wanted::default()).await.unwrap();
    assert_eq!(world.refreshes().await, 1, "left: {:?}", token.left());
}

#[test]
fn a_runtime_that_ends_leaves_no_flight_behind() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().build().unwrap()
    };
    let keep = runtime();
    let (world, broker) = keep.block_on(async {
        let world = World::expired().await;
        world
            .fault(json!({ "do": "delay", "seconds": 3600, "times": 1 }))
            .await;
        let broker = world.broker().await;
        (world, broker)
    });
    let first = runtime();
    first.block_on(async {
        let (name, wanted) = (acme(), Wanted::default());
        let asked = broker.token(&name, &wanted);
        let _ = tokio::time::timeout(Duration::from_millis(800), asked).await;
    });
    first.shutdown_background();
    keep.block_on(async {
        world.pass(60).await; // the lease ran out long ago
        let given = broker.token(&acme(), &Wanted::default()).await;
        assert!(given.is_ok(), "{given:?}");
    });
}

#[tokio::test]
async fn an_app_that_is_mended_in_the_console_can_be_used_again() {
    let world = World::expired().await;
    let body = json!({ "error": "invalid_client" }).to_string();
    world
        .fault(json!({ "do": "body", "status": 200, "body": body, "times": 1 }))
        .await;
    world.token(&Wanted::default()).await.unwrap_err();
    let vault = world.vault().await;
    let of = app::find_by_connection(&vault, "acme")
        .await
        .unwrap()
        .unwrap();
    let entry = app::find(vault.vault(), &of.client_id, None)
        .await
        .unwrap()
        .unwrap();
    let mut rng = StdRng::seed_from_u64(5);
    let added = app::add_secret(&vault, &entry.id, &of.client_secret, &mut rng).await;
    let retired = app::retire_secret(&vault, &entry.id, &entry.secrets[0].id).await;
    let forced = world.token(&new_token()).await.map(drop);
    assert!(
        world.token(&Wanted::default()).await.is_ok(),
        "added {added:?}, retired {retired:?}, forced {forced:?}"
    );
}

#[tokio::test]
async fn a_throttle_closes_a_long_window_too() {
    let mut world = World::expired().await;
    world.limits.window = Duration::from_secs(1200);
    let body = json!({ "error": "Access Denied" }).to_string();
    world
        .fault(json!({ "do": "body", "status": 200, "body": body, "times": 1 }))
        .await;
    world.token(&Wanted::default()).await.unwrap_err();
    let again = world.token(&Wanted::default()).await.map(drop);
    assert_eq!(world.refreshes().await, 1, "{again:?}");
}

#[tokio::test]
async fn a_connection_that_is_refused_for_its_own_sake_is_left_alone_by_its_siblings() {
    let world = World::expired().await;
    let mut database = world.database().await;
    sqlx::query(
        "INSERT INTO connections (id, name, app_id, grant_type, soid, refresh_token_sealed, credential,
           scopes, api_domain, state, state_reason, state_since, generation, created_at)
         SELECT 'other', 'other', app_id, 'client_credentials', 'ZohoCRM.1', NULL, zeroblob(32), scopes, api_domain,
           'app_refused', 'invalid_scope', state_since, 1, created_at FROM connections",
    )
    .execute(&mut database)
    .await
    .unwrap();
    world.token(&Wanted::default()).await.unwrap();
    let refused = "connections WHERE name = 'other' AND state = 'app_refused'";
    assert_eq!(world.count(refused).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_entered_when_the_write_lock_is_there() {
    let world = World::expired().await;
    let mut other = world.database().await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let broker = world.broker().await;
    let asked = tokio::spawn(async move { broker.token(&acme(), &Wanted::default()).await });
    tokio::time::sleep(Duration::from_secs(6)).await;
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    let released = world.clock.now();
    asked.await.unwrap().unwrap();
    let sql = "SELECT started_ms FROM refreshes ORDER BY started_ms DESC LIMIT 1";
    let started: i64 = sqlx::query_scalar(sql).fetch_one(&mut other).await.unwrap();
    let started = Timestamp::from_millis(started);
    let early = started.until(released);
    assert!(
        early < Duration::from_secs(1),
        "entered {early:?} before it could begin"
    );
}

#[tokio::test]
async fn whoever_is_strict_gets_the_fresh_token_that_another_process_brought() {
    let world = World::expired().await;
    world
        .fault(json!({ "do": "delay", "seconds": 3600, "times": 1 }))
        .await;
    let impatient = TransportConfig {
        silence: Duration::from_millis(1500),
        ..TransportConfig::default()
    };
    let broker = world.broker_with(impatient).await;
    let strict = Wanted {
        strict: true,
        ..Wanted::default()
    };
    let asked = tokio::spawn(async move { broker.token(&acme(), &strict).await });
    until_a_refresh_is_out(&world).await;
    // As if another process had refreshed while this one was stopped for longer than its lease.
    let mut database = world.database().await;
    let sql = "UPDATE refreshes SET expires_ms = $1, boot = NULL WHERE outcome = 'granted'";
    let until = world.clock.now().plus(Duration::from_secs(3000));
    let update = sqlx::query(sql).bind(until.as_millis());
    update.execute(&mut database).await.unwrap();
    let given = asked.await.unwrap();
    assert!(
        given.as_ref().is_ok_and(|token| !token.is_stale()),
        "{given:?}"
    );
}

#[tokio::test]
async fn an_api_domain_that_a_person_sets_during_the_first_refresh_stays() {
    let world = World::expired().await;
    let vault = world.vault().await;
    let app = app::find_by_connection(&vault, "acme")
        .await
        .unwrap()
        .unwrap();
    // A refresh token of its own: the simulator gives one for a grant.
    let grant = world
        .control("POST", "/grants", json!({ "scope": "ZohoCRM.modules.ALL" }))
        .await;
    let code = grant["code"].as_str().unwrap().to_owned();
    let transport = Transport::new(TransportConfig::default());
    let connection = transport.connect(&app.accounts_domain).await.unwrap();
    let of = zoho_oauth::request::App {
        client_id: &app.client_id,
        client_secret: &app.client_secret,
    };
    let code = zoho_oauth::GrantToken::new(code);
    let request = zoho_oauth::request::exchange(&app.accounts_domain, of, &code, None, None);
    let reply = connection.send(request).await.unwrap();
    let zoho_oauth::TokenReply::Granted(grant) = zoho_oauth::read_token_reply(&reply) else {
        panic!()
    };
    world.fault(json!({ "do": "delay", "seconds": 2 })).await;
    let import = evergrant::import::Import {
        name: "other".parse().unwrap(),
        app,
        refresh_token: grant.refresh_token.unwrap(),
        api_domain: None,
    };
    let broker = world.broker().await;
    let imported = tokio::spawn(async move {
        evergrant::import::import(&broker, &import, &mut StdRng::seed_from_u64(9)).await
    });
    until_a_refresh_is_out(&world).await;
    let domain = ApiDomain::parse("https://www.zohoapis.eu").unwrap();
    let other = "other".parse().unwrap();
    connection::set_api_domain(&vault, &other, &domain, &mut StdRng::seed_from_u64(5))
        .await
        .unwrap();
    imported.await.unwrap().unwrap();
    let found = connection::find(vault.vault(), &other)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.api_domain, Some(domain));
}

#[tokio::test]
async fn a_token_that_cannot_be_opened_is_no_end() {
    let world = World::new().await;
    let mut database = world.database().await;
    let sql = "UPDATE refreshes SET sealed_token = zeroblob(150)";
    sqlx::query(sql).execute(&mut database).await.unwrap();
    let given = world.token(&Wanted::default()).await;
    assert!(given.is_ok(), "{given:?}");
}

#[tokio::test]
async fn a_reply_that_drips_is_waited_for_as_long_as_its_reader_waits() {
    let world = World::expired().await;
    world
        .fault(json!({ "do": "drip", "milliseconds": 100, "times": 1 }))
        .await;
    let patient = || TransportConfig {
        silence: Duration::from_secs(1),
        ..TransportConfig::default()
    };
    let first = world.broker_with(patient()).await;
    let second = world.broker_with(patient()).await;
    let asked = tokio::spawn(async move { first.token(&acme(), &Wanted::default()).await });
    until_a_refresh_is_out(&world).await;
    let waited = second.token(&acme(), &Wanted::default()).await;
    let holder = asked.await.unwrap();
    assert!(
        waited.is_ok(),
        "{waited:?}, and the holder {:?}",
        holder.map(drop)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_vault_did_not_take_is_kept_in_memory() {
    let world = World::expired().await;
    world
        .fault(json!({ "do": "delay", "seconds": 1, "times": 1 }))
        .await;
    let broker = world.broker().await;
    let asking = broker.clone();
    let asked = tokio::spawn(async move { asking.token(&acme(), &Wanted::default()).await });
    until_a_refresh_is_out(&world).await;
    let mut other = world.database().await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    let first = asked.await.unwrap().unwrap();
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    let second = broker.token(&acme(), &Wanted::default()).await.unwrap();
    let same = first.access_token().expose_secret() == second.access_token().expose_secret();
    assert_eq!(
        (same, world.refreshes().await),
        (true, 1),
        "{:?}",
        first.warnings()
    );
}
