//! Connections that a caller gets later.

use std::{fs::File, process::Stdio};

use serde_json::{Value, json};

use super::{add, adopt, names, show, two};
use crate::{
    connections::{done, fails},
    flow::Flow,
    world::Outcome,
};

const CONNECT: &str = "callers connect nightly --connection umbrella";

/// Revokes the handle of `nightly` for `acme`, as the caller itself may at the server.
fn revoke_handle(flow: &Flow) {
    let count = flow.rows(
        "UPDATE caller_connections SET revoked_at = 1 WHERE revoked_at IS NULL; SELECT changes()",
    );
    assert_eq!(count, "1");
}

#[test]
fn a_caller_gets_a_handle_for_one_connection_more() {
    let flow = two();
    let before = add(&flow, "--connection acme --json").answer();
    let connected = done(&flow.world, CONNECT);
    assert!(
        connected.stderr.contains("client secret stays"),
        "{connected:?}"
    );
    let variables: Value = serde_json::from_str(&connected.stdout).unwrap();
    let all = [
        "AccountsDomain",
        "ApiDomain",
        "ZohoClientId",
        "ZohoRefreshToken",
    ];
    assert_eq!(names(&variables), all);
    assert_eq!(variables["ZohoClientId"], before["client_id"]);
    assert_ne!(
        variables["ZohoRefreshToken"],
        before["handles"][0]["refresh_token"]
    );
    let shown = show(&flow);
    let of = |at: usize| shown["connections"][at]["connection"].clone();
    assert_eq!((of(0), of(1)), (json!("acme"), json!("umbrella")));
    let audit = flow.rows("SELECT event FROM audit WHERE caller_id IS NOT NULL");
    assert_eq!(audit, "caller_added\nhandle_added");
}

#[test]
fn what_cannot_be_connected_says_why() {
    let flow = two();
    fails(&flow.world, CONNECT, 3, "no_such_caller");
    add(&flow, "--connection umbrella");
    let error = fails(&flow.world, CONNECT, 3, "already_connected");
    assert!(
        error["next"].to_string().contains("callers rotate nightly"),
        "{error}"
    );
    let line = "callers connect nightly --connection nobody";
    fails(&flow.world, line, 3, "no_such_connection");
    let twice = format!("{CONNECT} --format env");
    fails(&flow.world, &twice, 2, "two_formats");
    done(&flow.world, &adopt(&flow, "legacy"));
    let line = "callers connect legacy --connection umbrella";
    fails(&flow.world, line, 3, "adopted");
    assert_eq!(flow.rows("SELECT count(*) FROM caller_connections"), "2");
}

#[test]
fn a_caller_whose_handle_was_revoked_gets_another() {
    let flow = two();
    let first = add(&flow, "--connection acme --json").answer();
    revoke_handle(&flow);
    let rotated = done(&flow.world, "callers rotate nightly --json");
    let warning: Value = serde_json::from_str(&rotated.stderr).unwrap();
    assert_eq!(warning["warning"]["code"], "handle_revoked");
    let next = "evergrant callers connect nightly --connection acme";
    assert!(warning.to_string().contains(next), "{warning}");
    assert_eq!(rotated.answer()["handles"], json!([]));

    let line = "callers connect nightly --connection acme --json";
    let connected = done(&flow.world, line).answer();
    assert_eq!(connected["client_id"], first["client_id"]);
    assert_eq!(connected.get("client_secret"), None);
    assert_ne!(connected["handles"], first["handles"]);
    let states: Vec<Value> = (0..2)
        .map(|at| show(&flow)["connections"][at]["state"].clone())
        .collect();
    assert_eq!(states, ["revoked", "active"]);
    let again = done(&flow.world, "callers rotate nightly --force --json");
    assert_eq!(again.stderr, "");
}

#[test]
fn a_handle_that_standard_output_does_not_take_is_dead() {
    let flow = two();
    add(&flow, "--connection acme");
    let line = format!("{CONNECT} --json");
    let mut command = flow.world.command(line.split(' '));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let error = Outcome::of(command.stdout(Stdio::from(full))).error();
    assert_eq!(error["reason"], "stdout_unwritable");
    assert!(
        error["causes"].to_string().contains("revoked again"),
        "{error}"
    );
    let living = "SELECT count(*) FROM caller_connections WHERE revoked_at IS NULL";
    assert_eq!(flow.rows(living), "1");
    done(&flow.world, CONNECT);
}

#[test]
fn an_expired_caller_stays_expired_and_that_is_said() {
    let flow = two();
    add(&flow, "--connection acme --expires 1d");
    let changed = flow.rows("UPDATE callers SET expires_at = 1000; SELECT changes()");
    assert_eq!(changed, "1");
    for line in [
        "callers rotate nightly --json",
        &format!("{CONNECT} --json"),
    ] {
        let outcome = done(&flow.world, line);
        let warning: Value = serde_json::from_str(&outcome.stderr).unwrap();
        assert_eq!(warning["warning"]["code"], "expired", "{line}");
        let message = warning["warning"]["message"].as_str().unwrap();
        for part in ["1970-01-01T00:00:01", "callers revoke nightly", "--expires"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(outcome.answer()["caller"]["state"], "expired");
    }
}

#[test]
fn a_scope_that_the_connection_lacks_is_told() {
    let flow = two();
    let scopes = "--scope ZohoCRM.modules.READ,Desk.tickets.READ";
    let added = add(&flow, &format!("--connection acme {scopes} --json"));
    let connected = done(&flow.world, &format!("{CONNECT} --json"));
    for (outcome, connection) in [(added, "acme"), (connected, "umbrella")] {
        let warning: Value = serde_json::from_str(&outcome.stderr).unwrap();
        assert_eq!(warning["warning"]["code"], "scope_missing");
        let message = warning["warning"]["message"].as_str().unwrap();
        for part in [
            &format!("{connection} has no scope Desk.tickets.READ"),
            "gets ZohoCRM.modules.READ there",
            &format!("evergrant exchange {connection} --replace"),
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
    let shown = done(&flow.world, "callers show nightly").stdout;
    assert_eq!(
        shown
            .matches("of the scopes only ZohoCRM.modules.READ")
            .count(),
        2
    );
    let own = show(&flow)["connections"][1].clone();
    assert_eq!(own["effective_scopes"], json!(["ZohoCRM.modules.READ"]));
    let told = done(
        &flow.world,
        "callers add other --connection acme --scope ZohoCRM.modules.READ --json",
    );
    assert_eq!(told.stderr, "");
}
