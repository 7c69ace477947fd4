//! The inputs of an exchange, from every place, through the whole program to the simulator.

use std::{os::unix::fs::PermissionsExt, process::Command};

use serde_json::{Value, json};

use crate::{
    flow::Flow,
    simulator::Simulator,
    world::{Outcome, World},
};

const SCOPE: &str = "ZohoCRM.modules.contacts.READ";

/// A world with a simulator and one grant token.
struct Story {
    world: World,
    simulator: Simulator,
    grant: Value,
}

impl Story {
    fn new() -> Self {
        let world = World::new();
        let simulator = Simulator::start(&world, "");
        let grant = simulator.grant(SCOPE);
        Self {
            world,
            simulator,
            grant,
        }
    }

    fn text(&self, member: &str) -> &str {
        self.grant[member].as_str().unwrap()
    }

    /// Runs an exchange at the simulator; every secret must stay out of what it prints.
    fn exchange(&self, options: &str, input: &str) -> Outcome {
        let domain = self.simulator.accounts_domain();
        let line = format!("exchange acme --json -vvv --accounts-domain {domain} {options}");
        let outcome = self.world.run_with_input(&line, input);
        self.leaks_nothing(&outcome);
        outcome
    }

    fn leaks_nothing(&self, outcome: &Outcome) {
        let printed = format!("{}{}", outcome.stdout, outcome.stderr);
        for secret in [self.text("client_secret"), self.text("code")] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }

    fn is_kept(&self, outcome: &Outcome) {
        assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
        let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(
            (&answer["connection"], &answer["outcome"]),
            (&json!("acme"), &json!("created"))
        );
        assert_eq!(answer["client_id"], self.grant["client_id"]);
    }
}

#[test]
fn the_consoles_file() {
    let story = Story::new();
    story
        .world
        .file("self_client.json", &story.grant.to_string());
    story.is_kept(&story.exchange("--self-client self_client.json", ""));
}

#[test]
fn the_templates_variables() {
    let story = Story::new();
    let variables = json!({
        "ZohoClientId": story.grant["client_id"],
        "ZohoClientSecret": story.grant["client_secret"],
        "ZohoGrantToken": { "Value": story.grant["code"].to_string(), "IsSecret": true },
    });
    story.world.file("variables.json", &variables.to_string());
    story.is_kept(&story.exchange("--variables variables.json", ""));
}

#[test]
fn flags_with_a_file_and_standard_input() {
    let story = Story::new();
    story
        .world
        .file("secret", &format!("{}\n", story.text("client_secret")));
    let options = format!(
        "--client-id {} --client-secret-file secret --grant-token-stdin",
        story.text("client_id")
    );
    story.is_kept(&story.exchange(&options, &format!("{}\n", story.text("code"))));
}

#[test]
fn the_environment() {
    let story = Story::new();
    story.world.file("grant", story.text("code"));
    let mut command = story.world.command(["exchange", "acme", "--json"]);
    command
        .env("ZOHO_ACCOUNTS_URL", story.simulator.accounts_domain())
        .env("ZOHO_CLIENT_ID", story.text("client_id"))
        .env("ZOHO_CLIENT_SECRET", story.text("client_secret"))
        .env("ZOHO_GRANT_TOKEN_FILE", "grant");
    let outcome = Outcome::of(&mut command);
    story.leaks_nothing(&outcome);
    story.is_kept(&outcome);
}

#[test]
fn a_file_that_others_can_read_is_taken_with_a_warning() {
    let story = Story::new();
    let path = story
        .world
        .file("self_client.json", &story.grant.to_string());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let outcome = story.exchange("--self-client self_client.json", "");
    story.is_kept(&outcome);
    assert!(
        outcome
            .stderr
            .contains(r#"{"warning":{"code":"readable_by_others""#),
        "{}",
        outcome.stderr
    );
}

#[test]
fn what_is_missing_is_named_before_anything_is_sent() {
    let story = Story::new();
    let outcome = story.exchange("", "");
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (2, ""));
    let error: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(
        error["error"]["message"],
        "missing: client ID, client secret, grant token"
    );
    assert_eq!(error["error"]["grant"], "unspent");
}

#[test]
fn a_person_is_not_asked_for_a_name_that_is_taken() {
    let story = Story::new();
    let file = story.grant.to_string();
    story.world.file("self_client.json", &file);
    story.is_kept(&story.exchange("--self-client self_client.json", ""));
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.args(["--", env!("CARGO_BIN_EXE_evergrant"), "exchange", "acme"]);
    python
        .env("EVERGRANT_HOME", story.world.path(""))
        .env_remove("EVERGRANT_CONFIG");
    let outcome = Outcome::of(&mut python);
    assert_eq!(outcome.exit_code, 3, "{outcome:?}");
    assert!(outcome.stdout.contains("the name acme is taken"));
    assert!(!outcome.stdout.contains("Client ID"), "{outcome:?}");
}

#[test]
fn a_person_is_asked_and_the_grant_comes_last() {
    let story = Story::new();
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.arg(format!(
        "accounts domain: ={}",
        story.simulator.accounts_domain()
    ));
    python.arg(format!("Client ID: ={}", story.text("client_id")));
    python.arg(format!(
        "!Client secret (hidden): ={}",
        story.text("client_secret")
    ));
    python.arg(format!("!Grant token (hidden): ={}", story.text("code")));
    python.args([
        "--",
        env!("CARGO_BIN_EXE_evergrant"),
        "exchange",
        "acme",
        "--require-scope",
        SCOPE,
    ]);
    python
        .env("EVERGRANT_HOME", story.world.path(""))
        .env_remove("EVERGRANT_CONFIG");
    let outcome = Outcome::of(&mut python);
    assert_eq!(outcome.exit_code, 0, "{}{}", outcome.stdout, outcome.stderr);
    story.leaks_nothing(&outcome);
    assert!(
        outcome.stdout.contains(&format!("scope   {SCOPE}")),
        "{}",
        outcome.stdout
    );
    assert_eq!(story.world.run("connections show acme").exit_code, 0);
}

/// Runs a line at a terminal, where a person gives these answers.
fn at_a_terminal(world: &World, line: &str, answers: &[&str]) -> Outcome {
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.args(answers);
    python.args(["--", env!("CARGO_BIN_EXE_evergrant")]);
    python.args(line.split(' ')).arg("--json");
    python.env("EVERGRANT_HOME", world.path(""));
    Outcome::of(python.env_remove("EVERGRANT_CONFIG"))
}

#[test]
fn no_secret_is_typed_where_it_is_shown() {
    let flow = Flow::new();
    flow.kept("");
    let apps = flow.world.run("apps list --json").answer();
    let add = format!(
        "apps secret add {} --client-secret-stdin",
        apps[0]["client_id"].as_str().unwrap()
    );
    for line in [
        "exchange other --grant-token-stdin",
        "exchange other --client-secret-stdin",
        &add,
        "token acme --rejected-stdin",
    ] {
        let outcome = at_a_terminal(&flow.world, line, &[]);
        assert_eq!(outcome.exit_code, 2, "{line}: {outcome:?}");
        assert!(outcome.stdout.contains("stdin_is_terminal"), "{outcome:?}");
        assert!(outcome.stdout.contains("pipe"), "{outcome:?}");
    }
    let pasted = at_a_terminal(&flow.world, "recover --paste", &["=typed", "=\u{4}"]);
    assert_ne!(pasted.exit_code, 0, "{pasted:?}");
    assert!(
        !pasted.stdout.contains("\"reason\":\"stdin_"),
        "a sealed reply is no secret: {pasted:?}"
    );
}
