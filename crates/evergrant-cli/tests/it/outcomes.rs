//! Replies as odd as they come: whatever holds a refresh token is kept first and reported second.

use std::{thread, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    flow::{Failure, Flow, Left, SCOPE},
    world::Outcome,
};

/// A reply as Zoho sends it, for tests to change.
fn reply() -> Value {
    let token = |digit: &str| format!("1000.{}.{}", digit.repeat(32), digit.repeat(32));
    json!({
        "access_token": token("a"), "refresh_token": token("b"), "scope": SCOPE,
        "api_domain": "https://www.zohoapis.com", "token_type": "Bearer", "expires_in": 3600,
    })
}

/// Exchanges at a Zoho that replies with this.
fn exchanged(change: impl FnOnce(&mut Value)) -> (Flow, Outcome) {
    let mut body = reply();
    change(&mut body);
    let flow = Flow::new().reply(200, &body.to_string());
    let outcome = flow.exchange("");
    assert_eq!((outcome.exit_code, flow.escrow()), (0, 0), "{outcome:?}");
    (flow, outcome)
}

/// Returns for how many seconds from now the access token is said to live.
fn life(outcome: &Outcome) -> i64 {
    let answer = outcome.answer();
    let until = answer["access_token_expires_at"].as_str().unwrap();
    let until: Timestamp = until.parse().unwrap();
    until.duration_since(Timestamp::now()).as_secs()
}

#[test]
fn an_error_is_one_whatever_the_status() {
    for status in [200, 400] {
        let flow = Flow::new().manners(json!({ "error_status": status }));
        flow.world.file("grant", "1000.never.made");
        let outcome = flow.exchange("--grant-token-file grant");
        let error = outcome.failed(Failure(5, "grant_dead", "invalid_code", "spent"));
        assert_eq!(error["zoho"]["http_status"], status);
        flow.left(Left(1, "spent", 0));
    }
}

#[test]
fn replies_without_any_token_are_named() {
    for (body, what) in [
        (String::new(), "empty"),
        (" ".repeat(70_000), "longer than 60 KiB"),
        ("[".repeat(20_000), "no JSON"),
        ("{\"a\":".repeat(5_000), "no JSON"),
        ("<html>".to_owned(), "a web page"),
        ("{}".to_owned(), "neither a token nor an error"),
        ("[1]".to_owned(), "neither a token nor an error"),
        ("null".to_owned(), "neither a token nor an error"),
        (
            r#"{"refresh_token":7}"#.to_owned(),
            "neither a token nor an error",
        ),
    ] {
        let flow = Flow::new().reply(200, &body);
        let outcome = flow.exchange("--max-retries 0");
        let error = outcome.failed(Failure(7, "unavailable", "unreadable_reply", "unknown"));
        assert_eq!(error["message"], format!("the answer is {what}"));
        flow.left(Left(1, "failed", 0));
    }
}

#[test]
fn bytes_that_are_no_text() {
    let flow = Flow::new().fault(json!({ "do": "garbage" }));
    let outcome = flow.exchange("--max-retries 0");
    let error = outcome.failed(Failure(7, "unavailable", "unreadable_reply", "unknown"));
    assert_eq!(error["message"], "the answer is no text");
    flow.left(Left(1, "failed", 0));
}

#[test]
fn a_giant_reply_is_read_as_far_as_the_token() {
    let flow = Flow::new().fault(json!({ "do": "giant", "bytes": 5_000_000 }));
    let outcome = flow.exchange("");
    assert_eq!((outcome.exit_code, flow.exchanges()), (0, 1), "{outcome:?}");
    assert!(outcome.warning("odd_reply").unwrap().contains("60 KiB"));
}

#[test]
fn a_token_in_a_deep_place_is_kept() {
    let (_, outcome) = exchanged(|body| *body = json!({ "data": { "tokens": [body.clone()] } }));
    assert!(
        outcome
            .warning("odd_reply")
            .unwrap()
            .contains("no whole JSON")
    );
}

#[test]
fn the_content_type_says_nothing() {
    let body = reply().to_string();
    let fault = json!({ "do": "body", "body": body, "content_type": "text/html" });
    let outcome = Flow::new().fault(fault).exchange("");
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn an_error_or_a_bad_status_beside_a_refresh_token_costs_nothing() {
    let (_, outcome) = exchanged(|body| body["error"] = json!("general_error"));
    let warning = outcome.warning("odd_reply").unwrap();
    let said = "the error general_error stands beside the tokens; its refresh token is taken";
    assert!(warning.contains(said), "{warning}");

    let flow = Flow::new().reply(500, &reply().to_string());
    let outcome = flow.exchange("");
    assert_eq!((outcome.exit_code, flow.exchanges()), (0, 1), "{outcome:?}");
    assert!(outcome.warning("odd_reply").unwrap().contains("500"));
}

#[test]
fn the_life_of_the_access_token_is_in_seconds() {
    let missing = exchanged(|body| drop(body.as_object_mut().unwrap().remove("expires_in"))).1;
    let text = exchanged(|body| body["expires_in"] = json!("3600")).1;
    let flow = Flow::new().manners(json!({ "expires_in": "milliseconds" }));
    for outcome in [missing, text, flow.exchange("")] {
        assert!((3590..=3600).contains(&life(&outcome)), "{outcome:?}");
    }
}

#[test]
fn an_absurd_life_breaks_nothing() {
    for life in [
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!("soon"),
        json!(null),
    ] {
        let (flow, _) = exchanged(|body| body["expires_in"] = life);
        assert_eq!(flow.world.run("connections show acme").exit_code, 0);
    }
}

#[test]
fn extra_fields_are_left_alone() {
    let flow = Flow::new().manners(json!({ "extra_fields": "present", "id_token": "present" }));
    let outcome = flow.exchange("");
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (0, ""));
}

#[test]
fn a_slash_after_the_api_domain_is_no_part_of_it() {
    let flow = Flow::new().manners(json!({ "api_domain_slash": "with" }));
    let answer = flow.kept("");
    assert_eq!(
        answer["api_domain"],
        flow.simulator.ready["data_centers"]["us"]["api_domain"]
    );
}

#[test]
fn a_missing_api_domain_is_said_and_mended() {
    let (flow, outcome) =
        exchanged(|body| drop(body.as_object_mut().unwrap().remove("api_domain")));
    assert_eq!(outcome.answer()["api_domain"], Value::Null);
    let warning = outcome.warning("no_api_domain").unwrap();
    assert!(
        warning.contains("evergrant connections set acme --api-domain"),
        "{warning}"
    );
    let set = flow
        .world
        .run("connections set acme --api-domain https://www.zohoapis.eu/ --json");
    assert_eq!(set.answer()["api_domain"], "https://www.zohoapis.eu");
}

#[test]
fn a_foreign_api_domain_is_not_stored() {
    for foreign in [
        "https://www.zohoapis.com.evil.example",
        "http://www.zohoapis.com",
        "nonsense",
    ] {
        let (flow, outcome) = exchanged(|body| body["api_domain"] = json!(foreign));
        assert_eq!(outcome.answer()["api_domain"], Value::Null);
        let warning = outcome.warning("foreign_api_domain").unwrap();
        assert!(warning.contains("connections set acme"), "{warning}");
        assert_eq!(
            flow.rows("SELECT ifnull(api_domain, 'none') FROM connections"),
            "none"
        );
        flow.world
            .run("connections set acme --api-domain https://www.zohoapis.in");
        let show = flow.world.run("connections show acme --json").answer();
        assert_eq!(show["api_domain"], "https://www.zohoapis.in");
    }
}

#[test]
fn an_api_domain_that_a_person_gives_is_taken_as_it_is() {
    let mut body = reply();
    body["api_domain"] = json!("https://evil.example");
    let flow = Flow::new().reply(200, &body.to_string());
    let refused = flow.exchange("--api-domain https://gateway.example.com");
    refused.failed(Failure(3, "config", "unknown_host", "unspent"));
    let outcome = flow.exchange("--api-domain https://gateway.example.com --custom-api-domain");
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(
        outcome.answer()["api_domain"],
        "https://gateway.example.com"
    );
}

#[test]
fn tokens_are_sent_to_strangers_only_on_purpose() {
    let flow = Flow::new();
    flow.kept("");
    for host in [
        "foo",
        "https://www.zohoapis.eu.example.com",
        "https://zoho.eu",
    ] {
        let set = format!("connections set acme --json --api-domain {host}");
        let refused = flow.world.run(&set);
        assert_eq!(refused.exit_code, 3, "{host}: {refused:?}");
        assert_eq!(refused.error()["reason"], "unknown_host");
        let allowed = flow.world.run(&format!("{set} --custom-api-domain"));
        assert_eq!(allowed.exit_code, 0, "{host}: {allowed:?}");
    }
    for host in ["https://sandbox.zohoapis.eu", "http://127.0.0.1:9"] {
        let set = flow
            .world
            .run(&format!("connections set acme --api-domain {host}"));
        assert_eq!(set.exit_code, 0, "{host}: {set:?}");
    }
}

#[test]
fn a_name_that_is_taken_meanwhile_is_numbered() {
    let flow = Flow::new().fault(json!({ "do": "delay", "seconds": 1.0 }));
    let slow = flow
        .command("acme", "")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while flow.exchanges() == 0 {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(flow.kept_again("")["connection"], "acme");
    let outcome = Outcome::from(slow.wait_with_output().unwrap());
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(outcome.answer()["connection"], "acme-2");
    assert!(
        outcome
            .warning("name_taken")
            .unwrap()
            .contains("kept as acme-2")
    );
}
