use std::path::PathBuf;

use super::*;
use crate::exchange::{
    prepare::Prepared,
    test_world::{World, granted},
};

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

/// Finishes an exchange as one ends that was killed when the vault had taken all of it.
async fn done_with_file(world: &mut World) -> PathBuf {
    let id = world.break_off_replied().await;
    let path = world.vault.vault.folders().escrow().join(id.to_string());
    let file = fs_err::read(&path).unwrap();
    let recovered = world.recover().await;
    assert!(matches!(recovered[0].fate, Fate::Kept(_)), "{recovered:?}");
    assert!(!path.exists());
    fs_err::write(&path, file).unwrap();
    path
}

async fn execute(world: &World, sql: &'static str) {
    let reader = world.vault.store().reader();
    sqlx::query(sql).execute(&reader).await.unwrap();
}

#[tokio::test]
async fn what_the_vault_has_needs_no_file() {
    let mut world = World::new().await;
    let path = done_with_file(&mut world).await;
    assert!(world.recover().await.is_empty());
    assert!(!path.exists());
}

#[tokio::test]
async fn what_the_vault_does_not_give_back_is_written_once_more() {
    let mut world = World::new().await;
    let path = done_with_file(&mut world).await;
    execute(
        &world,
        "UPDATE connections SET refresh_token_sealed = X'00'",
    )
    .await;
    // As on a disk that goes on not to give it back.
    execute(
        &world,
        "CREATE TRIGGER bad AFTER UPDATE OF refresh_token_sealed ON connections
         WHEN length(NEW.refresh_token_sealed) > 1
         BEGIN UPDATE connections SET refresh_token_sealed = X'00' WHERE id = NEW.id; END",
    )
    .await;
    let recovered = world.recover().await;
    assert!(matches!(recovered[0].fate, Fate::Stays(_)), "{recovered:?}");
    assert!(path.exists());

    execute(&world, "DROP TRIGGER bad").await;
    let recovered = world.recover().await;
    let Fate::Kept(kept) = &recovered[0].fate else {
        panic!("{recovered:?}");
    };
    assert!(kept.replaced && kept.name.as_ref().unwrap().as_str() == "acme");
    assert!(!path.exists());
    assert!(world.recover().await.is_empty());
}

#[tokio::test]
async fn a_reply_does_not_give_way_to_an_earlier_one_that_could_not_be_removed() {
    let mut world = World::new().await;
    let Prepared { id, escrow, .. } = world.prepare().await;
    let folders = world.vault.vault.folders();
    let mut spare = |attempt, body: &[u8]| {
        let reply = Reply {
            body: body.to_vec().into(),
            ..granted()
        };
        let (keyring, vault_id) = (&world.vault.keyring, world.vault.vault.id());
        let sealed = escrow::seal_reply(keyring, vault_id, id, &reply, &mut world.rng);
        let record = escrow.record().with_reply(attempt, sealed);
        escrow::write_spare(folders, &record).unwrap()
    };
    let earlier = spare(1, br#"{"error":"general_error"}"#);
    let later = spare(2, &granted().body);
    assert_ne!(earlier, later);
    drop(escrow);
    let fates = world.recover().await;
    let is_kept = |one: &Recovered| matches!(one.fate, Fate::Kept(_));
    assert_eq!(
        fates.iter().filter(|one| is_kept(one)).count(),
        1,
        "{fates:?}"
    );
    assert_eq!(world.outcome(id).await, Outcome::Done);
    assert!(!earlier.exists() && !later.exists());
}
