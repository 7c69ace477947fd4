//! Zoho's own Python SDK, unmodified: against the simulator, and with access tokens of Evergrant's. `scripts/test`
//! makes the environment that it lives in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    flow::Flow,
    readme,
    world::{Outcome, World},
};

/// What the SDK asks for by itself, and what is asked of it.
pub(crate) const SDK_SCOPES: &str =
    "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ";

/// Finds the Python that has the SDK; fails the test if there is none.
pub(crate) fn python() -> PathBuf {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk-venv");
    let made_for = fs::read_to_string(venv.join("requirements.txt"));
    assert!(
        made_for.unwrap_or_default() == include_str!("../sdk-requirements.txt"),
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
    /// Makes one in which `acme` was exchanged for the least that the SDK does with.
    fn with_scopes_of_the_sdk() -> Self {
        let flow = Self::new().new_grant("ZohoCRM.modules.ALL,ZohoCRM.settings.ALL");
        flow.kept("");
        flow
    }

    /// Runs a Python program, which must succeed; returns what it printed.
    fn python(&self, program: &str) -> String {
        let outcome = Outcome::of(self.world.python().args(["-c", program]));
        assert_eq!(
            (outcome.exit_code, outcome.stderr.as_str()),
            (0, ""),
            "{outcome:?}"
        );
        outcome.stdout
    }

    /// Lists the requests to the simulator as `METHOD path` or, for tokens, as their grant type.
    pub(crate) fn asked(&self) -> Vec<String> {
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
fn the_sdk_exchanges_lists_adds_changes_and_refreshes_on_the_simulator_alone() {
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
        assert_eq!(shown["changed"]["status"], 200);
        assert_eq!(shown["changed"]["id"], shown["product"]["id"]);
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
    let change = |shown: &Value| {
        let id = shown["product"]["id"].as_str().unwrap();
        format!("PUT /crm/v8/Products/{id}")
    };
    let first_run = [
        "authorization_code",
        "GET /crm/v8/users",
        "GET /crm/v8/org",
        "GET /crm/v8/settings/fields",
        "GET /crm/v8/Contacts",
        "GET /crm/v8/settings/fields",
        "POST /crm/v8/Products",
        &change(before),
    ];
    let second_run = [
        "refresh_token",
        "GET /crm/v8/Contacts",
        "POST /crm/v8/Products",
        &change(after),
    ];
    assert_eq!(asked, [&first_run[..], &second_run[..]].concat());
}

#[test]
fn the_readme_uses_the_token_with_requests_and_with_the_sdk() {
    let flow = Flow::with_scopes_of_the_sdk();
    let [with_requests, with_sdk] = &readme::blocks("python")[..] else {
        panic!("the README has two programs in Python");
    };
    assert_eq!(flow.python(with_requests), "['Müller', 'Dupont']\n");
    for _ in 0..2 {
        let names = flow.python(with_sdk);
        assert!(
            names.starts_with("['Müller', 'Dupont', 'Sharma'"),
            "{names}"
        );
        let stored = fs::read_to_string(flow.world.path("sdk_tokens.txt")).unwrap();
        assert_eq!(stored.lines().count(), 1, "headings alone");
        flow.expire();
    }
    let asked = flow.asked();
    let count = |what: &str| asked.iter().filter(|one| *one == what).count();
    assert_eq!(
        (count("authorization_code"), count("refresh_token")),
        (1, 1)
    );
    assert_eq!(count("GET /crm/v8/Contacts"), 3);
}

#[test]
fn without_the_scope_for_settings_the_sdk_fails() {
    let flow = Flow::new();
    flow.kept("");
    let with_sdk = &readme::blocks("python")[1];
    let outcome = Outcome::of(flow.world.python().args(["-c", with_sdk]));
    assert_ne!(outcome.exit_code, 0);
    assert!(
        outcome.stderr.contains("OAUTH_SCOPE_MISMATCH"),
        "{outcome:?}"
    );
}

/// What the README says of the SDK's own token class.
#[test]
fn an_oauth_token_of_the_sdk_works_until_it_dies_and_is_written_in_clear() {
    let flow = Flow::with_scopes_of_the_sdk();
    let with_sdk = &readme::blocks("python")[1];
    let own =
        "OAuthToken(access_token=EvergrantToken('acme').ask()['access_token'], find_user=False)";
    let import = "from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken\n";
    let program = with_sdk
        .replace(
            "token = EvergrantToken(\"acme\")",
            &format!("{import}token = {own}"),
        )
        .replace("token.ask()", "EvergrantToken('acme').ask()");
    assert!(flow.python(&program).starts_with("['Müller'"));
    let token = flow.world.run("token acme").stdout;
    let stored = fs::read_to_string(flow.world.path("sdk_tokens.txt")).unwrap();
    assert!(stored.contains(token.trim_end()), "{stored}");

    let control = flow.simulator.ready["control"].as_str().unwrap();
    let pass_an_hour = format!(
        "import urllib.request\n\
         urllib.request.urlopen('{control}/clock', b'{{\"advance_seconds\": 3600}}')\n"
    );
    let dead = program.replace("parameters = ", &(pass_an_hour + "parameters = "));
    let outcome = Outcome::of(flow.world.python().args(["-c", &dead]));
    let no_records = "'APIException' object has no attribute 'get_data'";
    assert!(outcome.stderr.contains(no_records), "{outcome:?}");
    assert!(!flow.asked().contains(&"refresh_token".to_owned()));
}
