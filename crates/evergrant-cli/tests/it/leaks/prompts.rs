//! What a person types where it is not shown.

use std::{fs, process::Command};

use super::{
    Story,
    canaries::{ALL, CLIENT_SECRET, GRANT_TOKEN, MASTER_KEY, none_in},
    children::SPY,
};
use crate::world::Outcome;

#[test]
fn what_is_typed_at_a_hidden_question_is_seen_by_nobody() {
    let story = Story::new();
    story.world.file("given/spy", SPY);
    story.world.file("given/key", MASTER_KEY.text());
    let config = "[[master_key]]\ncommand = [\"sh\", \"given/spy\", \"key\"]\n";
    story.world.file("home/config.toml", config);
    let (secret, grant) = (CLIENT_SECRET.text(), GRANT_TOKEN.token(0));
    let prepared = story.command("exchange acme -vvv", &[("EVERGRANT_LOG", "trace")]);
    let mut python = Command::new("/usr/bin/python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.arg(format!("accounts domain: ={}", story.zoho.url()));
    python.arg("Client ID: =1000.ABCDEFGHIJKLMNOPQRSTUVWXYZ0123");
    // What is wrong with a value is said, and the value is not.
    python.arg(format!("!Client secret (hidden): =\"{secret}\""));
    python.arg(format!("!Client secret (hidden): ={secret}"));
    python.arg(format!(
        "!Grant token (hidden): =https://x.example/?code={grant}"
    ));
    python.arg(format!("!Grant token (hidden): ={grant}"));
    python
        .arg("--")
        .arg(prepared.get_program())
        .args(prepared.get_args());
    python.env_clear().current_dir(story.world.path(""));
    for (name, value) in prepared.get_envs() {
        python.env(name, value.unwrap());
    }
    python.env_remove("EVERGRANT_MASTER_KEY");
    let outcome = Outcome::of(&mut python);
    assert_eq!(outcome.exit_code, 0, "{}{}", outcome.stdout, outcome.stderr);
    none_in(&ALL, outcome.stdout.as_bytes(), "the terminal");
    for said in [
        "quotation marks",
        "is a URL",
        "acme: kept",
        "the request leaves",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {}", outcome.stdout);
    }
    let seen = fs::read(story.world.path("given/seen")).unwrap();
    none_in(&ALL, &seen, "arguments and environment");
    assert!(String::from_utf8_lossy(&seen).contains("exchange\nacme\n"));
    assert!(story.files_hold_none() >= 2, "configuration and vault");
    let request = story.zoho.requests().concat();
    for typed in [CLIENT_SECRET, GRANT_TOKEN] {
        assert_eq!(typed.found_in(request.as_bytes()), Some("clear"));
    }
}
