//! Zoho's own Python SDK, unmodified: against the simulator, and with access tokens of Evergrant's. `scripts/test`
//! makes the environment that it lives in.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    flow::Flow,
    world::{Outcome, World},
};

/// What the SDK asks for by itself, and what is asked of it.
const SDK_SCOPES: &str =
    "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ";

/// Finds the Python that has the SDK; fails the test if there is none.
fn python() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk-venv");
    let made_for = std::fs::read_to_string(venv.join("requirements.txt"));
    assert_eq!(
        made_for.unwrap_or_default(),
        include_str!("../sdk-requirements.txt"),
        "Zoho's Python SDK is missing in {} or is another version: run scripts/python-sdk, which needs python3-venv \
         and a network",
        venv.display()
    );
    venv.join("bin/python")
}

impl World {
    /// Prepares a run of Python with the SDK, where `evergrant` is at hand.
    fn python(&self) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_evergrant"));
        let folder = program.parent().unwrap().display();
        let mut command = Command::new(python());
        command
            .env_clear()
            .env("EVERGRANT_HOME", self.path(""))
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .current_dir(self.path(""));
        command
    }
}

impl Flow {
    /// Lists the requests to the simulator as `METHOD path` or, for tokens, as their grant type.
    fn asked(&self) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let requests = self.simulator.requests();
        let asked = requests.iter().map(|one| match &one["grant_type"] {
            Value::String(grant_type) => grant_type.clone(),
            _ => format!("{} {}", word(&one["method"]), word(&one["path"])),
        });
        asked.collect()
    }
}

#[test]
fn the_sdk_exchanges_lists_adds_and_refreshes_on_the_simulator_alone() {
    let flow = Flow::new().new_grant(SDK_SCOPES);
    let domain = flow.simulator.accounts_domain();
    let api_domain = &flow.simulator.ready["data_centers"]["us"]["api_domain"];
    let control = flow.simulator.ready["control"].as_str().unwrap();
    let mut command = flow.world.python();
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk.py"))
        .args(["self_client.json", domain, api_domain.as_str().unwrap()])
        .arg(control);
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");

    let report = outcome.answer();
    let (before, after) = (&report["before"], &report["after"]);
    for shown in [before, after] {
        assert_eq!(shown["contacts"]["status"], 200);
        assert_eq!(shown["contacts"]["names"][0], "Müller");
        assert_eq!(shown["product"]["status"], 201);
        assert_eq!(shown["product"]["code"], "SUCCESS");
        assert_eq!(&shown["stored"]["api_domain"], api_domain);
    }
    assert_ne!(before["product"]["id"], after["product"]["id"]);
    let stored = |name: &str| (&before["stored"][name], &after["stored"][name]);
    let (first, second) = stored("access_token");
    assert_ne!(first, second, "the refresh brought another one");
    let (first, second) = stored("refresh_token");
    assert_eq!(first, second);

    assert_eq!(report["hosts"], json!(["127.0.0.1"]));
    let asked = flow.asked();
    let first_run = [
        "authorization_code",
        "GET /crm/v8/users",
        "GET /crm/v8/org",
        "GET /crm/v8/settings/fields",
        "GET /crm/v8/Contacts",
        "GET /crm/v8/settings/fields",
        "POST /crm/v8/Products",
    ];
    let second_run = [
        "refresh_token",
        "GET /crm/v8/Contacts",
        "POST /crm/v8/Products",
    ];
    assert_eq!(asked, [&first_run[..], &second_run[..]].concat());
}
