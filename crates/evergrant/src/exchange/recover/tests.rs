use super::*;
use crate::exchange::test_world::World;

/// Ends an exchange as one ends whose answer was lost.
async fn lose_answer(world: &mut World) {
    let lost = world.prepare().await;
    let reason = Some("the connection was reset");
    let noted = journal::note(world.vault.vault(), lost.id, Outcome::Failed, reason).await;
    noted.unwrap();
    lost.escrow.remove().unwrap();
}

#[tokio::test]
async fn a_grant_that_was_never_sent_is_whole() {
    let mut world = World::new().await;
    let id = world.prepare().await.id;
    let recovered = world.recover().await;
    assert!(matches!(recovered[0].fate, Fate::Unsent), "{recovered:?}");
    assert_eq!(world.outcome(id).await, Outcome::Unsent);
}

#[tokio::test]
async fn a_grant_whose_answer_was_lost_before_is_not_called_whole() {
    let mut world = World::new().await;
    lose_answer(&mut world).await;
    let id = world.prepare().await.id;
    let recovered = world.recover().await;
    let fate = &recovered[0].fate;
    assert!(matches!(fate, Fate::UnsentAfterLost), "{recovered:?}");
    assert_eq!(world.outcome(id).await, Outcome::Failed);
    assert!(world.recover().await.is_empty(), "its file is gone");
    assert!(
        world.prepare().await.context.answer_lost,
        "and is not forgotten"
    );
}
