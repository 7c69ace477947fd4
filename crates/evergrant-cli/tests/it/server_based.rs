//! Apps that are no self client: the redirect URI goes along, and must be the registered one.

use serde_json::{Value, json};

use crate::flow::{Failure, Flow, SCOPE};

const REDIRECT_URI: &str = "https://app.example.com/callback?from=zoho";

/// A simulator with a server-based app, and a grant token of its own.
fn server_based() -> Flow {
    let flow = Flow::new();
    let wish = json!({ "type": "server", "data_center": "us", "redirect_uris": [REDIRECT_URI] });
    let client: Value = flow.simulator.control("POST", "/clients", &wish);
    flow.grant(json!({ "scope": SCOPE, "client_id": client["client_id"] }));
    flow
}

#[test]
fn the_registered_redirect_uri_is_sent() {
    let answer = server_based().kept(&format!("--redirect-uri {REDIRECT_URI}"));
    assert_eq!(answer["outcome"], "created");
}

#[test]
fn without_it_zoho_refuses_and_the_flag_is_named() {
    let flow = server_based();
    for options in ["", "--redirect-uri https://app.example.com/callback"] {
        let outcome = flow.exchange(options);
        let error = outcome.failed(Failure(3, "config", "invalid_redirect_uri", "unknown"));
        assert!(
            error["next"][0]
                .as_str()
                .unwrap()
                .contains("--redirect-uri URI"),
            "{error}"
        );
    }
    flow.kept(&format!("--redirect-uri {REDIRECT_URI}"));
}

#[test]
fn what_is_no_uri_is_not_sent() {
    for uri in ["callback", "https://app.example.com/#fragment"] {
        let flow = server_based();
        let outcome = flow.exchange(&format!("--redirect-uri {uri}"));
        outcome.failed(Failure(2, "usage", "invalid_input", "unspent"));
        flow.left_alone();
    }
}

#[test]
fn a_code_verifier_is_sent_in_the_body() {
    let flow = server_based();
    flow.world.file("verifier", &"v".repeat(43));
    flow.kept(&format!(
        "--redirect-uri {REDIRECT_URI} --code-verifier-file verifier"
    ));
    assert_eq!(flow.simulator.requests()[0]["parameters_in"], "body");
}
