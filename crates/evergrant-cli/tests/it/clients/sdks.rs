//! What each of Zoho's SDKs has to do in front of Evergrant, whatever language it is written in.

use std::process::Command;

use serde_json::json;

use super::{Estate, MODES, pages::blocks};
use crate::{sdk::SDK_SCOPES, world::Outcome};

/// Prepares a run of an SDK with the settings in `self_client.json`, by accounts domain and API domain.
pub(super) type Sdk = fn(&Estate, &str, &str) -> Command;

/// It exchanges, refreshes, lists, adds and changes here.
pub(super) fn work_here(sdk: Sdk) {
    for mode in MODES {
        let estate = Estate::new();
        let self_client = estate.self_client(mode);
        let world = &estate.flow.world;
        world.file("self_client.json", &self_client.to_string());
        let estate = estate.serve();
        let api_domain = estate.api_domain(mode);
        let outcome = Outcome::of(&mut sdk(&estate, &estate.url, api_domain));
        check(&outcome, api_domain);
        // Its own refresh cost Zoho none.
        assert_eq!(estate.asked_for_tokens(), (1, 0));
    }
}

/// It stays when Zoho names its own domain.
pub(super) fn stay(sdk: Sdk) {
    let estate = Estate::with_manners(json!({ "api_domain": "zohoapis" }));
    let self_client = estate.self_client("--direct");
    let world = &estate.flow.world;
    world.file("self_client.json", &self_client.to_string());
    let estate = estate.serve();
    let outcome = Outcome::of(&mut sdk(&estate, &estate.url, estate.zohos_api()));
    check(&outcome, "https://www.zohoapis.com:443");
}

/// It leaves when nothing stands in between: what the port in the answer is for.
pub(super) fn leave_without_us(sdk: Sdk) {
    let estate = Estate::with_manners(json!({ "api_domain": "zohoapis" }));
    let flow = &estate.flow;
    let grant = flow.simulator.grant(SDK_SCOPES);
    flow.world.file("self_client.json", &grant.to_string());
    let simulator = flow.accounts_domain();
    let outcome = Outcome::of(&mut sdk(&estate, simulator, estate.zohos_api()));
    assert_eq!(
        (outcome.exit_code, outcome.stderr.as_str()),
        (3, "left for www.zohoapis.com\n")
    );
}

/// The page about SDKs has one program in this language, which `prepare` runs; returns what it prints.
pub(super) fn run_the_page(
    language: &str,
    prepare: impl FnOnce(&Estate, &str) -> Command,
) -> String {
    let estate = Estate::new();
    let settings = estate.caller("--connection acme --direct");
    let estate = estate.serve();
    let [program] = &blocks("official-sdks.md", language)[..] else {
        panic!("the page has one program in {language}");
    };
    let program = program
        .replace("https://zoho.example.com", &estate.url)
        .replace("https://www.zohoapis.eu", estate.zohos_api());
    let text = |name: &str| settings[name].as_str().unwrap();
    let mut command = prepare(&estate, &program);
    command
        .env("ZOHO_CLIENT_ID", text("ZohoClientId"))
        .env("ZOHO_CLIENT_SECRET", text("ZohoClientSecret"))
        .env("ZOHO_REFRESH_TOKEN", text("ZohoRefreshToken"));
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(estate.asked_for_tokens(), (0, 0));
    outcome.stdout
}

/// What an SDK must have done in a run of `tests/sdk.py` or `tests/sdk.mjs`: everything, twice, on this machine.
fn check(outcome: &Outcome, api_domain: &str) {
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    let report = outcome.answer();
    for shown in [&report["before"], &report["after"]] {
        assert_eq!(shown["contacts"]["status"], 200);
        assert_eq!(shown["contacts"]["names"][0], "Müller");
        assert_eq!(shown["product"]["status"], 201);
        assert_eq!(shown["changed"]["status"], 200);
        assert_eq!(shown["changed"]["id"], shown["product"]["id"]);
        assert_eq!(shown["stored"]["api_domain"], api_domain);
        let stored = shown["stored"]["refresh_token"].as_str().unwrap();
        assert!(stored.starts_with("1000.e7e69a47"), "a handle: {stored}");
    }
    assert_eq!(report["hosts"], json!(["127.0.0.1"]));
}
