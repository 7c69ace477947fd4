//! Zoho's Python SDK.

use std::{path::Path, process::Command};

use serde_json::json;

use super::{Estate, MODES, check_report, pages::blocks};
use crate::{
    sdk::{SDK_SCOPES, python},
    world::Outcome,
};

impl Estate {
    /// Prepares a run of a program in `tests` with the settings in `self_client.json`.
    fn sdk_in_python(&self, accounts_domain: &str, api_domain: &str) -> Command {
        let mut command = Command::new(python());
        command
            .env_clear()
            .current_dir(self.flow.world.path(""))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk.py"))
            .args(["self_client.json", accounts_domain, api_domain]);
        command
    }
}

#[test]
fn it_exchanges_refreshes_lists_adds_and_changes_here() {
    for mode in MODES {
        let estate = Estate::new();
        let self_client = estate.self_client(mode);
        estate
            .flow
            .world
            .file("self_client.json", &self_client.to_string());
        let estate = estate.serve();
        let api_domain = estate.api_domain(mode);
        let outcome = Outcome::of(&mut estate.sdk_in_python(&estate.url, api_domain));
        check_report(&outcome, api_domain);
        // Its own refresh cost Zoho none.
        assert_eq!(estate.asked_for_tokens(), (1, 0));
    }
}

#[test]
fn it_stays_when_zoho_names_its_own_domain() {
    let estate = Estate::with_manners(json!({ "api_domain": "zohoapis" }));
    let self_client = estate.self_client("--direct");
    let world = &estate.flow.world;
    world.file("self_client.json", &self_client.to_string());
    let estate = estate.serve();
    let outcome = Outcome::of(&mut estate.sdk_in_python(&estate.url, estate.zohos_api()));
    check_report(&outcome, "https://www.zohoapis.com:443");
}

/// What the port in the answer is for.
#[test]
fn it_leaves_when_nothing_stands_in_between() {
    let estate = Estate::with_manners(json!({ "api_domain": "zohoapis" }));
    let flow = &estate.flow;
    let grant = flow.simulator.grant(SDK_SCOPES);
    flow.world.file("self_client.json", &grant.to_string());
    let simulator = flow.accounts_domain();
    let outcome = Outcome::of(&mut estate.sdk_in_python(simulator, estate.zohos_api()));
    assert_eq!(
        (outcome.exit_code, outcome.stderr.as_str()),
        (3, "left for www.zohoapis.com\n")
    );
}

#[test]
fn the_page_about_sdks_shows_the_line() {
    let estate = Estate::new();
    let settings = estate.caller("--connection acme --direct");
    let estate = estate.serve();
    let [program] = &blocks("official-sdks.md", "python")[..] else {
        panic!("the page has one program in Python");
    };
    let program = program
        .replace("https://zoho.example.com", &estate.url)
        .replace("https://www.zohoapis.eu", estate.zohos_api());
    let text = |name: &str| settings[name].as_str().unwrap();
    let mut command = Command::new(python());
    command
        .env_clear()
        .env("ZOHO_CLIENT_ID", text("ZohoClientId"))
        .env("ZOHO_CLIENT_SECRET", text("ZohoClientSecret"))
        .env("ZOHO_REFRESH_TOKEN", text("ZohoRefreshToken"))
        .current_dir(estate.flow.world.path(""))
        .args(["-c", &program]);
    let outcome = Outcome::of(&mut command);
    assert!(
        outcome.stdout.starts_with("['Müller', 'Dupont'"),
        "{outcome:?}"
    );
    assert_eq!(estate.asked_for_tokens(), (0, 0));
}
