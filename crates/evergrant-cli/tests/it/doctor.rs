//! `evergrant doctor`: every check, and the thing broken that it looks at.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    flow::{Flow, SCOPE},
    world::{Outcome, World},
};

/// What the doctor says of one thing.
struct Finding {
    exit_code: i32,
    check: Value,
}

fn look(world: &World, options: &str, name: &str) -> Finding {
    let outcome = world.run(&format!("doctor --json {options}"));
    let report = outcome.answer();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    let failed = checks.iter().any(|check| check["status"] == "fail");
    assert_eq!(report["ok"], !failed, "{report}");
    assert_eq!(outcome.exit_code == 0, !failed, "{report}");
    Finding {
        exit_code: outcome.exit_code,
        check: check
            .unwrap_or_else(|| panic!("{name} is missing: {report}"))
            .clone(),
    }
}

/// Asserts what the doctor says of one thing, and that it says what to do.
fn finds(world: &World, name: &str, status: &str, exit_code: i32, words: &str) {
    let Finding {
        exit_code: found,
        check,
    } = look(world, "--offline", name);
    assert_eq!(
        (&check["status"], found),
        (&json!(status), exit_code),
        "{check}"
    );
    assert_ne!(check["next"], json!([]), "{check}");
    assert!(check.to_string().contains(words), "{check}");
}

fn healthy() -> Flow {
    let flow = Flow::new();
    fs::set_permissions(flow.world.path(""), fs::Permissions::from_mode(0o700)).unwrap();
    flow.kept("");
    flow
}

#[test]
fn in_a_healthy_home_all_is_fine() {
    let flow = healthy();
    let seen = flow.simulator.requests().len();
    for name in [
        "configuration",
        "folders",
        "vault",
        "writing",
        "master_key",
        "audit",
        "escrow",
        "connections",
        "places",
        "clock",
        "network",
    ] {
        let finding = look(&flow.world, "", name);
        assert_eq!(
            (&finding.check["status"], finding.exit_code),
            (&json!("ok"), 0),
            "{}",
            finding.check
        );
    }
    assert_eq!(
        flow.simulator.requests().len(),
        seen,
        "it greets and sends nothing"
    );
}

#[test]
fn in_an_empty_home_all_is_fine_and_nothing_is_made() {
    let world = World::new();
    let finding = look(&world, "", "vault");
    assert_eq!(finding.exit_code, 0);
    assert!(
        finding.check["message"]
            .as_str()
            .unwrap()
            .contains("none yet")
    );
    assert_eq!(fs::read_dir(world.path("")).unwrap().count(), 0);
}

#[test]
fn a_wrong_configuration() {
    let flow = healthy().config("[http]\nsilense = 3\n");
    finds(&flow.world, "configuration", "fail", 3, "correct line 2");
    let report = flow.world.run("doctor --offline --json").answer();
    let checks = report["checks"].as_array().unwrap().iter();
    let failed: Vec<_> = checks.filter(|check| check["status"] == "fail").collect();
    assert_eq!(failed.len(), 1, "one mistake is one finding: {report}");
}

#[test]
fn a_folder_that_others_can_look_into() {
    let flow = healthy();
    fs::set_permissions(flow.world.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    finds(&flow.world, "folders", "warn", 0, "chmod 700");
}

#[test]
fn a_server_whose_secrets_others_could_read() {
    let flow = healthy().config("[server]\npublic_url = \"http://zoho.example.com\"\n");
    finds(&flow.world, "server", "warn", 0, "public_url under");
    let flow = healthy().config("[server]\ntls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n");
    let key = flow.world.file("k.pem", "key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    finds(
        &flow.world,
        "server",
        "warn",
        0,
        "every user of this machine",
    );
}

#[test]
fn a_vault_that_is_no_database() {
    let flow = healthy();
    for rest in ["vault.db-wal", "vault.db-shm"] {
        let _ = fs::remove_file(flow.world.path(rest));
    }
    flow.world
        .file("vault.db", &"this is no database ".repeat(500));
    finds(&flow.world, "vault", "fail", 8, "backup");
}

#[test]
fn an_empty_file_in_the_place_of_the_vault() {
    let flow = healthy();
    for rest in ["vault.db-wal", "vault.db-shm"] {
        let _ = fs::remove_file(flow.world.path(rest));
    }
    flow.world.file("vault.db", "");
    finds(&flow.world, "vault", "fail", 8, "backup");
}

#[test]
fn an_audit_that_somebody_edited() {
    let flow = healthy();
    flow.rows("UPDATE audit SET actor = 'nobody'");
    finds(&flow.world, "audit", "fail", 8, "compare with a backup");
    flow.rows("DELETE FROM audit");
    finds(&flow.world, "audit", "fail", 8, "acme");
}

#[test]
fn a_vault_with_a_damaged_page() {
    let flow = healthy();
    flow.rows("PRAGMA wal_checkpoint(TRUNCATE)");
    let path = flow.world.path("vault.db");
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[8192..] {
        *byte = 0x5a;
    }
    fs::write(&path, bytes).unwrap();
    let outcome = flow.world.run("doctor --json --offline");
    assert_eq!(outcome.exit_code, 8, "{outcome:?}");
    assert_eq!(outcome.answer()["ok"], false);
}

#[test]
fn a_master_key_that_is_exposed_lost_or_wrong() {
    let flow = healthy();
    let key = flow.world.path("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    finds(&flow.world, "master_key", "fail", 8, "chmod 600");
    flow.world.file("master.key", "nonsense");
    finds(
        &flow.world,
        "master_key",
        "fail",
        8,
        "64 hexadecimal digits",
    );
    flow.world.file(
        "master.key",
        &format!("evergrant-master-key:{}\n", "5a".repeat(32)),
    );
    finds(&flow.world, "master_key", "fail", 8, "put the key");
    fs::remove_file(&key).unwrap();
    finds(
        &flow.world,
        "master_key",
        "fail",
        8,
        "put the key file back",
    );
    assert!(!key.exists(), "it makes none");
}

#[test]
fn something_that_lies_in_escrow() {
    let flow = healthy().fault(json!({ "do": "delay", "seconds": 3.0 }));
    flow.grant(json!({ "scope": SCOPE }));
    flow.exchange("--replace --timeout 1");
    finds(
        &flow.world,
        "escrow",
        "warn",
        0,
        "exchanges of unknown fate: 1",
    );
    let listed = flow.world.run("recover --list --json").answer();
    let id = listed[0]["id"].as_str().unwrap();
    let check = look(&flow.world, "--offline", "escrow").check;
    let discard = format!("recover --discard {id}");
    assert_eq!(check["next"], json!([format!("evergrant {discard}")]));
    assert_eq!(flow.world.run(&discard).exit_code, 0);
    assert_eq!(
        look(&flow.world, "--offline", "escrow").check["status"],
        "ok"
    );
}

#[test]
fn an_escrow_that_cannot_be_read() {
    let flow = healthy();
    fs::remove_dir(flow.world.path("escrow")).unwrap();
    flow.world.file("escrow", "a file where a folder belongs");
    finds(&flow.world, "escrow", "fail", 8, "yours to read");
}

#[test]
fn a_connection_that_cannot_be_used() {
    let flow = healthy();
    flow.rows("UPDATE connections SET api_domain = NULL");
    finds(
        &flow.world,
        "connections",
        "warn",
        0,
        "evergrant status acme",
    );
}

#[test]
fn places_that_are_all_taken() {
    let flow = healthy().limits(json!({ "exchanges": 100, "grant_tokens": 100 }));
    for number in 2..=20 {
        flow.grant(json!({ "scope": SCOPE }));
        let outcome = Outcome::of(&mut flow.command(&format!("acme-{number}"), ""));
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    }
    finds(&flow.world, "places", "warn", 0, "20 of the 20");
}

#[test]
fn an_accounts_server_that_is_not_reached() {
    let flow = healthy();
    let Flow {
        world, simulator, ..
    } = flow;
    drop(simulator);
    let finding = look(&world, "", "network");
    assert_eq!(
        (&finding.check["status"], finding.exit_code),
        (&json!("warn"), 0)
    );
    let offline = world.run("doctor --json --offline").stdout;
    assert!(!offline.contains("\"network\""), "{offline}");
}

#[test]
fn what_keeps_it_from_zoho_has_its_own_remedy() {
    let flow = Flow::tls();
    fs::set_permissions(flow.world.path(""), fs::Permissions::from_mode(0o700)).unwrap();
    let ca_file = flow.simulator.ready["ca_file"].as_str().unwrap().to_owned();
    flow.kept(&format!("--ca-file {ca_file}"));
    let untrusted = look(&flow.world, "", "network");
    assert!(
        untrusted.check["next"].to_string().contains("ca_file"),
        "{}",
        untrusted.check
    );
    let flow = flow.config(&format!("[http]\nca_file = \"{ca_file}\"\n"));
    assert_eq!(look(&flow.world, "", "network").check["status"], "ok");
    drop(flow.simulator);
    let stopped = look(&flow.world, "", "network");
    assert!(
        stopped.check["next"]
            .to_string()
            .contains("evergrant simulate"),
        "{}",
        stopped.check
    );
}

#[test]
fn a_clock_that_is_off_is_seen_at_a_refresh() {
    let flow = healthy();
    let ahead = json!({ "advance_seconds": 120 });
    flow.simulator.control("POST", "/clock", &ahead);
    let new = flow.world.run("token acme --force-new --reserve");
    assert_eq!(new.exit_code, 0, "{new:?}");
    finds(&flow.world, "clock", "warn", 0, "behind Zoho's");
    let behind = json!({ "advance_seconds": -120 });
    flow.simulator.control("POST", "/clock", &behind);
    flow.world.run("token acme --force-new --reserve");
    let finding = look(&flow.world, "--offline", "clock");
    assert_eq!(finding.check["status"], "ok", "{}", finding.check);
}

#[test]
fn what_a_person_revoked_is_not_ill_and_what_zoho_refuses_is() {
    let flow = healthy();
    flow.rows("UPDATE connections SET state = 'failing', state_reason = 'no answer'");
    finds(
        &flow.world,
        "connections",
        "warn",
        0,
        "evergrant status acme",
    );
    let said = |flow: &Flow| {
        let check = look(&flow.world, "--offline", "connections").check;
        check["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(&flow), "to be looked at: acme", "a token lives");
    flow.expire();
    assert_eq!(said(&flow), "not fit for use: acme");
    flow.rows("UPDATE connections SET state = 'revoked'");
    let finding = look(&flow.world, "--offline", "connections");
    assert_eq!(finding.check["status"], "ok", "{}", finding.check);
}
