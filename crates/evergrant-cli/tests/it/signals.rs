//! Ctrl-C and SIGTERM: before the request at once, after it only when its answer is here or given up.

mod refresh;

use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    flow::{Failure, Flow},
    listener::{self, Listener},
    world::Outcome,
};

/// How long a test waits before it looks whether a program still runs.
const MOMENT: Duration = Duration::from_millis(300);

/// The two signals with their exit codes.
const SIGNALS: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

fn start(flow: &Flow) -> Child {
    start_command(flow.command("acme", ""))
}

fn start_command(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.unwrap().success());
}

fn end(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), None, "it ends by itself");
    output.into()
}

fn still_runs(child: &mut Child) -> bool {
    std::thread::sleep(MOMENT);
    child.try_wait().unwrap().is_none()
}

fn granted() -> String {
    let token = |digit: &str| format!("1000.{}.{}", digit.repeat(32), digit.repeat(32));
    let body =
        json!({ "access_token": token("a"), "refresh_token": token("b"), "expires_in": 3600 });
    listener::reply(&body.to_string())
}

fn recover_list(flow: &Flow) -> Value {
    flow.world.run("recover --list --json").answer()
}

#[test]
fn before_the_request_it_stops_at_once_and_the_grant_is_whole() {
    for (name, exit_code) in SIGNALS {
        let (listener, heard, _says) = Listener::that_waits();
        let flow = Flow::new().at(&format!("https://{}", listener.address()));
        let mut child = start(&flow);
        heard.recv().unwrap();
        // It is connecting, and meanwhile opens the vault.
        assert!(still_runs(&mut child));
        signal(&child, name);
        let outcome = end(child);
        assert_eq!(outcome.exit_code, exit_code, "{outcome:?}");
        let said = outcome.warning("stopped").unwrap();
        assert!(said.contains("the grant token is whole"), "{said}");
        let list = recover_list(&flow);
        let mut left = list.as_array().unwrap().iter();
        assert!(left.all(|record| record["state"] == "prepared"), "{list}");
        let domain = flow.simulator.accounts_domain().to_owned();
        assert_eq!(flow.at(&domain).kept("")["attempts"], 1);
    }
}

#[test]
fn before_the_request_a_grant_whose_answer_was_lost_before_is_not_called_whole() {
    let (listener, heard, _says) = Listener::that_waits();
    let flow = Flow::new().fault(json!({ "do": "reset-after" }));
    flow.exchange("--max-retries 0");
    let flow = flow.at(&format!("https://{}", listener.address()));
    let mut child = start(&flow);
    heard.recv().unwrap();
    // It is connecting, and meanwhile gets escrow and vault ready.
    assert!(still_runs(&mut child));
    signal(&child, "INT");
    let outcome = end(child);
    assert_eq!(outcome.exit_code, 130, "{outcome:?}");
    assert!(outcome.warning("stopped").unwrap().contains("unknown"));
    let recovered = flow.world.run("recover --json").answer();
    assert_eq!(recovered[0]["outcome"], "unknown");
    assert_eq!(flow.escrow(), 0);
}

#[test]
fn after_the_request_it_waits_for_the_answer_and_keeps_it() {
    for (name, _) in SIGNALS {
        let (listener, heard, says) = Listener::that_waits();
        let flow = Flow::new().at(&format!("http://{}", listener.address()));
        let mut child = start(&flow);
        assert!(heard.recv().unwrap().starts_with("POST /oauth/v2/token"));
        signal(&child, name);
        assert!(still_runs(&mut child));
        says.send(granted()).unwrap();
        let outcome = end(child);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let said = outcome.warning("waiting").unwrap();
        assert!(said.contains("once more to give it up"), "{said}");
        assert_eq!(flow.world.run("connections show acme").exit_code, 0);
        assert_eq!(flow.escrow(), 0);
    }
}

#[test]
fn the_second_signal_gives_up_and_leaves_the_record() {
    for (name, exit_code) in SIGNALS {
        let (listener, heard, _says) = Listener::that_waits();
        let flow = Flow::new().at(&format!("http://{}", listener.address()));
        let mut child = start(&flow);
        heard.recv().unwrap();
        signal(&child, name);
        assert!(still_runs(&mut child));
        signal(&child, name);
        let outcome = end(child);
        assert_eq!(outcome.exit_code, exit_code, "{outcome:?}");
        let said = outcome.warning("stopped").unwrap();
        assert!(said.contains("unknown"), "{said}");
        assert_eq!(
            (flow.escrow(), &recover_list(&flow)[0]["state"]),
            (1, &json!("sending"))
        );
        let again = flow.exchange("");
        again.failed(Failure(5, "grant_dead", "grant_used", "unknown"));
        // It connects while it looks into the vault: there may be a connection, never a request.
        let request = heard.recv_timeout(MOMENT).unwrap_or_default();
        assert_eq!(request, "", "nothing was sent");
        assert!(listener.connections() <= 2);
    }
}

#[test]
fn whoever_asked_to_stop_did_not_ask_for_another_try() {
    let (listener, heard, says) = Listener::that_waits();
    let flow = Flow::new().at(&format!("http://{}", listener.address()));
    let mut child = start(&flow);
    heard.recv().unwrap();
    signal(&child, "INT");
    assert!(still_runs(&mut child));
    // The connection ends without a byte of an answer.
    says.send(String::new()).unwrap();
    let outcome = end(child);
    assert_eq!(outcome.exit_code, 130, "{outcome:?}");
    assert!(outcome.warning("stopped").unwrap().contains("unknown"));
    assert_eq!((listener.connections(), flow.escrow()), (1, 1));
}

#[test]
fn between_two_tries_the_grant_is_not_called_whole() {
    let listener = Listener::that_hears_and_hangs_up();
    let flow = Flow::new()
        .config("[http]\nretry_delay = \"60s\"\n")
        .at(&format!("http://{}", listener.address()));
    let mut child = start(&flow);
    while listener.connections() == 0 {
        std::thread::sleep(MOMENT / 30);
    }
    assert!(still_runs(&mut child));
    signal(&child, "TERM");
    let outcome = end(child);
    assert_eq!(outcome.exit_code, 143, "{outcome:?}");
    assert!(outcome.warning("stopped").unwrap().contains("unknown"));
    let again = flow.exchange("");
    again.failed(Failure(5, "grant_dead", "grant_used", "unknown"));
}

/// Exchanges at a terminal, where a person answers the question whether to delete `self_client.json`.
fn asked_to_delete(flow: &Flow, answer: &str) -> Outcome {
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.arg(format!("Delete it? [y/N] ={answer}"));
    python.args(["--", env!("CARGO_BIN_EXE_evergrant"), "exchange", "acme"]);
    python.args(["--self-client", "self_client.json"]);
    python.args(["--accounts-domain", flow.accounts_domain()]);
    python.current_dir(flow.world.path(""));
    python.env("EVERGRANT_HOME", flow.world.path(""));
    Outcome::of(python.env_remove("EVERGRANT_CONFIG"))
}

#[test]
fn at_the_last_question_ctrl_c_ends_it_and_all_is_kept() {
    for (answer, exit_code, is_there) in [("\u{3}", 130, true), ("n", 0, true), ("y", 0, false)] {
        let flow = Flow::new();
        let outcome = asked_to_delete(&flow, answer);
        assert_eq!(outcome.exit_code, exit_code, "{outcome:?}");
        let log = flow.world.path("vault.db-wal");
        assert!(!log.exists(), "the vault was closed");
        let file = flow.world.path("self_client.json");
        assert_eq!(file.exists(), is_there, "{outcome:?}");
        let still = outcome.stdout.contains("\nself_client.json still holds");
        assert_eq!(still, is_there, "{outcome:?}");
        assert!(outcome.stderr.contains("typing is shown"), "{outcome:?}");
        assert_eq!(flow.world.run("connections show acme").exit_code, 0);
        let left = (flow.escrow(), recover_list(&flow));
        assert_eq!(left, (0, json!([])), "nothing is half done");
    }
}
