//! The checks before the grant is spent: each with its own message and remedy, with and without `--check`,
//! and nothing is sent.

use serde_json::{Value, json};

use crate::flow::{Failure, Flow, SCOPE};

const CLIENT_ID: &str = "1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123";
const TOKEN: &str = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef";

/// Asserts that an exchange and its rehearsal fail alike, before anything is sent.
pub(crate) fn refuses(flow: &Flow, options: &str, failure: fn() -> Failure<'static>) -> Value {
    let sent = flow.exchanges();
    let checked = flow
        .exchange(&format!("{options} --check"))
        .failed(failure());
    let error = flow.exchange(options).failed(failure());
    assert_eq!(checked["message"], error["message"]);
    assert_eq!(flow.exchanges(), sent, "nothing is sent");
    assert_eq!(flow.escrow(), 0, "nothing lies in escrow");
    error
}

/// Returns all that an error says.
pub(crate) fn text(error: &Value) -> String {
    format!("{} {} {}", error["message"], error["causes"], error["next"])
}

#[test]
fn when_all_is_well_the_rehearsal_sends_nothing() {
    let flow = Flow::new();
    let outcome = flow.exchange("--check");
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(outcome.answer(), json!({ "checked": true }));
    flow.left_alone();
    assert_eq!(flow.kept("")["attempts"], 1);
}

#[test]
fn values_that_cannot_be_right() {
    for (value, message) in [
        ("", "the grant token is empty"),
        ("  ", "the grant token is empty"),
        (
            "a b",
            "the grant token has blanks or invisible characters inside",
        ),
        (
            "\"1000.a.b\"",
            "the grant token stands in quotation marks: give it without them",
        ),
        ("https://x.example/?code=1", "the grant token is a URL"),
        (
            CLIENT_ID,
            "the grant token looks like a client ID: give the secret value instead",
        ),
    ] {
        let flow = Flow::new();
        flow.world.file("grant", value);
        let failure = || Failure(2, "usage", "invalid_input", "unspent");
        let error = refuses(&flow, "--grant-token-file grant", failure);
        assert!(text(&error).contains(message), "{error}");
        assert!(
            value.is_empty() || !error.to_string().contains(value) || value == "  ",
            "{error}"
        );
        flow.left_alone();
    }
}

#[test]
fn a_token_where_the_client_id_belongs() {
    let flow = Flow::new();
    let failure = || Failure(2, "usage", "invalid_input", "unspent");
    let error = refuses(&flow, &format!("--client-id {TOKEN}"), failure);
    assert!(
        text(&error).contains("the client ID looks like a token"),
        "{error}"
    );
    assert!(!error.to_string().contains(TOKEN), "{error}");
    flow.left_alone();
}

#[test]
fn tokens_that_the_vault_knows_as_something_else() {
    let token = |digit: &str| format!("1000.{}.{}", digit.repeat(32), digit.repeat(32));
    let body = |access: &str, refresh: &str| json!({ "access_token": token(access), "refresh_token": token(refresh), "expires_in": 3600 });
    let flow = Flow::new().reply(200, &body("a", "b").to_string());
    flow.kept("");
    let flow = flow.reply(200, &body("c", "d").to_string());
    flow.kept_again("--replace");
    for (digit, what) in [
        ("b", "it is the refresh token of the connection acme"),
        ("d", "it is the refresh token of the connection acme"),
        ("a", "it is an access token"),
        ("c", "it is an access token"),
    ] {
        flow.world.file("grant", &token(digit));
        let failure = || Failure(3, "config", "not_a_grant_token", "unspent");
        let error = refuses(&flow, "--replace --grant-token-file grant", failure);
        assert!(text(&error).contains(what), "{error}");
    }
}

#[test]
fn a_grant_that_was_used() {
    let flow = Flow::new();
    flow.kept("");
    let failure = || Failure(5, "grant_dead", "grant_used", "spent");
    let error = refuses(&flow, "--replace", failure);
    assert!(
        text(&error).contains("it brought acme, which is kept"),
        "{error}"
    );
}

#[test]
fn a_grant_that_has_died() {
    let flow = Flow::new();
    let mut file = flow.grant(json!({ "scope": SCOPE }));
    file["expiry_time"] = json!(file["expiry_time"].as_i64().unwrap() - 300_000);
    flow.world.file("self_client.json", &file.to_string());
    let failure = || Failure(5, "grant_dead", "grant_expired", "spent");
    let error = refuses(&flow, "", failure);
    assert!(
        text(&error).contains("the grant token died 2 min"),
        "{error}"
    );
    flow.left_alone();
    let domain = flow.accounts_domain();
    let line = format!("exchange acme --self-client self_client.json --accounts-domain {domain}");
    let said = flow.world.run(&line).stderr;
    assert!(said.starts_with("error: the grant token died"), "{said}");
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let flow = Flow::new();
    flow.world.file("odd.json", "[]");
    for (options, reason) in [
        ("--self-client nowhere.json", "file_unreadable"),
        ("--grant-token-file nowhere", "file_unreadable"),
        ("--variables odd.json", "file_invalid"),
        ("--self-client odd.json", "file_invalid"),
    ] {
        let outcome = flow.world.run(&format!("exchange acme --json {options}"));
        outcome.failed(Failure(3, "config", reason, "unspent"));
    }
    let outcome = flow.exchange("--config nowhere.toml");
    outcome.failed(Failure(3, "config", "config_unreadable", "unspent"));
    flow.left_alone();
}

#[test]
fn hosts_that_are_not_zohos() {
    for (domain, reason, exit_code) in [
        ("xx", "unknown_host", 3),
        ("https://accounts.example.com", "unknown_host", 3),
        ("https://accounts.zoho.com.evil.example", "unknown_host", 3),
        ("http://accounts.zoho.eu", "invalid_input", 2),
        ("https://user@accounts.zoho.eu", "invalid_input", 2),
    ] {
        let flow = Flow::new().at(domain);
        for options in ["", "--check"] {
            let error = flow.exchange(options).error();
            assert_eq!(error["exit_code"], exit_code, "{error}");
            assert_eq!(
                (&error["reason"], &error["grant"]),
                (&json!(reason), &json!("unspent"))
            );
            assert_ne!(error["next"], json!([]), "{error}");
        }
        flow.left_alone();
    }
    let flow = Flow::new();
    let outcome = flow
        .world
        .run("exchange acme --json --self-client self_client.json --data-center xx");
    outcome.failed(Failure(3, "config", "unknown_host", "unspent"));
}

#[test]
fn a_configuration_that_is_wrong() {
    let flow = Flow::new().config("[http]\nsilense = 3\n");
    let failure = || Failure(3, "config", "config_invalid", "unspent");
    let error = refuses(&flow, "", failure);
    assert!(text(&error).contains("correct line 2"), "{error}");
    flow.left_alone();
}
