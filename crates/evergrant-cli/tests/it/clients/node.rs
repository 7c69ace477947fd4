//! Zoho's Node SDK.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::{Estate, MODES, check_report, pages::blocks};
use crate::{sdk::SDK_SCOPES, world::Outcome};

/// Finds the folder with node and the packages; fails the test if they are not there.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk-node");
    let made_for = fs::read_to_string(folder.join("installed"));
    assert!(
        made_for.unwrap_or_default() == include_str!("../../sdk-package.json"),
        "Zoho's Node SDK is missing in {} or is another version: run scripts/node-sdk, which needs npm and a network",
        folder.display()
    );
    folder.canonicalize().unwrap()
}

impl Estate {
    /// Prepares a run of a program, which finds the packages beside it.
    pub(super) fn node(&self, program: &str) -> Command {
        let world = &self.flow.world;
        world.file("program.mjs", program);
        // It may be there from the run before.
        let _ = symlink(installed().join("node_modules"), world.path("node_modules"));
        let mut command = Command::new(installed().join("node"));
        command
            .env_clear()
            .current_dir(world.path(""))
            .arg("program.mjs");
        command
    }

    fn sdk_in_node(&self, accounts_domain: &str, api_domain: &str) -> Command {
        let mut command = self.node(include_str!("../../sdk.mjs"));
        command.args(["self_client.json", accounts_domain, api_domain]);
        command
    }
}

#[test]
fn it_exchanges_refreshes_lists_adds_and_changes_here() {
    for mode in MODES {
        let estate = Estate::new();
        let self_client = estate.self_client(mode);
        let world = &estate.flow.world;
        world.file("self_client.json", &self_client.to_string());
        let estate = estate.serve();
        let api_domain = estate.api_domain(mode);
        let outcome = Outcome::of(&mut estate.sdk_in_node(&estate.url, api_domain));
        check_report(&outcome, api_domain);
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
    let outcome = Outcome::of(&mut estate.sdk_in_node(&estate.url, estate.zohos_api()));
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
    let outcome = Outcome::of(&mut estate.sdk_in_node(simulator, estate.zohos_api()));
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
    let [program] = &blocks("official-sdks.md", "js")[..] else {
        panic!("the page has one program in JavaScript");
    };
    let program = program
        .replace("https://zoho.example.com", &estate.url)
        .replace("https://www.zohoapis.eu", estate.zohos_api());
    let text = |name: &str| settings[name].as_str().unwrap();
    let mut command = estate.node(&program);
    command
        .env("ZOHO_CLIENT_ID", text("ZohoClientId"))
        .env("ZOHO_CLIENT_SECRET", text("ZohoClientSecret"))
        .env("ZOHO_REFRESH_TOKEN", text("ZohoRefreshToken"));
    let outcome = Outcome::of(&mut command);
    assert!(outcome.stdout.contains("Müller"), "{outcome:?}");
    assert_eq!(estate.asked_for_tokens(), (0, 0));
}
