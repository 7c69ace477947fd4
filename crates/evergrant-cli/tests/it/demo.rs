//! `evergrant demo`: short, true, and the same exchange as the real one.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{flow::Flow, simulator::control, world::World};

#[test]
fn it_fits_on_a_screen_and_ends_well() {
    let world = World::new();
    let outcome = world.run("demo");
    assert_eq!(
        (outcome.exit_code, outcome.stdout.as_str()),
        (0, ""),
        "{outcome:?}"
    );
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!(lines.len() <= 25, "{}", outcome.stderr);
    for (start, words) in [
        ("1  ", "lives 3 min, works once"),
        ("2  ", "exchange demo --self-client self_client.json"),
        ("3  ", "invalid_code"),
        ("4  ", "evergrant recover: kept"),
        ("5  ", "1 contact read (Anna Müller)"),
    ] {
        let line = lines.iter().find(|line| line.starts_with(start)).unwrap();
        assert!(line.contains(words), "{line}");
    }
}

#[test]
fn in_json_it_says_where_everything_is() {
    let world = World::new();
    let gone = world.run("demo --json").answer();
    assert_eq!(
        gone,
        json!({ "kept": false, "accounts_domain": null, "control": null, "home": null })
    );
    let mut command = world.command(["demo", "--keep", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let kept: Value = serde_json::from_str(&line).unwrap();
    let address = kept["control"].as_str().unwrap();
    assert!(control(address, "GET", "/stats", &Value::Null).is_object());
    assert!(
        Path::new(kept["home"].as_str().unwrap())
            .join("vault.db")
            .exists()
    );
    stop(&mut child);
}

#[test]
fn it_leaves_nothing_behind() {
    let world = World::new();
    assert_eq!(world.run("demo").exit_code, 0);
    assert_eq!(std::fs::read_dir(world.path("")).unwrap().count(), 0);
}

#[test]
fn the_callers_own_settings_do_not_reach_it() {
    let world = World::new();
    let mut command = world.command(["demo"]);
    command
        .env("ZOHO_GRANT_TOKEN", "1000.not.this")
        .env("ZOHO_REGION", "eu");
    command.env("EVERGRANT_MASTER_KEY", "nonsense");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Runs the demo until it says that it is still running, and returns the requests that its simulator saw.
fn requests_of_the_demo() -> Vec<Value> {
    let world = World::new();
    let mut command = world.command(["demo", "--keep"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("Still running"))
        .unwrap();
    let address = line
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .trim_end_matches(',');
    let requests = control(address, "GET", "/requests", &Value::Null);
    stop(&mut child);
    requests.as_array().unwrap().clone()
}

fn stop(child: &mut Child) {
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(kill.unwrap().success());
    assert!(child.wait().unwrap().success());
}

/// Takes out of a request what differs from run to run.
fn comparable(mut request: Value) -> Value {
    for member in ["seq", "time", "client_id"] {
        request[member] = json!(null);
    }
    for (_, hash) in request["tokens"].as_object_mut().unwrap() {
        *hash = json!(hash.is_string());
    }
    request
}

#[test]
fn its_exchange_is_the_real_one() {
    let flow = Flow::new();
    flow.kept("");
    let real = comparable(flow.simulator.requests().remove(0));
    let mut requests = requests_of_the_demo();
    let refreshes = requests.iter();
    let refreshes = refreshes.filter(|request| request["grant_type"] == "refresh_token");
    assert_eq!(refreshes.count(), 0, "the exchange's access token will do");
    let demo = comparable(requests.remove(0));
    assert_eq!(demo, real);
    assert_eq!(demo["grant_type"], "authorization_code");
}
