//! What Zoho says no to, by every documented word and by others: one request, and what to do next.

use serde_json::{Value, json};

use crate::flow::{Failure, Flow, Left};

/// Has Zoho refuse with a word and a status, as often as it is asked.
fn refused(word: &str, status: u16) -> Flow {
    Flow::new().fault(json!({ "do": "refuse", "error": word, "status": status, "times": 9 }))
}

fn next(error: &Value) -> String {
    error["next"].to_string()
}

#[test]
fn every_final_word_is_said_once_and_explained() {
    for (word, exit_code, code, grant, state) in [
        ("invalid_code", 5, "grant_dead", "spent", "spent"),
        ("invalid_grant", 5, "grant_dead", "spent", "spent"),
        ("invalid_client", 3, "config", "unknown", "refused"),
        ("invalid_client_secret", 3, "config", "unknown", "refused"),
        ("invalid_redirect_uri", 3, "config", "unknown", "refused"),
        ("invalid_scope", 3, "config", "unknown", "refused"),
        ("invalid_request", 3, "config", "unknown", "refused"),
        ("unauthorized_client", 3, "config", "unknown", "refused"),
        ("unsupported_grant_type", 3, "config", "unknown", "refused"),
        ("a_word_of_tomorrow", 3, "config", "unknown", "refused"),
        ("general_error", 3, "config", "unknown", "refused"),
    ] {
        for status in [200, 400] {
            let flow = refused(word, status);
            let outcome = flow.exchange("");
            let error = outcome.failed(Failure(exit_code, code, word, grant));
            assert_eq!(
                error["zoho"],
                json!({ "http_status": status, "error": word, "error_description": null })
            );
            assert_eq!(error["connection"], "acme");
            flow.left(Left(1, state, 0));
        }
    }
}

#[test]
fn a_grant_that_zoho_refused_is_not_sent_again() {
    let flow = refused("invalid_code", 200);
    flow.exchange("");
    let again = flow.exchange("");
    again.failed(Failure(5, "grant_dead", "grant_used", "spent"));
    flow.left(Left(1, "spent", 0));
}

#[test]
fn after_another_refusal_the_same_grant_may_be_tried_again() {
    let flow = Flow::new().fault(json!({ "do": "refuse", "error": "invalid_client_secret" }));
    let outcome = flow.exchange("");
    outcome.failed(Failure(3, "config", "invalid_client_secret", "unknown"));
    assert_eq!(flow.kept("")["attempts"], 1);
    assert_eq!(flow.rows("SELECT state FROM exchanges"), "done");
}

#[test]
fn an_app_of_another_data_center_is_told_where_to_look() {
    let flow = refused("invalid_client", 400);
    let error = flow.exchange("").error();
    for code in ["us", "eu", "in", "au", "jp", "cn", "ca", "sa"] {
        assert!(next(&error).contains(code), "{error}");
    }
    assert!(next(&error).contains("--data-center CODE"), "{error}");
}

#[test]
fn a_real_wrong_secret_is_told_as_what_it_is() {
    let flow = Flow::new();
    flow.world
        .file("secret", "0123456789abcdef0123456789abcdef0123456789");
    let outcome = flow.exchange("--client-secret-file secret");
    let error = outcome.failed(Failure(3, "config", "invalid_client_secret", "unknown"));
    assert!(next(&error).contains("API console"), "{error}");
    assert!(!outcome.stderr.contains("0123456789abcdef"));
    flow.left(Left(1, "refused", 0));
}

#[test]
fn a_throttle_is_not_hammered() {
    for word in ["Access Denied", "access_denied"] {
        let flow = refused(word, 400);
        let outcome = flow.exchange("");
        let error = outcome.failed(Failure(6, "throttled", word, "unknown"));
        let retry_at = error["retry_at"].as_str().unwrap();
        assert!(retry_at.ends_with('Z'), "{error}");
        assert!(next(&error).contains("new grant token"), "{error}");
        flow.left(Left(1, "refused", 0));
    }
}

#[test]
fn the_throttle_of_a_real_limit_is_one_too() {
    let flow = Flow::new().limits(json!({ "exchanges": 1 }));
    flow.kept("");
    let flow = flow.new_grant("ZohoCRM.modules.ALL");
    let again = flow.exchange("--replace");
    again.failed(Failure(6, "throttled", "Access Denied", "unknown"));
    assert_eq!(flow.exchanges(), 2);
}

#[test]
fn an_unexplained_word_with_a_server_error_is_tried_again() {
    for word in ["a_word_of_tomorrow", "general_error"] {
        let flow = refused(word, 500);
        let error = flow
            .exchange("")
            .failed(Failure(7, "unavailable", word, "unknown"));
        assert!(error["message"].as_str().unwrap().contains("4 times"));
        flow.left(Left(4, "failed", 0));
    }
}

#[test]
fn consent_without_offline_access_is_explained() {
    let flow = Flow::new();
    flow.grant(json!({ "scope": "ZohoCRM.modules.ALL", "access_type": "online" }));
    let outcome = flow.exchange("");
    let error = outcome.failed(Failure(4, "new_grant_needed", "no_refresh_token", "spent"));
    assert!(next(&error).contains("access_type=offline"), "{error}");
    flow.left(Left(1, "spent", 0));
}

#[test]
fn a_refusal_leaves_the_connection_that_was_to_be_replaced() {
    let flow = Flow::new();
    flow.kept("");
    let kept = "SELECT name, state, generation, hex(refresh_token_sealed) FROM connections";
    let before = flow.rows(kept);
    let flow = flow
        .new_grant("ZohoCRM.modules.ALL")
        .fault(json!({ "do": "refuse", "error": "invalid_code" }));
    let outcome = flow.exchange("--replace");
    outcome.failed(Failure(5, "grant_dead", "invalid_code", "spent"));
    assert_eq!(flow.rows(kept), before);
    assert_eq!(flow.rows("SELECT count(*) FROM former_refresh_tokens"), "0");
}
