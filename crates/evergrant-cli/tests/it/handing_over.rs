//! A refresh token that is handed over: it stays in escrow until standard output took it.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    flow::{Failure, Flow},
    world::Outcome,
};

/// Runs an exchange whose standard output is this.
fn exchanged_to(flow: &Flow, name: &str, options: &str, stdout: impl Into<Stdio>) -> Outcome {
    Outcome::of(flow.command(name, options).stdout(stdout))
}

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn closed_pipe() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

/// Tells whether a text has the shape of Zoho's tokens.
fn is_token(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts[0] == "1000" && parts[1].len() == 32 && parts[2].len() == 32
}

#[test]
fn a_printed_refresh_token_is_all_there_is_on_standard_output() {
    let flow = Flow::new();
    let domain = flow.accounts_domain();
    let line = "exchange --print-refresh-token --self-client self_client.json --accounts-domain";
    let outcome = flow.world.run(&format!("{line} {domain}"));
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert!(is_token(outcome.stdout.trim_end()), "{outcome:?}");
    assert!(
        !outcome.stderr.contains(outcome.stdout.trim()),
        "it is nowhere else"
    );
    assert_eq!(flow.rows("SELECT count(*) FROM connections"), "0");
    assert_eq!(flow.rows("SELECT state FROM exchanges"), "done");
    assert_eq!(
        flow.rows("SELECT event FROM audit"),
        "refresh_token_handed_over"
    );
    assert_eq!(flow.escrow(), 0);
    let again = flow.world.run(&format!("{line} {domain}"));
    assert_eq!(again.exit_code, 5, "{again:?}");
    assert!(
        again.stderr.contains("handed over and is not kept"),
        "{again:?}"
    );
}

#[test]
fn a_printed_refresh_token_in_json() {
    let flow = Flow::new();
    let outcome = Outcome::of(&mut flow.command("--print-refresh-token", ""));
    let answer = outcome.answer();
    assert_eq!(
        (&answer["outcome"], &answer["connection"]),
        (&json!("handed_over"), &Value::Null)
    );
    assert!(
        is_token(answer["refresh_token"].as_str().unwrap()),
        "{answer}"
    );
    assert_eq!(flow.escrow(), 0);
    assert_eq!(flow.world.run("recover --json").answer(), json!([]));
}

#[test]
fn what_standard_output_did_not_take_stays_in_escrow() {
    for (options, stdout) in [
        ("", Stdio::from(full_disk())),
        ("", Stdio::from(closed_pipe())),
        ("--quiet", Stdio::from(full_disk())),
    ] {
        let flow = Flow::new();
        let outcome = exchanged_to(&flow, "--print-refresh-token", options, stdout);
        assert_eq!(outcome.exit_code, 1, "{outcome:?}");
        let error = outcome.error();
        assert_eq!(
            (&error["reason"], &error["grant"]),
            (&json!("stdout_unwritable"), &json!("spent"))
        );
        let next = error["next"][0].as_str().unwrap();
        assert!(next.contains("evergrant recover"), "{error}");
        assert_eq!(flow.rows("SELECT count(*) FROM connections"), "0");
        flow.recovers("recovered");
        assert_eq!(flow.world.run("connections show recovered").exit_code, 0);
    }
}

#[test]
fn what_is_kept_needs_no_standard_output() {
    let flow = Flow::new();
    let outcome = exchanged_to(&flow, "acme", "", full_disk());
    assert_eq!(outcome.exit_code, 1, "{outcome:?}");
    let error = outcome.error();
    assert!(
        error["causes"]
            .to_string()
            .contains("acme is kept in the vault"),
        "{error}"
    );
    assert_eq!(error["next"], json!(["evergrant connections show acme"]));
    assert_eq!(flow.world.run("connections show acme").exit_code, 0);
}

#[test]
fn a_refresh_token_that_nobody_would_take_is_not_asked_for() {
    let null = || File::options().write(true).open("/dev/null").unwrap();
    let flow = Flow::new();
    let lost = exchanged_to(&flow, "--print-refresh-token", "", null());
    lost.failed(Failure(2, "usage", "stdout_discarded", "unspent"));

    let prepared = flow.command("--print-refresh-token", "");
    let mut closed = Command::new("sh");
    closed.args(["-c", "exec \"$@\" >&-", "sh"]);
    closed.arg(prepared.get_program()).args(prepared.get_args());
    closed.env("EVERGRANT_HOME", flow.world.path(""));
    closed.current_dir(flow.world.path(""));
    let lost = Outcome::of(&mut closed);
    lost.failed(Failure(2, "usage", "stdout_discarded", "unspent"));
    flow.left_alone();

    // What is kept in the vault needs nobody to take it.
    let kept = exchanged_to(&flow, "acme", "", null());
    assert_eq!(kept.exit_code, 0, "{kept:?}");
}
