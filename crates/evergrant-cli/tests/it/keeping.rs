//! What is kept, what it takes the place of, and what is handed over.

use serde_json::json;

use crate::{
    flow::{Failure, Flow, SCOPE},
    world::Outcome,
};

#[test]
fn a_connection_is_kept_by_one_request_and_nothing_else() {
    let flow = Flow::new();
    let answer = flow.kept("");
    assert_eq!(
        (&answer["outcome"], &answer["attempts"]),
        (&json!("created"), &json!(1))
    );
    assert_eq!(answer["places"], json!({ "used": 1, "of": 20 }));
    assert_eq!(
        (&answer["scopes"], &answer["missing_scopes"]),
        (&json!([SCOPE]), &json!([]))
    );
    let requests = flow.simulator.requests();
    assert_eq!(requests.len(), 1, "no call of the API in between");
    assert_eq!(requests[0]["parameters_in"], "body");
    assert_eq!(
        (&requests[0]["method"], &requests[0]["path"]),
        (&json!("POST"), &json!("/oauth/v2/token"))
    );
    assert_eq!(flow.rows("SELECT event FROM audit"), "connection_created");
}

#[test]
fn the_old_refresh_token_stays_after_a_replacement() {
    let flow = Flow::new();
    flow.kept("");
    let old = flow.rows("SELECT hex(credential), hex(refresh_token_sealed) FROM connections");
    let answer = flow.kept_again("--replace");
    assert_eq!(answer["outcome"], "replaced");
    assert_eq!(answer["places"]["used"], 2);
    let former =
        "SELECT hex(credential), hex(sealed) FROM former_refresh_tokens WHERE revoked_at IS NULL";
    assert_eq!(flow.rows(former), old);
    assert_eq!(
        flow.rows("SELECT name, generation FROM connections"),
        "acme|2"
    );
    assert_ne!(flow.rows("SELECT hex(credential) FROM connections"), old);
}

#[test]
fn app_and_secret_of_a_replacement_come_from_the_vault() {
    let flow = Flow::new();
    flow.kept("");
    let grant = flow.grant(json!({ "scope": SCOPE }));
    flow.world.file("grant", grant["code"].as_str().unwrap());
    let outcome = flow
        .world
        .run("exchange acme --json --replace --grant-token-file grant");
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(outcome.answer()["outcome"], "replaced");
    assert_eq!(flow.rows("SELECT count(*) FROM apps"), "1");
}

#[test]
fn another_connection_can_use_the_same_app() {
    let flow = Flow::new();
    flow.kept("");
    let grant = flow.grant(json!({ "scope": "ZohoCRM.users.READ" }));
    flow.world.file("grant", grant["code"].as_str().unwrap());
    let outcome = flow
        .world
        .run("exchange other --json --app acme --grant-token-file grant");
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(outcome.answer()["places"]["used"], 2);
    assert_eq!(flow.rows("SELECT count(*) FROM apps"), "1");
    let missing = flow
        .world
        .run("exchange third --json --app nobody --grant-token-file grant");
    let error = missing.error();
    assert_eq!(
        (&error["reason"], &error["grant"]),
        (&json!("no_such_connection"), &json!("unspent"))
    );
    assert_eq!(missing.exit_code, 3);
}

#[test]
fn to_replace_what_is_not_there_is_no_error_and_is_said() {
    let flow = Flow::new();
    assert_eq!(flow.kept("--replace")["outcome"], "created");
    let says_so = |name: &str| {
        flow.grant(json!({ "scope": SCOPE }));
        let domain = flow.accounts_domain();
        let line = format!(
            "exchange {name} --replace --self-client self_client.json --accounts-domain {domain}"
        );
        let outcome = flow.world.run(&line);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        outcome.stderr.contains("there was nothing to replace")
    };
    assert!(!says_so("acme"));
    assert!(says_so("amce"), "a name that was mistyped shows");
}

#[test]
fn a_vault_that_refuses_leaves_old_and_new() {
    for options in ["", "--replace"] {
        let flow = Flow::new();
        flow.kept("");
        flow.rows("CREATE TRIGGER refuse BEFORE UPDATE ON app_secrets BEGIN SELECT RAISE(FAIL, 'no'); END");
        flow.grant(json!({ "scope": SCOPE }));
        let name = if options.is_empty() { "other" } else { "acme" };
        let outcome = Outcome::of(&mut flow.command(name, options));
        let error = outcome.failed(Failure(8, "vault", "in_escrow", "spent"));
        assert_eq!(error["next"], json!(["mend that, then: evergrant recover"]));
        assert_eq!(
            flow.rows("SELECT name, generation FROM connections"),
            "acme|1"
        );

        flow.rows("DROP TRIGGER refuse");
        let list = flow.world.run("connections list --json");
        assert!(
            list.warning("escrow")
                .unwrap()
                .contains("evergrant recover")
        );
        flow.recovers(name);
    }
}

#[test]
fn places_are_counted_and_warned_of_but_never_refused() {
    let flow = Flow::new().limits(json!({ "exchanges": 100, "grant_tokens": 100 }));
    for used in 1..=21 {
        flow.grant(json!({ "scope": SCOPE }));
        let outcome = Outcome::of(&mut flow.command(&format!("acme-{used}"), ""));
        assert_eq!(
            outcome.answer()["places"],
            json!({ "used": used, "of": 20 })
        );
        let warning = outcome.warning("places_full").unwrap_or_default();
        let expected = match used {
            20 => "the next exchange pushes out the oldest",
            21 => "has pushed out the oldest",
            _ => "",
        };
        assert!(warning.contains(expected), "{used}: {warning}");
        assert_eq!(warning.is_empty(), expected.is_empty(), "{used}: {warning}");
    }
}
