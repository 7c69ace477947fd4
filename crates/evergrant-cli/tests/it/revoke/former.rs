//! The refresh tokens that a connection had before.

use serde_json::{Value, json};

use crate::{
    connections::{acme, fails},
    flow::Flow,
};

/// Makes `acme` with two former refresh tokens; returns them, the oldest first.
fn replaced_twice() -> (Flow, [String; 2]) {
    let flow = acme();
    let former = [(); 2].map(|()| {
        let token = flow.refresh_token();
        flow.kept_again("--replace");
        token
    });
    (flow, former)
}

pub(super) fn are_dead(flow: &Flow, former: &[String]) -> Vec<bool> {
    let error = |token: &String| flow.refresh_error(token) == "invalid_code";
    former.iter().map(error).collect()
}

#[test]
fn the_former_ones_can_be_revoked_alone() {
    let (flow, former) = replaced_twice();
    let answer = flow.revoked("--former");
    assert_eq!(
        answer,
        json!({ "connection": "acme", "outcome": null, "former_revoked": 2 })
    );
    assert_eq!(are_dead(&flow, &former), [true, true]);
    assert_eq!(flow.refresh_error(&flow.refresh_token()), Value::Null);
    assert_eq!(flow.rows("SELECT state FROM connections"), "healthy");
    assert_eq!(
        flow.rows("SELECT event FROM audit WHERE seq > 3"),
        "former_revoked\nformer_revoked"
    );
    assert!(flow.access_token().is_some());
    assert_eq!(flow.revoked("--former")["former_revoked"], 0);
    assert_eq!(flow.revocations().len(), 2);
    assert_eq!(
        flow.kept_again("--replace")["places"]["used"],
        2,
        "two places are free"
    );
}

#[test]
fn they_go_with_the_connection() {
    let (flow, former) = replaced_twice();
    let current = flow.refresh_token();
    let answer = flow.revoked("");
    assert_eq!(
        (&answer["outcome"], &answer["former_revoked"]),
        (&json!("revoked"), &json!(2))
    );
    assert_eq!(
        are_dead(&flow, &[&former[..], &[current]].concat()),
        [true, true, true]
    );
}

#[test]
fn one_that_cannot_be_revoked_stays_and_the_others_go() {
    let (flow, former) = replaced_twice();
    let flow = flow.revoke_fault(json!({ "do": "refuse", "error": "unauthorized_client" }), 1);
    let error = fails(
        &flow.world,
        "revoke acme --former --yes",
        3,
        "unauthorized_client",
    );
    assert!(
        error["causes"].to_string().contains("1 may still work"),
        "{error}"
    );
    assert_eq!(are_dead(&flow, &former), [false, true]);
    assert_eq!(flow.revoked("--former")["former_revoked"], 1);
    assert_eq!(are_dead(&flow, &former), [true, true]);
}

#[test]
fn a_throttle_ends_it_and_a_revoked_connection_can_be_finished_later() {
    let (flow, former) = replaced_twice();
    let denied = json!({ "on": "revoke", "do": "refuse", "error": "Access Denied", "times": 9 });
    // The connection's own goes first.
    let flow = flow.faults(json!([{ "on": "revoke", "do": "delay", "seconds": 0 }, denied]));
    let error = fails(&flow.world, "revoke acme --yes", 6, "Access Denied");
    let causes = error["causes"].to_string();
    assert!(
        causes.contains("acme itself is revoked; ") && causes.contains("2 may still work"),
        "{error}"
    );
    assert_eq!(error["next"], json!(["evergrant revoke acme --former"]));
    assert_eq!(
        (flow.revocations().len(), are_dead(&flow, &former)),
        (2, vec![false, false])
    );

    let flow = flow.faults(json!([]));
    let answer = flow.revoked("");
    assert_eq!(
        (&answer["outcome"], &answer["former_revoked"]),
        (&json!("already_revoked"), &json!(2))
    );
}

#[test]
fn one_that_does_not_open_stands_in_nobodys_way() {
    let (flow, former) = replaced_twice();
    flow.rows("UPDATE former_refresh_tokens SET sealed = x'00' WHERE rowid = 1");
    fails(&flow.world, "revoke acme --former --yes", 8, "damaged");
    assert_eq!(are_dead(&flow, &former), [false, true]);
}

#[test]
fn one_that_is_in_use_again_is_left_alone() {
    let (flow, _) = replaced_twice();
    // As a recovery leaves it that finds an earlier reply last.
    flow.rows("UPDATE former_refresh_tokens SET credential = (SELECT credential FROM connections) WHERE rowid = 1");
    assert_eq!(flow.revoked("--former")["former_revoked"], 1);
}
