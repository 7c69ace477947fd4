//! Credentials that are made anew.

use super::*;

#[tokio::test]
async fn the_credentials_before_a_rotation_work_until_the_overlap_is_over() {
    let mut office = Office::new().await;
    let old = office.nightly().await;
    let known = office.known().await;
    let end = office.world.clock.now().plus(2 * HOUR);
    let old_proxy = known.issue_proxy_token(office.show(&known, &old).unwrap(), end);
    let rotated = caller::rotate(&office.vault, &name("nightly"), HOURLY, &mut office.rng).await;
    let new = rotated.unwrap();
    assert_eq!(new.client_id, old.client_id);
    assert_eq!(new.handles[0].1.id(), old.handles[0].1.id());
    let known = office.known().await;
    let epochs = [&old, &new].map(|shown| office.show(&known, shown).unwrap().epoch);
    assert_eq!(epochs, [0, 1]);
    let new_proxy = known.issue_proxy_token(office.show(&known, &new).unwrap(), end);
    let works = |token: &ProxyToken| {
        known
            .by_proxy_token(token.expose_secret(), office.world.clock.now())
            .is_ok()
    };
    assert!(works(&old_proxy) && works(&new_proxy));
    let ends = [&old, &new].map(|shown| known.end_of(office.show(&known, shown).unwrap()));
    let left = ends[0].map(|end| office.world.clock.now().until(end));
    assert!(left.is_some_and(|left| left <= HOUR && left > HOUR / 2));
    assert_eq!(ends[1], None);

    office.world.clock.advance(HOUR);
    assert!(matches!(
        office.show(&known, &old),
        Err(Denied::WrongSecret(Some(_)))
    ));
    assert!(office.show(&known, &new).is_ok());
    assert!(!works(&old_proxy) && works(&new_proxy));
    office.world.clock.advance(HOUR);
    let now = office.world.clock.now();
    let over = known.by_proxy_token(new_proxy.expose_secret(), now);
    assert!(matches!(over, Err(Denied::Expired(_))));
    assert_eq!(office.events().await, ["caller_added", "caller_rotated"]);
}

#[tokio::test]
async fn a_proxy_token_is_the_same_until_its_end_or_its_handle_is_another() {
    let mut office = Office::new().await;
    let old = office.nightly().await;
    let rotated = caller::rotate(&office.vault, &name("nightly"), HOURLY, &mut office.rng).await;
    let (new, known) = (rotated.unwrap(), office.known().await);
    let end = office.world.clock.now().plus(HOUR);
    let [old, new] = [&old, &new].map(|shown| office.show(&known, shown).unwrap());
    let issue = |grant, end| {
        known
            .issue_proxy_token(grant, end)
            .expose_secret()
            .to_owned()
    };
    let first = issue(new, end);
    assert_eq!(issue(new, end), first);
    let another = [issue(new, end.plus(HOUR)), issue(old, end)];
    assert!(!another.contains(&first) && another[0] != another[1]);
    assert_eq!(issue(new, end), first);
    for token in another.iter().chain([&first]) {
        assert!(
            known
                .by_proxy_token(token, office.world.clock.now())
                .is_ok()
        );
    }
}

#[tokio::test]
async fn a_second_rotation_ends_what_the_first_left_over_only_on_purpose() {
    let mut office = Office::new().await;
    let first = office.nightly().await;
    let by = name("nightly");
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    let second = rotated.unwrap();
    office.world.clock.advance(HOUR / 2);
    let end = office.world.clock.now().plus(HOUR / 2);
    let again = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    assert!(
        matches!(again, Err(CallerError::InOverlap { until, .. }) if until <= end && until.until(end) < HOUR / 60)
    );
    let known = office.known().await;
    assert!([&first, &second].map(|one| office.show(&known, one).is_ok()) == [true, true]);

    let force = Rotation {
        force: true,
        ..HOURLY
    };
    let rotated = caller::rotate(&office.vault, &by, force, &mut office.rng).await;
    let third = rotated.unwrap();
    let known = office.known().await;
    let work = [&first, &second, &third].map(|one| office.show(&known, one).is_ok());
    assert_eq!(work, [false, true, true]);
    assert!(third.caller.previous_valid_until.unwrap() > office.world.clock.now());

    let at_once = Rotation {
        overlap: Duration::ZERO,
        force: false,
    };
    let rotated = caller::rotate(&office.vault, &by, at_once, &mut office.rng).await;
    rotated.unwrap();
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    rotated.unwrap();
    office.world.clock.advance(HOUR);
    let rotated = caller::rotate(&office.vault, &by, HOURLY, &mut office.rng).await;
    rotated.unwrap();
}

#[tokio::test]
async fn a_rotation_that_reached_nobody_is_taken_back() {
    let mut office = Office::new().await;
    let old = office.nightly().await;
    let rotated = caller::rotate(&office.vault, &name("nightly"), HOURLY, &mut office.rng).await;
    let lost = rotated.unwrap();
    caller::undo_rotation(&office.vault, &name("nightly"))
        .await
        .unwrap();
    office.world.clock.advance(2 * HOUR);
    let known = office.known().await;
    assert_eq!(office.show(&known, &old).unwrap().epoch, 0);
    assert!(office.show(&known, &lost).is_err());
    let again = caller::undo_rotation(&office.vault, &name("nightly")).await;
    assert!(matches!(again, Err(CallerError::NotRotated(_))));
}
