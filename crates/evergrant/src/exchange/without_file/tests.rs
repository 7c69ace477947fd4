use fs_err as fs;

use super::*;
use crate::exchange::{
    Earlier, ExchangeError, RecoverError, check_grant, discard, test_world::World, waiting,
};

const MOMENT: Duration = Duration::from_secs(1);

/// Makes a world in which an exchange was killed after somebody had removed its file.
async fn broken_off() -> (World, ExchangeId) {
    let mut world = World::new().await;
    let prepared = world.prepare().await;
    world.remove_escrow();
    (world, prepared.id)
}

#[tokio::test]
async fn it_is_reported_once_when_it_cannot_be_under_way_any_more() {
    let (mut world, id) = broken_off().await;
    world.clock.advance(LONGEST_EXCHANGE - MOMENT);
    assert!(waiting(world.vault.vault()).await.unwrap().is_empty());
    assert!(world.recover().await.is_empty());

    world.clock.advance(MOMENT * 2);
    let waits = waiting(world.vault.vault()).await.unwrap();
    let seen: Vec<_> = waits.iter().map(|one| (one.id, one.has_file)).collect();
    assert_eq!(seen, [(id, false)]);
    assert_eq!(world.outcome(id).await, Outcome::Prepared, "looking is all");
    let recovered = world.recover().await;
    assert!(
        matches!(recovered.as_slice(), [one] if matches!(one.fate, Fate::Unknown)),
        "{recovered:?}"
    );
    assert_eq!(world.outcome(id).await, Outcome::Unknown);
    assert!(waiting(world.vault.vault()).await.unwrap().is_empty());
    assert!(world.recover().await.is_empty());
    let token = world.exchange().grant_token;
    let again = check_grant(&world.vault, &token, None).await;
    let Err(ExchangeError::KnownGrant(Earlier { state, .. })) = again else {
        panic!("{again:?}");
    };
    assert_eq!(state, "unknown");
}

#[tokio::test]
async fn an_exchange_that_has_its_file_is_left_alone_however_long_it_takes() {
    let mut world = World::new().await;
    let living = world.prepare().await;
    world.clock.advance(LONGEST_EXCHANGE * 100);
    assert!(world.recover().await.is_empty());
    assert_eq!(world.outcome(living.id).await, Outcome::Prepared);
}

#[tokio::test]
async fn a_file_in_another_folder_is_a_file_too() {
    let (mut world, id) = broken_off().await;
    let data = &world.vault.vault.folders().data;
    fs::write(data.join(format!("{id}.reply")), "no record").unwrap();
    world.clock.advance(LONGEST_EXCHANGE * 2);
    let recovered = world.recover().await;
    assert!(
        matches!(recovered.as_slice(), [one] if matches!(one.fate, Fate::Stays(_))),
        "{recovered:?}"
    );
    assert_eq!(world.outcome(id).await, Outcome::Prepared);
}

#[tokio::test]
async fn an_exchange_that_lives_on_overwrites_what_was_noted() {
    let mut world = World::new().await;
    let prepared = world.prepare().await;
    world.remove_escrow();
    world.clock.advance(LONGEST_EXCHANGE * 2);
    assert_eq!(world.recover().await.len(), 1);
    let mut transaction = world.vault.store().begin().await.unwrap();
    let (id, grant, now) = (prepared.id, prepared.context.grant, world.clock.now());
    let finished = journal::finish(&mut transaction, id, grant, None, now).await;
    transaction.commit().await.unwrap();
    assert!(finished.unwrap(), "it is news");
    assert_eq!(world.outcome(id).await, Outcome::Done);
}

#[tokio::test]
async fn a_person_can_give_it_up_once() {
    let (mut world, id) = broken_off().await;
    let young = discard(world.vault.vault(), id).await;
    assert!(matches!(young, Err(RecoverError::NotFound)), "{young:?}");
    world.clock.advance(LONGEST_EXCHANGE * 2);
    assert_eq!(discard(world.vault.vault(), id).await.unwrap().id, id);
    assert_eq!(world.outcome(id).await, Outcome::Discarded);
    assert!(world.recover().await.is_empty());
    let again = discard(world.vault.vault(), id).await;
    assert!(matches!(again, Err(RecoverError::NotFound)), "{again:?}");
}
