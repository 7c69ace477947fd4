use std::time::Duration;

use super::*;
use crate::vault::{Vault, tests::World};

/// Notes `count` events, a minute apart.
async fn note(world: &World, vault: &UnlockedVault, count: usize) {
    for number in 0..count {
        let mut transaction = vault.store().begin().await.unwrap();
        let event = Event {
            event: if number % 2 == 0 {
                STATE_CHANGED
            } else {
                "tested"
            },
            connection_id: (number % 2 == 0).then_some("some-id"),
            detail: format!("number {number}"),
        };
        append(&mut transaction, vault, event).await.unwrap();
        transaction.commit().await.unwrap();
        world.clock.advance(Duration::from_secs(60));
    }
}

async fn with_rows(count: usize) -> (World, UnlockedVault) {
    let mut world = World::new();
    let vault = world.open_or_make().await.unwrap().acting_as("a test");
    note(&world, &vault, count).await;
    (world, vault)
}

/// Does to the database what somebody does who can write to its file.
async fn tamper(vault: &UnlockedVault, sql: &'static str) {
    let done = sqlx::query(sql).execute(&vault.store().reader()).await;
    done.unwrap();
}

async fn anchor(vault: &Vault) -> Anchor {
    head(vault).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_nobody_touched_is_whole() {
    let (world, vault) = with_rows(0).await;
    let nothing = verify(&vault, None).await.unwrap();
    assert_eq!((nothing.checked, nothing.head), (0, None));
    note(&world, &vault, 3).await;
    let early = anchor(vault.vault()).await;
    note(&world, &vault, 2).await;
    for since in [None, Some(&early)] {
        let verified = verify(&vault, since).await.unwrap();
        assert_eq!(verified.checked, 5);
        assert_eq!(verified.head, head(vault.vault()).await.unwrap());
    }
}

#[tokio::test]
async fn every_column_of_a_row_counts() {
    for edit in [
        "UPDATE audit SET at = at + 1 WHERE seq = 3",
        "UPDATE audit SET event = 'nothing' WHERE seq = 3",
        "UPDATE audit SET event = CAST(x'ff' AS TEXT) WHERE seq = 3",
        "UPDATE audit SET actor = 'somebody else' WHERE seq = 3",
        "UPDATE audit SET connection_id = NULL WHERE seq = 3",
        "UPDATE audit SET connection_id = '' WHERE seq = 3",
        "UPDATE audit SET caller_id = '' WHERE seq = 3",
        "UPDATE audit SET detail = 'number 20' WHERE seq = 3",
        "UPDATE audit SET previous_hash = zeroblob(32) WHERE seq = 3",
        "UPDATE audit SET hash = zeroblob(32) WHERE seq = 3",
        "UPDATE audit SET hash = x'' WHERE seq = 3",
    ] {
        let (_world, vault) = with_rows(5).await;
        tamper(&vault, edit).await;
        let found = verify(&vault, None).await;
        assert!(
            matches!(found, Err(AuditError::Edited { seq: 3 })),
            "{edit}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_row_that_is_missing_or_too_many_is_seen() {
    for (edit, expected, found) in [
        ("DELETE FROM audit WHERE seq = 3", 3, 4),
        ("DELETE FROM audit WHERE seq < 3", 1, 3),
        ("UPDATE audit SET seq = 0 WHERE seq = 1", 1, 0),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", 5, 9),
    ] {
        let (_world, vault) = with_rows(5).await;
        tamper(&vault, edit).await;
        let error = verify(&vault, None).await.unwrap_err();
        let AuditError::Gap {
            expected: e,
            found: f,
        } = error
        else {
            panic!("{edit}: {error}");
        };
        assert_eq!((e, f), (expected, found), "{edit}");
    }
    let (_world, vault) = with_rows(5).await;
    tamper(&vault, "DELETE FROM audit WHERE seq = 3").await;
    tamper(&vault, "UPDATE audit SET seq = seq - 1 WHERE seq > 3").await;
    let error = verify(&vault, None).await.unwrap_err();
    assert!(matches!(error, AuditError::Edited { seq: 3 }), "{error}");
}

#[tokio::test]
async fn an_end_that_was_cut_is_seen_by_the_anchor_alone() {
    for cut in ["DELETE FROM audit WHERE seq > 3", "DELETE FROM audit"] {
        let (_world, vault) = with_rows(5).await;
        let kept = anchor(vault.vault()).await;
        tamper(&vault, cut).await;
        assert!(verify(&vault, None).await.is_ok(), "it cannot be seen");
        let error = verify(&vault, Some(&kept)).await.unwrap_err();
        let cut_there = matches!(
            error,
            AuditError::Cut {
                anchor: 5,
                last: 0 | 3
            }
        );
        assert!(cut_there, "{cut}: {error}");
    }
}

#[tokio::test]
async fn a_connection_that_no_row_tells_of_shows_a_cut_without_an_anchor() {
    for removed in ["NULL", "1"] {
        let (_world, vault) = with_rows(5).await;
        let app = "INSERT INTO apps (id, client_id, accounts_domain, created_at) VALUES ('a', 'a', 'a', 1)";
        tamper(&vault, app).await;
        let insert = format!(
            "INSERT INTO connections (id, name, app_id, grant_type, credential, scopes, state, state_since,
               generation, created_at, removed_at)
             VALUES ('some-id', 'acme', 'a', 'refresh_token', x'00', '', 'healthy', 1, 1, 1, {removed})"
        );
        let reader = vault.store().reader();
        let insert = sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&reader);
        insert.await.unwrap();
        assert!(verify(&vault, None).await.is_ok(), "a row tells of it");
        tamper(&vault, "DELETE FROM audit").await;
        let error = verify(&vault, None).await.unwrap_err();
        let AuditError::Untold { connection } = error else {
            panic!("{error}");
        };
        assert_eq!(connection, "acme");
    }
}

#[tokio::test]
async fn a_past_that_was_written_anew_is_seen_by_the_anchor() {
    let (world, vault) = with_rows(5).await;
    let kept = anchor(vault.vault()).await;
    tamper(&vault, "CREATE TABLE old AS SELECT * FROM audit").await;
    tamper(&vault, "DELETE FROM audit WHERE seq > 3").await;
    note(&world, &vault, 4).await;
    assert!(verify(&vault, None).await.is_ok(), "it cannot be seen");
    let error = verify(&vault, Some(&kept)).await.unwrap_err();
    assert!(matches!(error, AuditError::Rewritten { seq: 5 }), "{error}");

    // The anchor's own row again, after one that it was not written after.
    tamper(&vault, "DELETE FROM audit WHERE seq > 4").await;
    tamper(&vault, "INSERT INTO audit SELECT * FROM old WHERE seq = 5").await;
    for since in [None, Some(&kept)] {
        let error = verify(&vault, since).await.unwrap_err();
        assert!(matches!(error, AuditError::Unlinked { seq: 5 }), "{error}");
    }
}

#[tokio::test]
async fn a_row_before_the_anchor_is_looked_at_too() {
    let (_world, vault) = with_rows(5).await;
    let kept = anchor(vault.vault()).await;
    tamper(&vault, "UPDATE audit SET detail = '' WHERE seq = 2").await;
    let error = verify(&vault, Some(&kept)).await.unwrap_err();
    assert!(matches!(error, AuditError::Edited { seq: 2 }), "{error}");
}

#[tokio::test]
async fn the_chain_of_another_vault_does_not_fit() {
    let (_world, vault) = with_rows(1).await;
    let (_other_world, mut other) = with_rows(1).await;
    other.index_key = crate::vault::IndexKey::from_bytes(&[9; 32]).unwrap();
    other.vault = vault.vault.clone();
    let error = verify(&other, None).await.unwrap_err();
    assert!(matches!(error, AuditError::Edited { seq: 1 }), "{error}");
}

#[tokio::test]
async fn more_rows_than_a_page_are_followed_across_its_end() {
    let (_world, vault) = with_rows(0).await;
    let mut transaction = vault.store().begin().await.unwrap();
    for _ in 0..2_001 {
        let event = Event {
            event: "tested",
            connection_id: None,
            detail: String::new(),
        };
        append(&mut transaction, &vault, event).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(verify(&vault, None).await.unwrap().checked, 2_001);
    tamper(&vault, "DELETE FROM audit WHERE seq = 1001").await;
    let error = verify(&vault, None).await.unwrap_err();
    let listed = list(vault.vault(), Since::Beginning).await.unwrap();
    assert_eq!(listed.len(), 2_000);
    let mut pages = pages(vault.vault(), Since::Beginning).await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        sizes.push(pages.next().await.unwrap().len());
    }
    assert_eq!(sizes, [1_000, 1_000, 0, 0]);
    assert!(
        matches!(error, AuditError::Gap { expected: 1001, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_list_begins_where_it_is_told_to() {
    let (world, vault) = with_rows(2).await;
    let (kept, now) = (anchor(vault.vault()).await, world.clock.now());
    note(&world, &vault, 2).await;
    let listed = async |since| {
        let rows = list(vault.vault(), since).await.unwrap();
        rows.iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    assert_eq!(listed(Since::Beginning).await, [1, 2, 3, 4]);
    assert_eq!(listed(Since::Anchor(kept)).await, [3, 4]);
    assert_eq!(listed(Since::Time(now)).await, [3, 4]);
    assert_eq!(listed(Since::Time(world.clock.now())).await, [0; 0]);
    tamper(&vault, "UPDATE audit SET at = 1 WHERE seq = 4").await;
    let after_the_clock_was_set_back = listed(Since::Time(now)).await;
    assert_eq!(after_the_clock_was_set_back, [3, 4], "nothing hides");
    let rows = list(vault.vault(), Since::Beginning).await.unwrap();
    assert_eq!(
        (rows[0].actor.as_str(), rows[1].event.as_str()),
        ("a test", "tested")
    );
    assert_eq!(rows[0].connection, None, "there is no such connection");
}

#[tokio::test]
async fn the_history_of_a_connection_is_its_changes_of_state() {
    let (_world, vault) = with_rows(7).await;
    let changes = history(vault.vault(), "some-id", 3).await.unwrap();
    let numbers: Vec<_> = changes.iter().map(|row| row.seq).collect();
    assert_eq!(numbers, [7, 5, 3]);
    assert!(
        history(vault.vault(), "another", 3)
            .await
            .unwrap()
            .is_empty()
    );
}
