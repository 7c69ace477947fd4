//! What goes wrong on the way to Zoho and back, row by row: what is said of it, how often it was tried, what
//! the vault says afterwards, and what lies in escrow.

use serde_json::{Value, json};

use crate::{
    flow::{Failure, Flow, Left},
    listener::Listener,
};

/// How many times an exchange is tried when nobody says otherwise.
const TRIES: usize = 4;

fn causes(error: &Value) -> String {
    error["causes"].to_string()
}

#[test]
fn a_host_that_is_not_found() {
    let flow = Flow::new().at("https://accounts.evergrant.invalid");
    let outcome = flow.exchange("--custom-accounts-domain --max-retries 0");
    let error = outcome.failed(Failure(7, "unavailable", "host_not_found", "unspent"));
    assert!(causes(&error).contains("nothing was sent"), "{error}");
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn a_refused_connection() {
    let flow = Flow::new().at("http://127.0.0.1:1");
    let error = flow
        .exchange("")
        .failed(Failure(7, "unavailable", "not_reached", "unspent"));
    assert_eq!(error["message"], "127.0.0.1 refuses connections, 4 times");
    assert_eq!(error["zoho"], Value::Null);
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn a_handshake_that_is_cut() {
    let listener = Listener::that_hangs_up();
    let flow = Flow::new().at(&format!("https://{}", listener.address()));
    let outcome = flow.exchange("");
    outcome.failed(Failure(7, "unavailable", "not_reached", "unspent"));
    assert_eq!(listener.connections(), TRIES);
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn a_handshake_that_is_not_answered() {
    let (listener, _heard, _says) = Listener::that_waits();
    let flow = Flow::new().at(&format!("https://{}", listener.address()));
    let outcome = flow.exchange("--timeout 1 --max-retries 1");
    let error = outcome.failed(Failure(7, "unavailable", "not_reached", "unspent"));
    assert_eq!(error["message"], "127.0.0.1 does not answer, 2 times");
    assert_eq!(listener.connections(), 2);
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn what_was_not_sent_can_be_sent_later() {
    let flow = Flow::new().at("http://127.0.0.1:1");
    flow.exchange("--max-retries 0")
        .failed(Failure(7, "unavailable", "not_reached", "unspent"));
    let domain = flow.simulator.accounts_domain().to_owned();
    let answer = flow.at(&domain).kept("");
    assert_eq!(answer["attempts"], 1);
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let flow = Flow::tls();
    let error =
        flow.exchange("")
            .failed(Failure(3, "config", "certificate_not_trusted", "unspent"));
    assert!(error["next"].to_string().contains("--ca-file"), "{error}");
    flow.left(Left(0, "unsent", 0));
    let ca_file = flow.simulator.ready["ca_file"].as_str().unwrap().to_owned();
    flow.kept(&format!("--ca-file {ca_file}"));
}

#[test]
fn silence_after_the_request() {
    let flow = Flow::new().fault(json!({ "do": "delay", "seconds": 3.0 }));
    let error =
        flow.exchange("--timeout 1")
            .failed(Failure(5, "grant_dead", "no_answer", "unknown"));
    assert!(causes(&error).contains("not again"), "{error}");
    flow.left(Left(1, "unknown", 1));

    let list = flow.world.run("recover --list --json").answer();
    assert_eq!(
        (&list[0]["connection"], &list[0]["state"]),
        (&json!("acme"), &json!("sending"))
    );
    // The same grant is not sent again: a strict server would revoke what it brought.
    let again = flow.exchange("");
    again.failed(Failure(5, "grant_dead", "grant_used", "unknown"));
    assert!(again.warning("escrow").unwrap().contains("unknown"));
    flow.left(Left(1, "unknown", 1));
}

#[test]
fn a_reset_before_zoho_acted_is_tried_again() {
    let flow = Flow::new().fault(json!({ "do": "reset-before", "times": 2 }));
    assert_eq!(flow.kept("")["attempts"], 3);
    assert_eq!((flow.exchanges(), flow.escrow()), (3, 0));
}

#[test]
fn a_reset_after_zoho_acted_probably_spent_the_grant() {
    let flow = Flow::new().fault(json!({ "do": "reset-after" }));
    let error = flow
        .exchange("")
        .failed(Failure(5, "grant_dead", "invalid_code", "spent"));
    assert!(causes(&error).contains("probably spent it"), "{error}");
    assert!(causes(&error).contains("twenty places"), "{error}");
    assert_eq!(error["zoho"]["error"], "invalid_code");
    flow.left(Left(2, "spent", 0));
}

#[test]
fn a_lost_answer_is_remembered_when_the_grant_is_tried_again() {
    let flow = Flow::new().fault(json!({ "do": "reset-after" }));
    let error = flow.exchange("--max-retries 0").failed(Failure(
        7,
        "unavailable",
        "answer_lost",
        "unknown",
    ));
    assert!(
        error["next"][0]
            .as_str()
            .unwrap()
            .contains("evergrant exchange acme")
    );
    flow.left(Left(1, "failed", 0));
    let error =
        flow.exchange("--max-retries 0")
            .failed(Failure(5, "grant_dead", "invalid_code", "spent"));
    assert!(causes(&error).contains("probably spent it"), "{error}");
    flow.left(Left(2, "spent", 0));
}

#[test]
fn a_close_without_a_byte_is_tried_again_and_given_up() {
    let listener = Listener::that_hears_and_hangs_up();
    let flow = Flow::new().at(&format!("http://{}", listener.address()));
    let error = flow
        .exchange("")
        .failed(Failure(7, "unavailable", "answer_lost", "unknown"));
    assert_eq!(error["message"], "Zoho's answer was lost, 4 times");
    assert_eq!(listener.connections(), TRIES);
    flow.left(Left(0, "failed", 0));
}

#[test]
fn a_cut_body_with_the_whole_refresh_token_is_enough() {
    let flow = Flow::new().fault(json!({ "do": "cut", "after_bytes": 190 }));
    let outcome = flow.exchange("");
    assert_eq!((outcome.exit_code, flow.exchanges()), (0, 1), "{outcome:?}");
    assert!(outcome.warning("odd_reply").unwrap().contains("cut short"));
    assert_eq!(outcome.answer()["attempts"], 1);
    let show = flow.world.run("connections show acme --json").answer();
    assert!(show["access_token"]["expires_at"].is_string(), "{show}");
    assert_eq!(flow.escrow(), 0);
}

#[test]
fn a_cut_body_without_it_is_a_lost_answer() {
    let flow = Flow::new().fault(json!({ "do": "cut", "after_bytes": 100 }));
    let error = flow.exchange("--max-retries 0").failed(Failure(
        7,
        "unavailable",
        "unreadable_reply",
        "unknown",
    ));
    assert_eq!(error["message"], "the answer is cut short");
    flow.left(Left(1, "failed", 0));
    let error = flow
        .exchange("")
        .failed(Failure(5, "grant_dead", "invalid_code", "spent"));
    assert!(causes(&error).contains("probably spent it"), "{error}");
    flow.left(Left(2, "spent", 0));
}

#[test]
fn a_redirect_is_not_followed() {
    let fault = json!({ "do": "redirect", "location": "https://login.example.com/?next=1" });
    let flow = Flow::new().fault(fault);
    let error = flow
        .exchange("")
        .failed(Failure(3, "config", "redirected", "unknown"));
    assert_eq!(
        error["message"],
        "the answer is a redirect to login.example.com"
    );
    assert_eq!(error["zoho"]["http_status"], 302);
    flow.left(Left(1, "failed", 0));
    assert_eq!(flow.kept("")["attempts"], 1);
}
