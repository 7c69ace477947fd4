//! The commands about what the vault holds.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    flow::{Flow, SCOPE},
    world::{Outcome, World},
};

/// Makes a vault with the connection `acme`.
pub(crate) fn acme() -> Flow {
    let flow = Flow::new();
    flow.kept("");
    flow
}

/// Asserts that a command fails, and returns its error object.
pub(crate) fn fails(world: &World, line: &str, exit_code: i32, reason: &str) -> Value {
    let outcome = world.run(&format!("{line} --json"));
    assert_eq!(outcome.exit_code, exit_code, "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    let error = outcome.error();
    assert_eq!(error["reason"], reason, "{error}");
    assert_ne!(error["next"], json!([]), "{error}");
    error
}

/// Runs a command that must succeed.
pub(crate) fn done(world: &World, line: &str) -> Outcome {
    let outcome = world.run(line);
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    outcome
}

#[test]
fn an_empty_vault_is_no_error_and_none_is_made() {
    let world = World::new();
    assert!(
        done(&world, "connections list")
            .stdout
            .contains("evergrant exchange NAME")
    );
    assert_eq!(done(&world, "connections list --json").answer(), json!([]));
    for line in [
        "connections show acme",
        "connections set acme --api-domain https://www.zohoapis.eu",
        "connections rename acme other",
        "connections remove acme --yes",
        "scopes check acme --require-scope @contacts-export",
    ] {
        fails(&world, line, 3, "no_such_connection");
    }
    assert!(!world.path("vault.db").exists());
}

#[test]
fn list_and_show_say_what_is_known_and_no_secret() {
    let flow = acme();
    let show = done(&flow.world, "connections show acme --json").answer();
    let list = done(&flow.world, "connections list --json").answer();
    assert_eq!(list, json!([show]));
    assert_eq!(
        (&show["name"], &show["state"]),
        (&json!("acme"), &json!("healthy"))
    );
    assert_eq!(show["accounts_domain"], flow.accounts_domain());
    assert_eq!(
        (&show["scopes"], &show["grant_type"]),
        (&json!([SCOPE]), &json!("refresh_token"))
    );
    assert_eq!(show["refreshes"]["limit"], 10);
    for line in [
        "connections list",
        "connections show acme",
        "connections show acme --json",
    ] {
        let shown = done(&flow.world, line).stdout;
        assert!(shown.contains("acme") && shown.contains(SCOPE), "{shown}");
        assert!(!shown.contains(&flow.secret("client_secret")), "{shown}");
    }
}

#[test]
fn no_master_key_is_needed_to_look() {
    let flow = acme();
    std::fs::remove_file(flow.world.path("master.key")).unwrap();
    for line in [
        "connections list",
        "connections show acme",
        "recover --list",
    ] {
        done(&flow.world, line);
    }
    done(
        &flow.world,
        &format!("scopes check acme --require-scope {SCOPE}"),
    );
    fails(
        &flow.world,
        "connections rename acme other",
        8,
        "master_key_missing",
    );
}

#[test]
fn a_name_can_be_changed_to_one_that_is_free() {
    let flow = acme();
    flow.grant(json!({ "scope": SCOPE }));
    assert_eq!(Outcome::of(&mut flow.command("other", "")).exit_code, 0);
    fails(
        &flow.world,
        "connections rename acme other",
        3,
        "name_taken",
    );
    fails(
        &flow.world,
        "connections rename nobody third",
        3,
        "no_such_connection",
    );
    let renamed = done(&flow.world, "connections rename acme third --json").answer();
    assert_eq!(renamed["name"], "third");
    fails(
        &flow.world,
        "connections show acme",
        3,
        "no_such_connection",
    );
    // The tokens are sealed to the row, not to its name.
    done(
        &flow.world,
        "connections set third --api-domain https://www.zohoapis.eu",
    );
}

#[test]
fn a_removal_is_asked_for_and_frees_the_name() {
    let flow = acme();
    fails(&flow.world, "connections remove acme", 2, "not_confirmed");
    done(&flow.world, "connections show acme");
    let removed = done(&flow.world, "connections remove acme --yes");
    assert!(removed.stderr.contains("stays valid"), "{removed:?}");
    fails(
        &flow.world,
        "connections remove acme --yes",
        3,
        "no_such_connection",
    );
    assert_eq!(
        flow.kept_again("")["places"]["used"],
        2,
        "at Zoho it keeps its place"
    );
}

/// Asks for the removal of `acme` at a terminal, and answers.
fn asked_to_remove(world: &World, answer: &str) -> Outcome {
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.arg(format!("[y/N] ={answer}"));
    python.args(["--", env!("CARGO_BIN_EXE_evergrant")]);
    python.args(["connections", "remove", "acme"]);
    python.env("EVERGRANT_HOME", world.path(""));
    Outcome::of(python.env_remove("EVERGRANT_CONFIG"))
}

#[test]
fn only_a_yes_at_the_terminal_removes() {
    let flow = acme();
    for (answer, is_there) in [("", true), ("n", true), ("yes", false)] {
        let outcome = asked_to_remove(&flow.world, answer);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let show = flow.world.run("connections show acme");
        assert_eq!(show.exit_code == 0, is_there, "{answer}: {outcome:?}");
    }
}

#[test]
fn an_api_domain_must_be_one() {
    let flow = acme();
    let set = |domain: &str| format!("connections set acme --api-domain {domain}");
    for domain in [
        "ftp://www.zohoapis.eu",
        "http://www.zohoapis.eu",
        "https://www.zohoapis.eu/crm",
    ] {
        fails(&flow.world, &set(domain), 3, "invalid_api_domain");
    }
    let changed = done(
        &flow.world,
        &format!("{} --json", set("https://www.zohoapis.eu")),
    )
    .answer();
    assert_eq!(changed["api_domain"], "https://www.zohoapis.eu");
    assert_eq!(flow.kept_again("--replace")["outcome"], "replaced");
}

#[test]
fn what_was_removed_is_named_in_json() {
    let flow = acme();
    let removed = done(&flow.world, "connections remove acme --yes --json").answer();
    assert_eq!(
        removed,
        json!({ "connection": "acme", "outcome": "removed", "callers": [] })
    );
}

#[test]
fn whoever_removes_or_revokes_is_told_which_callers_lose_it() {
    let flow = acme();
    for name in ["nightly", "hourly", "former"] {
        done(
            &flow.world,
            &format!("callers add {name} --connection acme"),
        );
    }
    done(&flow.world, "callers revoke former --yes");
    for command in ["connections remove acme", "revoke acme"] {
        let asked = flow.world.run(command);
        let callers = "among them the callers hourly, nightly.";
        assert!(asked.stderr.contains(callers), "{asked:?}");
    }
    let removed = done(&flow.world, "connections remove acme --yes --json");
    assert_eq!(removed.answer()["callers"], json!(["hourly", "nightly"]));
}

#[test]
fn a_wrong_file_of_an_import_brings_the_next_step_of_an_import() {
    let world = World::new();
    world.file("wrong", "{ \"a\": ");
    let error = fails(
        &world,
        "connections import acme --from wrong",
        3,
        "file_invalid",
    );
    let next = error["next"].to_string();
    assert!(
        next.contains("--format") && !next.contains("--self-client"),
        "{error}"
    );
}
