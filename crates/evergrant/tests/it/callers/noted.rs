//! What the vault is told of callers, and what it never is.

use super::*;

#[tokio::test]
async fn a_server_sees_each_change_by_the_version() {
    let mut office = Office::new().await;
    let mut versions = vec![office.version().await];
    let issued = office.nightly().await;
    versions.push(office.version().await);
    assert_eq!(office.known().await.loaded_version(), versions[1]);
    caller::note_used(
        &office.vault,
        &[(issued.caller.id.clone(), office.world.clock.now())],
    )
    .await
    .unwrap();
    assert_eq!(
        office.version().await,
        versions[1],
        "when it was used is no change"
    );

    let umbrella: ConnectionName = "umbrella".parse().unwrap();
    let renamed: ConnectionName = "renamed".parse().unwrap();
    connection::rename(&office.vault, &umbrella, &renamed)
        .await
        .unwrap();
    assert_eq!(office.version().await, versions[1], "no caller has it");
    connection::rename(&office.vault, &acme(), &umbrella)
        .await
        .unwrap();
    versions.push(office.version().await);
    let known = office.known().await;
    assert_eq!(*office.show(&known, &issued).unwrap().connection, umbrella);
    connection::remove(&office.vault, &umbrella).await.unwrap();
    versions.push(office.version().await);
    let known = office.known().await;
    assert!(matches!(
        office.show(&known, &issued),
        Err(Denied::Revoked(_))
    ));
    caller::revoke(&office.vault, &name("nightly"))
        .await
        .unwrap();
    versions.push(office.version().await);
    assert!(
        versions.is_sorted_by(|one, next| one < next),
        "{versions:?}"
    );
}

#[tokio::test]
async fn when_a_caller_was_used_only_moves_forward() {
    let mut office = Office::new().await;
    let id = office.nightly().await.caller.id;
    let now = office.world.clock.now();
    for at in [now, now.minus(HOUR)] {
        caller::note_used(&office.vault, &[(id.clone(), at)])
            .await
            .unwrap();
    }
    let found = caller::find(office.vault.vault(), &name("nightly"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.last_used_at, Some(now));
}

#[tokio::test]
async fn what_was_done_is_in_the_audit_with_the_caller() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    caller::note_denied(&office.vault, Some(&issued.caller.id), 3, "wrong secret")
        .await
        .unwrap();
    caller::note_denied(&office.vault, None, 1, "unknown client")
        .await
        .unwrap();
    let rows = audit::list(office.vault.vault(), Since::Beginning).await;
    let of = rows.unwrap().pop().unwrap();
    assert_eq!((of.event.as_str(), of.caller), ("caller_denied", None));
    let untold = "DELETE FROM connections WHERE name = 'umbrella'";
    office.world.execute(untold).await;
    audit::verify(&office.vault, None).await.unwrap();
    let of_caller = format!("audit WHERE caller_id = '{}'", issued.caller.id);
    assert_eq!(office.world.count(&of_caller).await, 2);
    assert_eq!(
        office.events().await,
        ["caller_added", "caller_denied", "caller_denied"]
    );
    office
        .world
        .execute("UPDATE audit SET caller_id = NULL WHERE event = 'caller_added'")
        .await;
    assert!(audit::verify(&office.vault, None).await.is_err());
}

#[tokio::test]
async fn no_secret_is_kept_or_shown() {
    let mut office = Office::new().await;
    let issued = office.nightly().await;
    let adoption = legacy("legacy", REFRESH_TOKEN);
    caller::adopt(&office.vault, &adoption, &mut office.rng)
        .await
        .unwrap();
    let known = office.known().await;
    let grant = office.show(&known, &issued).unwrap();
    let proxy = known.issue_proxy_token(grant, office.world.clock.now().plus(HOUR));
    let handle: &Handle = &issued.handles[0].1;
    let denied = office.show(
        &known,
        &Issued {
            client_secret: ClientSecret::new("guess"),
            ..issued.clone()
        },
    );
    let callers = caller::list_all(office.vault.vault()).await.unwrap();
    let shown =
        format!("{issued:?} {adoption:?} {known:?} {grant:?} {proxy:?} {denied:?} {callers:?}");
    office.vault.vault().close().await;
    let mut file = std::fs::read(office.world.folders().vault()).unwrap();
    file.extend(
        std::fs::read(office.world.folders().data.join("vault.db-wal")).unwrap_or_default(),
    );
    let last = |text: &str| text.rsplit('.').next().unwrap().to_owned();
    for secret in [
        issued.client_secret.expose_secret().to_owned(),
        last(handle.expose_secret()),
        proxy.expose_secret().to_owned(),
        "old-secret-of-legacy".to_owned(),
        last(REFRESH_TOKEN),
    ] {
        assert!(!shown.contains(&secret), "{secret} is shown: {shown}");
        let kept = file
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        assert!(!kept, "{secret} is kept");
    }
}
