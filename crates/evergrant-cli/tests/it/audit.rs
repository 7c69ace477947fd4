//! The record of what was done, and somebody who writes to it past the program.

use serde_json::{Value, json};

use crate::{
    connections::{acme, done, fails},
    flow::Flow,
    world::World,
};

/// Makes a vault with three rows in its audit.
fn three_rows() -> Flow {
    let flow = acme();
    done(&flow.world, "connections rename acme umbrella");
    done(&flow.world, "connections remove umbrella --yes");
    flow
}

fn head(world: &World) -> String {
    let printed = done(world, "audit head");
    assert!(printed.stderr.contains("nobody can write"), "{printed:?}");
    assert_eq!(printed.stdout.lines().count(), 1, "{printed:?}");
    printed.stdout.trim().to_owned()
}

fn verified(world: &World, options: &str) -> Value {
    done(world, &format!("audit --verify --json {options}")).answer()
}

#[test]
fn what_was_done_is_listed() {
    let flow = three_rows();
    let rows = done(&flow.world, "audit --json").answer();
    let events: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["event"])
        .collect();
    let expected = [
        "connection_created",
        "connection_renamed",
        "connection_removed",
    ];
    assert_eq!(events, expected);
    for (number, row) in rows.as_array().unwrap().iter().enumerate() {
        assert_eq!(row["seq"], number + 1);
        assert_eq!(
            row["connection"], "umbrella",
            "a removed one has its last name"
        );
        assert!(row["actor"].as_str().unwrap().starts_with("uid "), "{row}");
        assert!(row["at"].as_str().unwrap().ends_with('Z'), "{row}");
    }
    assert_eq!(rows[1]["detail"], "acme to umbrella");
    let table = done(&flow.world, "audit").stdout;
    let heading: Vec<_> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        heading,
        ["time", "event", "connection", "caller", "actor", "detail"]
    );
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn a_list_begins_at_an_anchor_a_time_or_so_long_ago() {
    let flow = acme();
    let anchor = head(&flow.world);
    let first = done(&flow.world, "audit --json").answer()[0]["at"].clone();
    done(&flow.world, "connections rename acme umbrella");
    let rows = |since: &str| {
        let listed = done(&flow.world, &format!("audit --json --since {since}")).answer();
        listed.as_array().unwrap().len()
    };
    assert_eq!(rows(&anchor), 1);
    assert_eq!(rows(first.as_str().unwrap()), 2);
    assert_eq!((rows("24h"), rows("2999-01-01T00:00:00Z")), (2, 0));
    assert_eq!((rows("2020-01-01"), rows("2999-01-01")), (2, 0));
    let later = done(&flow.world, "audit --since 2999-01-01T00:00:00Z");
    assert_eq!(later.stdout, "nothing was done since then\n");
    fails(&flow.world, "audit --since yesterday", 2, "invalid_value");
}

#[test]
fn looking_needs_no_key_and_verifying_does() {
    let flow = acme();
    std::fs::remove_file(flow.world.path("master.key")).unwrap();
    done(&flow.world, "audit");
    head(&flow.world);
    fails(&flow.world, "audit --verify", 8, "master_key_missing");
}

#[test]
fn what_nobody_touched_is_verified() {
    let flow = three_rows();
    let anchor = head(&flow.world);
    assert_eq!(
        verified(&flow.world, ""),
        json!({ "checked": 3, "since": null, "head": anchor })
    );
    assert_eq!(
        verified(&flow.world, &format!("--since {anchor}")),
        json!({ "checked": 3, "since": anchor, "head": anchor })
    );
    let for_people = done(&flow.world, "audit --verify");
    assert!(
        for_people.stdout.starts_with("3 rows checked"),
        "{for_people:?}"
    );
    assert!(for_people.stdout.contains(&anchor), "{for_people:?}");
    assert!(
        for_people
            .stderr
            .contains("without an anchor it cannot be seen"),
        "{for_people:?}"
    );
    let anchored = done(&flow.world, &format!("audit --verify --since {anchor}"));
    assert_eq!(anchored.stderr, "");
}

#[test]
fn an_edited_row_is_found() {
    for edit in [
        "UPDATE audit SET detail = 'acme to acme' WHERE seq = 2",
        "UPDATE audit SET at = at - 3600000 WHERE seq = 2",
        "UPDATE audit SET actor = 'uid 4711' WHERE seq = 2",
        "UPDATE audit SET previous_hash = zeroblob(32) WHERE seq = 2",
    ] {
        let flow = three_rows();
        flow.rows(edit);
        let error = fails(&flow.world, "audit --verify", 8, "audit_edited");
        assert!(
            error["message"].as_str().unwrap().contains("row 2"),
            "{error}"
        );
        assert_eq!(error["code"], "vault");
    }
}

#[test]
fn a_gap_is_found() {
    for gap in [
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 1",
        "UPDATE audit SET seq = 7 WHERE seq = 3",
    ] {
        let flow = three_rows();
        flow.rows(gap);
        fails(&flow.world, "audit --verify", 8, "audit_gap");
    }
}

#[test]
fn a_cut_end_is_found_by_an_anchor() {
    let flow = three_rows();
    let anchor = head(&flow.world);
    flow.rows("DELETE FROM audit WHERE seq = 3");
    assert_eq!(verified(&flow.world, "")["checked"], 2, "it cannot be seen");
    let line = format!("audit --verify --since {anchor}");
    fails(&flow.world, &line, 8, "audit_cut");
    flow.rows("DELETE FROM audit");
    fails(&flow.world, &line, 8, "audit_cut");
    std::fs::remove_file(flow.world.path("vault.db")).unwrap();
    // What SQLite keeps beside it may be left of a command that failed.
    for name in ["vault.db-wal", "vault.db-shm"] {
        let _ = std::fs::remove_file(flow.world.path(name));
    }
    fails(&flow.world, &line, 8, "audit_cut");
}

#[test]
fn a_past_that_was_written_anew_is_found_by_an_anchor() {
    let flow = acme();
    let older = World::new();
    older.copy(&flow.world);
    done(&flow.world, "connections remove acme --yes");
    let anchor = head(&flow.world);
    // An older copy of the vault, in which something else was done.
    done(&older, "connections rename acme umbrella");
    assert_eq!(verified(&older, "")["checked"], 2, "it cannot be seen");
    let line = format!("audit --verify --since {anchor}");
    let error = fails(&older, &line, 8, "audit_rewritten");
    assert!(
        error["message"].as_str().unwrap().contains("row 2"),
        "{error}"
    );
    done(&flow.world, &line);
}

#[test]
fn a_part_cannot_be_verified() {
    let flow = acme();
    for since in ["24h", "2020-01-01T00:00:00Z"] {
        let line = format!("audit --verify --since {since}");
        fails(&flow.world, &line, 2, "anchor_needed");
    }
    fails(
        &flow.world,
        "audit --verify head",
        2,
        "conflicting_arguments",
    );
}

#[test]
fn without_a_vault_nothing_was_done_and_none_is_made() {
    let world = World::new();
    assert_eq!(done(&world, "audit").stdout, "nothing was done yet\n");
    assert_eq!(done(&world, "audit --json").answer(), json!([]));
    assert_eq!(done(&world, "audit head").stdout, "");
    assert_eq!(
        done(&world, "audit head --json").answer(),
        json!({ "anchor": null })
    );
    assert_eq!(verified(&world, "")["checked"], 0);
    assert!(!world.path("vault.db").exists());
}

#[test]
fn an_edited_row_cannot_move_the_terminal() {
    let flow = acme();
    flow.rows("UPDATE audit SET detail = char(27) || '[2A'");
    let table = done(&flow.world, "audit").stdout;
    assert!(
        !table.contains('\u{1b}') && table.contains("[2A"),
        "{table}"
    );
}

#[test]
fn rows_that_are_all_removed_are_missed_by_the_connection_that_they_told_of() {
    let flow = acme();
    flow.rows("DELETE FROM audit");
    let error = fails(&flow.world, "audit --verify", 8, "audit_cut");
    assert!(
        error["message"].as_str().unwrap().contains("acme"),
        "{error}"
    );
    let flow = acme();
    done(&flow.world, "connections remove acme --yes");
    flow.rows("DELETE FROM audit");
    fails(&flow.world, "audit --verify", 8, "audit_cut");
}

#[test]
fn a_long_list_is_printed_page_by_page_and_is_one_table_and_one_array() {
    let flow = acme();
    flow.rows(
        "WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < 2500)
         INSERT INTO audit (seq, at, event, actor, detail, previous_hash, hash)
         SELECT n, 1000 * n, 'tested', 'uid ' || n, 'number ' || n, x'', x'' FROM number",
    );
    let rows = done(&flow.world, "audit --json").answer();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2500);
    assert!((1..).zip(rows).all(|(number, row)| row["seq"] == number));
    let table = done(&flow.world, "audit").stdout;
    assert_eq!(table.lines().count(), 2501);
    assert_eq!(table.matches("actor").count(), 1, "one heading");
    assert!(table.ends_with("  uid 2500  number 2500\n"), "{table}");
    let since = done(&flow.world, "audit --since 1970-01-01T00:41:00Z --json").answer();
    let seqs: Vec<_> = since
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["seq"])
        .collect();
    assert_eq!(seqs.len(), 2500, "the first row is from later");

    let mut command = flow.world.command(["audit"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(
        child.wait().unwrap().success(),
        "who reads no more has enough"
    );
}
