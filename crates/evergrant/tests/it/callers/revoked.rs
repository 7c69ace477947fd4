//! Callers and handles that are revoked, and callers that expire.

use super::*;

#[tokio::test]
async fn a_revoked_caller_is_refused_and_its_name_is_free() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    let known = office.known().await;
    let grant = office.show(&known, &issued).unwrap();
    let proxy = known.issue_proxy_token(grant, office.world.clock.now().plus(HOUR));
    let revoked = caller::revoke(&office.vault, &name("nightly"))
        .await
        .unwrap();
    assert!(revoked.revoked_at.is_some());
    let known = office.known().await;
    let now = office.world.clock.now();
    assert!(matches!(
        office.show(&known, &issued),
        Err(Denied::Revoked(_))
    ));
    let by_proxy = known.by_proxy_token(proxy.expose_secret(), now);
    assert!(matches!(by_proxy, Err(Denied::Revoked(_))));
    assert!(
        known
            .by_token_alone(issued.handles[0].1.expose_secret(), now)
            .is_none()
    );
    let again = caller::revoke(&office.vault, &name("nightly")).await;
    assert!(matches!(again, Err(CallerError::NotFound(_))), "{again:?}");
    office.nightly().await;
    let vault = office.vault.vault();
    assert_eq!(caller::list(vault).await.unwrap().len(), 1);
    assert_eq!(caller::list_all(vault).await.unwrap().len(), 2);
}

#[tokio::test]
async fn one_handle_is_revoked_alone() {
    let mut office = Office::new().await;
    let issued = office
        .add(new("nightly", &["acme", "umbrella"]))
        .await
        .unwrap();
    let id = issued.handles[1].1.id();
    assert!(caller::revoke_handle(&office.vault, id).await.unwrap());
    assert!(!caller::revoke_handle(&office.vault, id).await.unwrap());
    let known = office.known().await;
    let grant = office.show(&known, &issued).unwrap();
    assert_eq!(grant.caller.connections, [acme()]);
    let dead = issued.handles[1].1.expose_secret();
    assert!(
        known
            .by_token_alone(dead, office.world.clock.now())
            .is_none()
    );
    assert_eq!(office.events().await, ["caller_added", "handle_revoked"]);
    let umbrella: ConnectionName = "umbrella".parse().unwrap();
    let back = caller::connect(&office.vault, &issued.caller.id, &umbrella, &mut office.rng).await;
    assert_ne!(back.unwrap().id(), id);
}

#[tokio::test]
async fn a_caller_expires_by_itself() {
    let mut office = Office::new().await;
    let end = office.world.clock.now().plus(HOUR);
    let late = NewCaller {
        expires_at: Some(end),
        ..new("guest", &["acme"])
    };
    let issued = office.add(late.clone()).await.unwrap();
    let known = office.known().await;
    assert!(office.show(&known, &issued).is_ok());
    office.world.clock.advance(HOUR);
    assert!(matches!(
        office.show(&known, &issued),
        Err(Denied::Expired(_))
    ));
    let late = NewCaller {
        name: name("too-late"),
        ..late
    };
    assert!(matches!(
        office.add(late).await,
        Err(CallerError::ExpiresInThePast)
    ));
}

#[tokio::test]
async fn the_access_tokens_of_a_connection_are_revoked_alone() {
    let office = Office::new().await;
    let first = office.world.token(&Wanted::default()).await.unwrap();
    let transport = Transport::new(TransportConfig::default());
    let revoked = revoke::revoke_access_tokens(&office.vault, &transport, &acme()).await;
    assert_eq!(revoked.unwrap(), 1);
    let again = revoke::revoke_access_tokens(&office.vault, &transport, &acme()).await;
    assert_eq!(again.unwrap(), 0, "none is left");
    let next = office.world.token(&Wanted::default()).await.unwrap();
    let text = |token: &Token| token.access_token().expose_secret().to_owned();
    assert_ne!(text(&next), text(&first));
    let stats = office
        .world
        .control("GET", "/stats", serde_json::Value::Null)
        .await;
    assert_eq!(stats["revoked"], 1, "{stats}");
    let reported = office
        .world
        .broker()
        .await
        .report_refused(&acme(), next.access_token())
        .await;
    assert_eq!(
        reported.unwrap(),
        Report::Dropped,
        "a revocation is no report"
    );
}
