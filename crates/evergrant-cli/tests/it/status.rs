//! `evergrant status` as a monitoring check: what it says is what a program would meet that wants a token.

use serde_json::{Value, json};

use crate::{
    connections::{acme, done},
    flow::{Flow, SCOPE},
    world::Outcome,
};

impl Flow {
    fn status(&self, options: &str) -> Outcome {
        self.world.run(&format!("status {options}"))
    }

    /// Puts the connection into a state, as the broker would, with a wait that is not over.
    fn state(&self, state: &str, reason: &str) {
        self.rows(&format!(
            "UPDATE connections SET state = '{state}', state_reason = '{reason}';
             INSERT OR REPLACE INTO leases (credential, epoch, until_ms, closed_until_ms, failures)
             SELECT credential, 1, 0, (unixepoch() + 60) * 1000, 1 FROM connections"
        ));
    }
}

/// Asserts that `status` and `token` say the same of a connection and end alike, and returns it.
fn alike(flow: &Flow, options: &str) -> Value {
    let status = flow.status(&format!("{options} --json"));
    let token = flow.world.run("token acme --json");
    assert_eq!(status.exit_code, token.exit_code, "{status:?} {token:?}");
    let (status, token) = (status.error(), token.error());
    for member in ["code", "reason", "next", "retry_at", "connection"] {
        assert_eq!(status[member], token[member], "{member}: {status} {token}");
    }
    let next = status["next"].to_string();
    assert!(!next.contains("evergrant status"), "{next}");
    status
}

#[test]
fn with_no_refresh_left_and_no_token_it_is_throttled() {
    let flow = acme().config("[limits]\nrefreshes = 3\nwindow = \"20m\"\nkept_for_people = 1\n");
    done(&flow.world, "token acme --force-new --reserve");
    let living = flow.status("--json");
    assert_eq!(living.exit_code, 0, "a token lives: {living:?}");
    flow.expire();
    let error = alike(&flow, "acme");
    assert_eq!(error["reason"], "window_full");
    let shown = flow.status("--json");
    assert_eq!(shown.exit_code, 6, "{shown:?}");
    let shown = shown.answer();
    assert_eq!(
        (&shown[0]["state"], &shown[0]["retry_at"]),
        (&json!("throttled"), &error["retry_at"])
    );
    assert_eq!(shown[0]["refreshes"]["next_free_at"], error["retry_at"]);
    let table = flow.status("").stdout;
    let at = error["retry_at"].as_str().unwrap();
    assert!(table.contains("throttled") && table.contains(at), "{table}");
    assert!(error["next"].to_string().contains("--reserve"), "{error}");

    done(&flow.world, "token acme --force-new --reserve");
    flow.expire();
    let next = alike(&flow, "acme")["next"].to_string();
    assert!(
        !next.contains("--reserve"),
        "people's are used up too: {next}"
    );
}

#[test]
fn what_only_a_person_can_mend_is_said_as_token_says_it() {
    let flow = acme();
    flow.expire();
    let client_id = flow.secret("client_id");
    let add = format!("evergrant apps secret add {client_id}");
    for (state, reason, exit_code, next) in [
        (
            "new_grant_needed",
            "invalid_code",
            4,
            "evergrant exchange acme --replace",
        ),
        ("revoked", "", 4, "evergrant exchange acme --replace"),
        ("app_refused", "invalid_client_secret", 3, add.as_str()),
        (
            "app_refused",
            "invalid_client",
            3,
            "`evergrant data-centers`",
        ),
    ] {
        flow.state(state, reason);
        let error = alike(&flow, "acme");
        assert_eq!(error["exit_code"], exit_code, "{error}");
        assert!(error["next"].to_string().contains(next), "{error}");
        assert_eq!(error["retry_at"], Value::Null, "waiting does not help");
        let shown = flow.status("acme").stdout;
        assert!(!shown.contains("may be tried at"), "{shown}");
    }
}

#[test]
fn what_may_pass_by_itself_is_said_as_token_says_it() {
    let flow = acme();
    flow.expire();
    for (state, reason, exit_code) in [
        ("throttled", "Access Denied", 6),
        ("failing", "the answer is a web page", 7),
    ] {
        flow.state(state, reason);
        let error = alike(&flow, "acme");
        assert_eq!(error["exit_code"], exit_code, "{error}");
        assert!(error["retry_at"].is_string(), "{error}");
    }
}

#[test]
fn a_failure_stays_an_alarm_until_somebody_asks_again_and_says_so() {
    let flow = acme();
    flow.state("failing", "the answer is a web page");
    flow.rows("UPDATE leases SET closed_until_ms = (unixepoch() - 60) * 1000");
    let alarm = flow.status("acme --json");
    assert_eq!(alarm.exit_code, 7, "{alarm:?}");
    let error = alarm.error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("failing since 20"), "{error}");
    let causes = error["causes"].to_string();
    assert!(causes.contains("nobody has asked since"), "{error}");
    let next = error["next"].to_string();
    assert!(next.contains("token acme --force-new "), "{next}");
    let shown = flow.status("acme").stdout;
    assert!(shown.contains("may be tried now"), "{shown}");
    let table = flow.status("").stdout;
    assert!(table.trim_end().ends_with("now"), "{table}");

    flow.expire();
    let next = flow.status("acme --json").error()["next"].to_string();
    assert!(next.contains("token acme  "), "a token is none: {next}");
    done(&flow.world, "token acme");
    done(&flow.world, "status");
}

#[test]
fn a_revoked_connection_is_an_alarm_only_where_it_is_named() {
    let flow = acme();
    done(&flow.world, "revoke acme --yes");
    let all = done(&flow.world, "status");
    assert!(all.stdout.contains("revoked"), "{all:?}");
    assert_eq!(flow.status("acme").exit_code, 4);
    assert_eq!(alike(&flow, "acme")["reason"], "revoked");
}

#[test]
fn what_it_is_and_what_it_had_before_is_shown() {
    let flow = acme();
    let first = done(&flow.world, "status acme").stdout;
    assert!(first.contains("kind            refresh token\n"), "{first}");
    assert!(first.contains("the exchange counts too"), "{first}");
    assert!(!first.contains("former"), "{first}");
    flow.grant(json!({ "scope": SCOPE }));
    flow.kept("--replace");
    for line in ["status acme", "connections show acme"] {
        let shown = done(&flow.world, line).stdout;
        let former = "former          1: evergrant revoke acme --former\n";
        assert!(shown.contains(former), "{shown}");
    }
    done(&flow.world, "revoke acme --former --yes");
    let shown = done(&flow.world, "connections show acme --json").answer();
    assert_eq!(shown["former_refresh_tokens"], 0);
    flow.rows(
        "UPDATE connections SET grant_type = 'client_credentials', soid = 'ZohoCRM.123',
         refresh_token_sealed = NULL",
    );
    let shown = done(&flow.world, "status acme").stdout;
    let kind = "kind            client credentials of ZohoCRM.123\n";
    assert!(shown.contains(kind), "{shown}");
}
