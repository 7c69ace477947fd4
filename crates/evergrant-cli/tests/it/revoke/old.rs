//! `exchange --replace --revoke-old`: the old refresh token goes, but never at the new one's cost.

use serde_json::{Value, json};

use super::former::are_dead;
use crate::{
    connections::{acme, done},
    flow::{Flow, SCOPE},
};

#[test]
fn what_a_replacement_replaced_goes_if_that_was_said() {
    let flow = acme();
    let old = flow.refresh_token();
    let answer = flow.kept_again("--replace --revoke-old");
    assert_eq!(answer["outcome"], "replaced");
    assert_eq!(flow.refresh_error(&old), "invalid_code");
    assert_eq!(flow.refresh_error(&flow.refresh_token()), Value::Null);
    assert_eq!(
        flow.rows("SELECT count(revoked_at) FROM former_refresh_tokens"),
        "1"
    );
    let order: Vec<Value> = flow
        .simulator
        .requests()
        .into_iter()
        .map(|mut one| one["path"].take())
        .collect();
    assert_eq!(order[1..3], ["/oauth/v2/token", "/oauth/v2/token/revoke"]);
    assert_eq!(flow.escrow(), 0);
}

#[test]
fn an_exchange_does_not_fail_because_the_old_one_stays() {
    let flow = acme().revoke_fault(json!({ "do": "status", "status": 500 }), 2);
    let old = flow.refresh_token();
    flow.grant(json!({ "scope": SCOPE }));
    let outcome = flow.exchange("--replace --revoke-old");
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    let warning = outcome.warning("old_not_revoked").unwrap();
    let (_, command) = warning.split_once("to do it: evergrant ").unwrap();
    assert_eq!(command, "revoke acme --former");
    assert_eq!(are_dead(&flow, std::slice::from_ref(&old)), [false]);
    done(&flow.world, &format!("{command} --yes"));
    assert_eq!(are_dead(&flow, &[old]), [true]);
}

#[test]
fn the_old_one_stays_if_the_new_one_lacks_scopes() {
    let flow = acme();
    let old = flow.refresh_token();
    flow.grant(json!({ "scope": "ZohoCRM.users.READ" }));
    let outcome = flow.exchange("--replace --revoke-old --require-scope ZohoCRM.modules.ALL");
    assert_eq!(outcome.exit_code, 9, "{outcome:?}");
    let warning = outcome.warning("old_not_revoked").unwrap();
    assert!(warning.contains("lacks scopes"), "{warning}");
    assert_eq!(
        (flow.revocations().len(), are_dead(&flow, &[old])),
        (0, vec![false])
    );
}

#[test]
fn what_is_not_replaced_is_not_revoked() {
    let flow = Flow::new();
    let outcome = flow.exchange("--revoke-old");
    assert_eq!(outcome.exit_code, 2, "{outcome:?}");
    assert!(
        outcome.error()["message"].to_string().contains("--replace"),
        "{outcome:?}"
    );
    assert_eq!(flow.kept("--replace --revoke-old")["outcome"], "created");
    assert_eq!(flow.revocations(), []);
}
