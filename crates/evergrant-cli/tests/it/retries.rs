//! A Zoho that is unwell: how often it is tried, how long between, and when that ends.

use std::time::Instant;

use serde_json::json;

use crate::flow::{Failure, Flow, Left, SCOPE};

#[test]
fn a_server_that_is_unwell_is_tried_again() {
    for fault in [
        json!({ "do": "status", "status": 503 }),
        json!({ "do": "status", "status": 429 }),
        json!({ "do": "html", "status": 502 }),
        json!({ "do": "html" }),
    ] {
        let flow = Flow::new().fault(fault.clone());
        assert_eq!(flow.kept("")["attempts"], 2, "{fault}");
        assert_eq!((flow.exchanges(), flow.escrow()), (2, 0), "{fault}");
    }
}

#[test]
fn a_server_that_stays_unwell_is_given_up() {
    for (fault, status, what) in [
        (
            json!({ "do": "status", "status": 503, "times": 9 }),
            503,
            "empty",
        ),
        (json!({ "do": "html", "times": 9 }), 200, "a web page"),
    ] {
        let flow = Flow::new().fault(fault);
        let error =
            flow.exchange("")
                .failed(Failure(7, "unavailable", "unreadable_reply", "unknown"));
        assert_eq!(error["message"], format!("the answer is {what}, 4 times"));
        assert_eq!(error["zoho"]["http_status"], status);
        flow.left(Left(4, "failed", 0));
    }
}

#[test]
fn the_number_of_retries_is_the_persons() {
    for (retries, requests) in [(0, 1), (1, 2), (6, 7)] {
        let fault = json!({ "do": "status", "status": 503, "times": 9 });
        let flow = Flow::new().fault(fault);
        flow.exchange(&format!("--max-retries {retries}"));
        flow.left(Left(requests, "failed", 0));
    }
}

#[test]
fn the_waits_grow() {
    let fault = json!({ "do": "status", "status": 503, "times": 2 });
    let flow = Flow::new()
        .config("[http]\nretry_delay = \"150ms\"\n")
        .fault(fault);
    let started = Instant::now();
    assert_eq!(flow.kept("")["attempts"], 3);
    assert!(started.elapsed().as_millis() >= 450, "150 and 300");
}

#[test]
fn nothing_is_tried_past_the_grants_life() {
    let flow = Flow::new()
        .config("[http]\nretry_delay = \"90s\"\n")
        .fault(json!({ "do": "status", "status": 503, "times": 9 }));
    flow.grant(json!({ "scope": SCOPE, "minutes": 1 }));
    flow.exchange("")
        .failed(Failure(7, "unavailable", "unreadable_reply", "unknown"));
    flow.left(Left(1, "failed", 0));
}

#[test]
fn a_grant_whose_answer_was_lost_is_not_called_whole_later() {
    let lost = || Failure(7, "unavailable", "answer_lost", "unknown");
    let flow = Flow::new().fault(json!({ "do": "reset-after" }));
    flow.exchange("--max-retries 0").failed(lost());
    let flow = flow.at("http://127.0.0.1:1");
    let error = flow.exchange("--max-retries 0").failed(lost());
    assert!(
        error["causes"][0].as_str().unwrap().contains("refuses"),
        "{error}"
    );
    assert_eq!(flow.rows("SELECT state FROM exchanges"), "failed");
}

#[test]
fn a_refusal_does_not_bring_a_lost_answer_back() {
    let lost = || Failure(7, "unavailable", "answer_lost", "unknown");
    let flow = Flow::new().faults(json!([
        { "on": "exchange", "do": "reset-after" },
        { "on": "exchange", "do": "refuse", "error": "invalid_client" },
    ]));
    flow.exchange("--max-retries 0").failed(lost());
    flow.exchange("")
        .failed(Failure(3, "config", "invalid_client", "unknown"));
    let flow = flow.at("http://127.0.0.1:1");
    flow.exchange("--max-retries 0").failed(lost());
}
