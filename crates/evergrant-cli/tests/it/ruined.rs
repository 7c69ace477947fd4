//! A vault or an escrow folder that is ruined while the reply is on its way.

use std::{
    fs::{self, File},
    io::Write,
    process::Command,
};

use serde_json::Value;

use crate::{
    story::{self, End, NAME, Story, begin, refresh_token},
    world::{Outcome, World},
};

/// Runs an exchange in which something happens to the home while the reply is on its way; returns the
/// refresh token that was given out too.
fn exchange(story: &Story, home: &World, happens: &dyn Fn()) -> (Outcome, String) {
    story.wire.hold();
    let grant = story.grant();
    let child = begin(&mut story.command(NAME, home, &grant), &grant);
    story.wire.wait_for_replies(1);
    happens();
    story.wire.release();
    let outcome = child.wait_with_output().unwrap().into();
    (outcome, story.wire.take().remove(0))
}

fn truncate(home: &World) {
    for name in ["vault.db", "vault.db-wal"] {
        let file = File::options().write(true).open(home.path(name));
        file.unwrap().set_len(0).unwrap();
    }
}

fn scribble(home: &World) {
    for name in ["vault.db", "vault.db-wal"] {
        let mut file = File::options().write(true).open(home.path(name)).unwrap();
        let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
        file.write_all(&vec![0xa5; length]).unwrap();
    }
}

/// Puts the vault back as it was when the backup was made, before the exchange.
fn restore(story: &Story, home: &World) {
    for name in ["vault.db-wal", "vault.db-shm"] {
        fs::remove_file(home.path(name)).ok();
    }
    fs::copy(story.used_home().path("vault.db"), home.path("vault.db")).unwrap();
}

fn is_in_escrow(outcome: &Outcome) {
    let error = outcome.error();
    assert_eq!(
        (outcome.exit_code, outcome.stdout.as_str()),
        (8, ""),
        "{error}"
    );
    assert_eq!(
        (&error["reason"], &error["grant"]),
        (&"in_escrow".into(), &"spent".into())
    );
}

#[test]
fn a_ruined_database_costs_no_token() {
    let story = Story::new();
    for ruin in [truncate, scribble] {
        let home = story.used_home();
        let (outcome, given) = exchange(&story, &home, &|| ruin(&home));
        is_in_escrow(&outcome);
        // While it is ruined, `recover` takes nothing away.
        assert_eq!(home.run("recover").exit_code, 8);
        restore(&story, &home);
        let end = story::end(&home, Some(&given), &|line| home.run(line));
        assert_eq!(end, End::Kept);
    }
}

#[test]
fn an_escrow_folder_that_is_gone_is_not_missed() {
    let story = Story::new();
    let home = story.used_home();
    let gone = || fs::remove_dir_all(home.path("escrow")).unwrap();
    let (outcome, given) = exchange(&story, &home, &gone);
    assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
    assert_eq!(refresh_token(&home, NAME), Some(given));
}

#[test]
fn with_folder_and_database_gone_the_reply_finds_another_place() {
    let story = Story::new();
    let home = story.used_home();
    let ruin = || {
        fs::remove_dir_all(home.path("escrow")).unwrap();
        truncate(&home);
    };
    let (outcome, given) = exchange(&story, &home, &ruin);
    is_in_escrow(&outcome);
    restore(&story, &home);
    let end = story::end(&home, Some(&given), &|line| home.run(line));
    assert_eq!(end, End::Kept);
}

#[test]
fn an_exchange_that_was_killed_after_its_file_had_gone_is_told_of_once() {
    let story = Story::new();
    let home = story.used_home();
    story.wire.hold();
    let grant = story.grant();
    let mut child = begin(&mut story.command(NAME, &home, &grant), &grant);
    story.wire.wait_for_replies(1);
    fs::remove_dir_all(home.path("escrow")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    story.wire.release();
    // It may be under way still, as far as anybody knows.
    assert_eq!(home.run("recover --json").stdout, "[]\n");

    let aged = "UPDATE exchanges SET at = at - 16 * 60 * 1000 WHERE state = 'prepared'";
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(home.path("vault.db")).arg(aged);
    assert!(sqlite.status().unwrap().success());
    let list = home.run("connections list --json");
    let said = list.warnings("escrow").join("\n");
    assert!(said.contains("escrow file was removed"), "{said}");
    let doctor = home.run("doctor --offline");
    let counted = "replies that wait for the vault: 0; exchanges of unknown fate: 1";
    assert!(doctor.stdout.contains(counted), "{}", doctor.stdout);
    let waits: Value = serde_json::from_str(&home.run("recover --list --json").stdout).unwrap();
    assert_eq!(
        (&waits[0]["connection"], &waits[0]["state"]),
        (&NAME.into(), &"sending".into())
    );
    assert_eq!(
        story::end(&home, Some(""), &|line| home.run(line)),
        End::Unknown
    );
    assert_eq!(home.run("recover --json").stdout, "[]\n");
    assert_eq!(home.run("connections list --json").stderr, "");
    let again = story.exchange(&home, &grant).error();
    assert_eq!(
        (&again["reason"], &again["grant"]),
        (&"grant_used".into(), &"unknown".into())
    );
}

#[test]
fn a_file_that_is_no_vault_is_called_that_and_left_alone() {
    let ruins: [(&str, &str); 3] = [
        ("", "not_a_vault"),
        ("DELETE FROM vault", "not_a_vault"),
        ("DROP TABLE vault", "vault_damaged"),
    ];
    let story = Story::new();
    for (sql, reason) in ruins {
        let home = story.used_home();
        if sql.is_empty() {
            fs::remove_file(home.path("vault.db")).unwrap();
            home.file("vault.db", "");
        } else {
            let mut sqlite = Command::new("sqlite3");
            sqlite.arg(home.path("vault.db")).arg(sql);
            assert!(sqlite.status().unwrap().success());
        }
        let outcome = home.run("connections list --json");
        let error = outcome.error();
        assert_eq!(outcome.exit_code, 8, "{sql}: {error}");
        assert_eq!(error["reason"], reason, "{sql}: {error}");
        let next = error["next"].to_string();
        assert!(next.contains("restore the vault"), "{sql}: {error}");
        assert!(!error.to_string().contains("no rows"), "{sql}: {error}");
        if sql.is_empty() {
            assert_eq!(fs::metadata(home.path("vault.db")).unwrap().len(), 0);
        }
    }
}
