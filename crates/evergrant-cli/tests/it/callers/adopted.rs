//! Software that goes on with what it holds.

use super::*;

#[test]
fn software_is_adopted_with_what_it_has() {
    let flow = acme();
    let adopted = done(&flow.world, &format!("{} --json", adopt(&flow, "legacy"))).answer();
    assert_eq!(
        (&adopted["adopted"], &adopted["client_id"]),
        (&json!(true), &json!("1000.OLD"))
    );
    let error = fails(&flow.world, &adopt(&flow, "again"), 3, "already_adopted");
    assert!(!error.to_string().contains("fedcbafe"), "{error}");
    fails(&flow.world, "callers rotate legacy", 3, "adopted");
    let error = fails(
        &flow.world,
        "callers adopt other --connection acme",
        2,
        "missing_input",
    );
    assert_eq!(error["next"].as_array().unwrap().len(), 3, "{error}");
    let both = "callers adopt other --connection acme --client-secret-stdin --refresh-token-stdin";
    fails(&flow.world, both, 2, "two_from_stdin");
    let line = format!("callers adopt other --connection acme --refresh-token {REFRESH_TOKEN}");
    let error = fails(&flow.world, &line, 2, "secret_as_value");
    assert!(!error.to_string().contains("fedcbafe"), "{error}");
}

#[test]
fn what_cannot_be_zohos_is_not_adopted() {
    let flow = acme();
    let handle = add(&flow, "--connection acme --json").answer()["handles"][0].clone();
    let line = adopt(&flow, "legacy");
    for (secret, token, reason) in [
        ("s3cr3", REFRESH_TOKEN, "too_simple"),
        (REFRESH_TOKEN, REFRESH_TOKEN, "same_for_both"),
        (
            "old-secret-of-legacy",
            handle["refresh_token"].as_str().unwrap(),
            "own_credential",
        ),
    ] {
        flow.world.file("secret", secret);
        flow.world.file("token", token);
        fails(&flow.world, &line, 2, reason);
    }
}

#[test]
fn what_is_not_given_of_software_is_asked_for_at_a_terminal() {
    let flow = acme();
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.arg("Client ID: =1000.OLD");
    python.arg("!Client secret (hidden): =old-secret-of-legacy");
    python.arg(format!("!Refresh token (hidden): ={REFRESH_TOKEN}"));
    python.args(["--", env!("CARGO_BIN_EXE_evergrant")]);
    python.args(["callers", "adopt", "legacy", "--connection", "acme"]);
    python.env("EVERGRANT_HOME", flow.world.path(""));
    let outcome = Outcome::of(python.env_remove("EVERGRANT_CONFIG"));
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains("legacy: adopted"), "{outcome:?}");
    assert!(!outcome.stdout.contains("fedcbafe"), "{outcome:?}");
}
