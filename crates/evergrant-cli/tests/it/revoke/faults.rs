//! What goes wrong on the way: then nothing changes in the vault, and the same command once more
//! mends it.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::{NEW, OLD};
use crate::{
    connections::{acme, done, fails},
    flow::Flow,
    wire::Wire,
};

impl Flow {
    /// Orders a fault of the next revocations.
    pub(super) fn revoke_fault(self, mut fault: Value, times: u64) -> Self {
        fault["on"] = json!("revoke");
        fault["times"] = json!(times);
        self.faults(json!([fault]))
    }

    /// Revokes `acme`, of which Zoho must say that it does not know the token.
    fn revoked_unknown(&self) {
        let outcome = done(&self.world, "revoke acme --yes --json");
        assert_eq!(outcome.answer()["outcome"], "already_revoked");
        assert_eq!(outcome.warnings("unknown_token").len(), 1, "{outcome:?}");
        let events = self.rows("SELECT event FROM audit WHERE seq > 1");
        assert_eq!(events, "revoked_already\nstate_changed");
        assert_eq!(self.rows("SELECT state FROM connections"), "revoked");
    }
}

#[test]
fn what_zoho_does_not_know_counts_as_revoked_with_a_warning() {
    for path in ["both", NEW] {
        let flow = acme().manners(json!({ "revoke_path": path }));
        let kill = json!({ "what": "refresh_token", "refresh_token": flow.refresh_token() });
        flow.simulator.control("POST", "/kill", &kill);
        flow.revoked_unknown();
    }
}

#[test]
fn whatever_else_zoho_says_changes_nothing() {
    let page = json!({ "do": "html", "status": 200 });
    let body = |body: &str| json!({ "do": "body", "body": body });
    for (fault, exit_code, reason, requests) in [
        (
            json!({ "do": "status", "status": 500 }),
            7,
            "unreadable_reply",
            2,
        ),
        (page, 7, "unreadable_reply", 2),
        (body("fine"), 7, "unreadable_reply", 2),
        (body(r#"{"status":"failure"}"#), 7, "unreadable_reply", 2),
        (
            json!({ "do": "redirect", "location": "https://elsewhere.example/" }),
            3,
            "redirected",
            2,
        ),
        (json!({ "do": "reset-before" }), 7, "answer_lost", 1),
        (
            json!({ "do": "refuse", "error": "Access Denied" }),
            6,
            "Access Denied",
            1,
        ),
        (
            json!({ "do": "refuse", "error": "unauthorized_client" }),
            3,
            "unauthorized_client",
            1,
        ),
        (
            json!({ "do": "refuse", "error": "general_error", "status": 500 }),
            7,
            "general_error",
            4,
        ),
    ] {
        let flow = acme().revoke_fault(fault.clone(), 9);
        let error = fails(&flow.world, "revoke acme --yes", exit_code, reason);
        assert!(
            error["causes"].to_string().contains("nothing changed"),
            "{error}"
        );
        assert_eq!(error["connection"], "acme");
        assert_eq!(error["retry_at"].is_string(), exit_code == 6, "{error}");
        assert_eq!(flow.revocations().len(), requests, "{fault}");
        flow.nothing_changed();
        assert_eq!(flow.refresh_error(&flow.refresh_token()), Value::Null);
        let flow = flow.faults(json!([]));
        assert_eq!(flow.revoked("")["outcome"], "revoked");
    }
}

#[test]
fn an_unwell_zoho_is_asked_again_as_often_as_was_said() {
    let unwell = json!({ "do": "refuse", "error": "general_error", "status": 503 });
    let flow = acme().revoke_fault(unwell.clone(), 2);
    assert_eq!(flow.revoked("--max-retries 2")["outcome"], "revoked");
    let flow = acme().revoke_fault(unwell, 1);
    fails(
        &flow.world,
        "revoke acme --yes --max-retries 0",
        7,
        "general_error",
    );
}

#[test]
fn a_server_that_is_not_there_changes_nothing() {
    let Flow {
        world, simulator, ..
    } = acme();
    simulator.stop("TERM");
    let error = fails(&world, "revoke acme --yes", 7, "not_reached");
    assert!(
        error["causes"]
            .to_string()
            .contains("nothing was sent, nothing changed"),
        "{error}"
    );
    let show = done(&world, "connections show acme --json").answer();
    assert_eq!(show["state"], "healthy");
}

#[test]
fn the_other_path_with_a_wrong_secret_is_a_refusal() {
    let flow = acme().manners(json!({ "revoke_path": NEW }));
    let client_id = flow.secret("client_id");
    let kill = json!({ "what": "client_secret", "client_id": client_id });
    flow.simulator.control("POST", "/kill", &kill);
    fails(&flow.world, "revoke acme --yes", 3, "invalid_client_secret");
    flow.nothing_changed();
}

#[test]
fn an_answer_that_was_acted_on_and_ruined_is_found_out_at_once() {
    for fault in [json!({ "do": "cut" }), json!({ "do": "garbage" })] {
        let flow = acme().revoke_fault(fault, 1);
        flow.revoked_unknown();
        let seen = flow.revocations();
        assert_eq!(
            seen.iter()
                .map(|(path, _)| path.as_str())
                .collect::<Vec<_>>(),
            [OLD, NEW]
        );
    }
}

#[test]
fn an_answer_that_was_lost_is_found_out_the_second_time() {
    let flow = acme().revoke_fault(json!({ "do": "reset-after" }), 1);
    let error = fails(&flow.world, "revoke acme --yes", 7, "answer_lost");
    assert!(error["causes"].to_string().contains("unknown"), "{error}");
    flow.nothing_changed();
    flow.revoked_unknown();
}

#[test]
fn a_vault_that_refuses_is_said_and_mended_later() {
    let flow = acme();
    for table in ["connections", "refreshes", "audit"] {
        let doing = if table == "audit" { "INSERT" } else { "UPDATE" };
        flow.rows(&format!(
            "CREATE TRIGGER no BEFORE {doing} ON {table} BEGIN SELECT RAISE(FAIL, 'no'); END"
        ));
        let outcome = flow.world.run("revoke acme --yes --json");
        let error = outcome.error();
        assert_eq!(
            (outcome.exit_code, &error["reason"]),
            (8, &json!("not_noted")),
            "{error}"
        );
        assert_eq!(
            error["next"],
            json!(["mend that, then: evergrant revoke acme"])
        );
        flow.rows("DROP TRIGGER no");
        flow.nothing_changed();
    }
    flow.revoked_unknown();
}

/// Holds the vault's write lock, so that whoever wants to commit waits.
fn lock(flow: &Flow) -> Child {
    let mut sqlite = Command::new("sqlite3");
    sqlite
        .arg(flow.world.path("vault.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = sqlite.spawn().unwrap();
    let stdin = child.stdin.as_mut().unwrap();
    stdin
        .write_all(b"BEGIN IMMEDIATE;\nSELECT 'held';\n")
        .unwrap();
    let mut held = [0; 4];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut held).unwrap();
    child
}

#[test]
fn killed_between_zohos_answer_and_the_commit_it_is_finished_later() {
    let flow = acme();
    let (refresh, mut locked) = (flow.refresh_token(), lock(&flow));
    let mut command = flow.world.command(["revoke", "acme", "--yes", "-v"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // The log says that the reply is here; the commit cannot be.
    let mut log = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    while !log.contains("the reply is here") {
        let read = std::io::BufRead::read_line(&mut stderr, &mut log).unwrap();
        assert_ne!(read, 0, "{log}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    locked.kill().unwrap();
    locked.wait().unwrap();

    assert_eq!(flow.refresh_error(&refresh), "invalid_code");
    flow.nothing_changed();
    flow.revoked_unknown();
}

#[test]
fn a_refresh_token_that_comes_while_zoho_is_asked_is_not_called_revoked() {
    let flow = Flow::new();
    let wire = Wire::to(flow.simulator.accounts_domain());
    let flow = flow.at(&wire.url());
    flow.kept("");
    let old = flow.refresh_token();
    wire.hold();
    let mut command = flow.world.command(["revoke", "acme", "--yes"]);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    wire.wait_for_replies(2);
    let domain = flow.simulator.accounts_domain().to_owned();
    let flow = flow.at(&domain);
    flow.kept_again("--replace");
    wire.release();
    assert!(child.wait().unwrap().success());
    assert_eq!(flow.rows("SELECT state FROM connections"), "healthy");
    assert_eq!(
        flow.rows("SELECT count(revoked_at) FROM former_refresh_tokens"),
        "1"
    );
    assert_eq!(flow.refresh_error(&old), "invalid_code");
    assert_eq!(flow.refresh_error(&flow.refresh_token()), Value::Null);
}
