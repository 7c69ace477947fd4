//! Revoking: at Zoho first, in the vault second, and never halfway without a word.

mod faults;
mod former;
mod old;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    connections::{acme, done, fails},
    flow::Flow,
    story::refresh_token,
    world::{Outcome, World},
};

const OLD: &str = "/oauth/v2/token/revoke";
const NEW: &str = "/oauth/v2/revoke/token";

impl Flow {
    /// Revokes, which must succeed; returns the answer.
    fn revoked(&self, options: &str) -> Value {
        let outcome = done(&self.world, &format!("revoke acme --yes --json {options}"));
        assert_eq!(outcome.warnings("unknown_token"), Vec::<String>::new());
        outcome.answer()
    }

    /// Returns the paths and states of the revocations that the simulator saw.
    fn revocations(&self) -> Vec<(String, Value)> {
        let requests = self.simulator.requests().into_iter();
        let seen = requests.map(|one| {
            (
                one["path"].as_str().unwrap().to_owned(),
                one["status"].clone(),
            )
        });
        seen.filter(|(path, _)| path.contains("revoke")).collect()
    }

    /// Asks the simulator for an access token; returns what the reply holds in `error`.
    fn refresh_error(&self, refresh_token: &str) -> Value {
        let [client_id, client_secret] = ["client_id", "client_secret"].map(|one| self.secret(one));
        let body = format!(
            "grant_type=refresh_token&client_id={client_id}&client_secret={client_secret}&refresh_token={refresh_token}"
        );
        let form = "content-type: application/x-www-form-urlencoded";
        self.send("POST /oauth/v2/token", form, &body)["error"].take()
    }

    /// Reads a contact with an access token; returns the API's word for what was wrong.
    fn api_error(&self, access_token: &str) -> Value {
        let header = format!("authorization: Zoho-oauthtoken {access_token}");
        self.send("GET /crm/v8/Contacts?fields=id", &header, "")["code"].take()
    }

    fn send(&self, line: &str, header: &str, body: &str) -> Value {
        let host = self
            .simulator
            .accounts_domain()
            .strip_prefix("http://")
            .unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Returns the refresh token of `acme`.
    fn refresh_token(&self) -> String {
        refresh_token(&self.world, "acme").unwrap()
    }

    /// Returns the access token of `acme`; `None` if it gives none.
    fn access_token(&self) -> Option<String> {
        let outcome = self.world.run("token acme");
        (outcome.exit_code == 0).then(|| outcome.stdout.trim_end().to_owned())
    }

    /// Asserts that the vault says `healthy`, and of nothing that was revoked.
    fn nothing_changed(&self) {
        assert_eq!(
            self.rows("SELECT state, state_reason FROM connections"),
            "healthy|"
        );
        assert_eq!(self.rows("SELECT event FROM audit"), "connection_created");
        assert_eq!(
            self.rows("SELECT count(*) FROM refreshes WHERE refused_ms IS NOT NULL"),
            "0"
        );
    }
}

#[test]
fn refresh_token_and_access_token_are_dead_afterwards() {
    let flow = acme();
    let (refresh, access) = (flow.refresh_token(), flow.access_token().unwrap());
    assert_eq!(flow.api_error(&access), Value::Null);
    let answer = flow.revoked("");
    assert_eq!(
        answer,
        json!({ "connection": "acme", "outcome": "revoked", "former_revoked": 0 })
    );
    assert_eq!(flow.revocations(), [(OLD.to_owned(), json!(200))]);
    assert_eq!(
        flow.simulator.requests().last().unwrap()["parameters_in"],
        "body"
    );
    assert_eq!(flow.refresh_error(&refresh), "invalid_code");
    assert_eq!(flow.api_error(&access), "INVALID_TOKEN");
    assert_eq!(flow.access_token(), None);
    assert_eq!(
        flow.rows("SELECT count(*) FROM refreshes WHERE refused_ms IS NULL"),
        "0"
    );

    let show = done(&flow.world, "connections show acme --json").answer();
    assert_eq!(
        (&show["state"], &show["access_token"]),
        (&json!("revoked"), &Value::Null)
    );
    assert_eq!(show["state_reason"], "on request");
    assert_eq!(
        flow.rows("SELECT event, detail FROM audit WHERE seq > 2"),
        "revoked|on request\nstate_changed|healthy -> revoked: on request"
    );
}

#[test]
fn what_is_revoked_is_not_revoked_again() {
    let flow = acme();
    flow.revoked("");
    let again = done(&flow.world, "revoke acme");
    assert!(again.stderr.contains("was revoked before"), "{again:?}");
    assert_eq!(flow.revoked("")["outcome"], "already_revoked");
    assert_eq!(flow.revocations().len(), 1);
    assert_eq!(flow.rows("SELECT count(*) FROM audit"), "3");
}

#[test]
fn its_place_is_free_and_its_row_stays_until_it_is_removed() {
    let flow = acme();
    flow.revoked("");
    assert_eq!(
        flow.rows("SELECT count(refresh_token_sealed) FROM connections"),
        "1"
    );
    let doctor = flow.world.run("doctor --offline --json");
    assert!(
        doctor.stdout.contains("0 of the 20 refresh tokens"),
        "{doctor:?}"
    );
    let removed = done(&flow.world, "connections remove acme --yes");
    assert!(!removed.stderr.contains("stays valid"), "{removed:?}");
    assert_eq!(flow.kept_again("")["places"]["used"], 1);
}

#[test]
fn a_new_grant_makes_it_healthy_again() {
    let flow = acme();
    flow.revoked("");
    let answer = flow.kept_again("--replace");
    assert_eq!(
        (&answer["outcome"], &answer["places"]["used"]),
        (&json!("replaced"), &json!(1))
    );
    assert_eq!(
        flow.rows("SELECT state, state_reason FROM connections"),
        "healthy|"
    );
    assert_eq!(flow.refresh_error(&flow.refresh_token()), Value::Null);
    assert_eq!(
        flow.revoked("--former")["former_revoked"],
        0,
        "it was revoked before"
    );
}

#[test]
fn nobody_is_revoked_without_a_yes() {
    let flow = acme();
    for line in ["revoke acme", "revoke acme --former"] {
        fails(&flow.world, line, 2, "not_confirmed");
    }
    for (answer, revoked) in [("", 0), ("n", 0), ("yes", 1)] {
        let mut python = Command::new("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
        python.arg(format!("[y/N] ={answer}"));
        python.args(["--", env!("CARGO_BIN_EXE_evergrant"), "revoke", "acme"]);
        python.env("EVERGRANT_HOME", flow.world.path(""));
        let outcome = Outcome::of(python.env_remove("EVERGRANT_CONFIG"));
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        assert_eq!(flow.revocations().len(), revoked, "{answer}: {outcome:?}");
    }
}

#[test]
fn what_is_not_there_cannot_be_revoked() {
    fails(&World::new(), "revoke acme --yes", 3, "no_such_connection");
    let flow = acme();
    fails(&flow.world, "revoke nobody --yes", 3, "no_such_connection");
    let sql =
        "UPDATE connections SET grant_type = 'client_credentials', refresh_token_sealed = NULL";
    flow.rows(sql);
    fails(&flow.world, "revoke acme --yes", 3, "nothing_to_revoke");
    assert_eq!(flow.revocations(), []);
}

#[test]
fn either_of_zohos_paths_will_do() {
    for (there, success, expected) in [
        (OLD, "status", vec![(OLD, 200)]),
        (NEW, "status", vec![(OLD, 404), (NEW, 200)]),
        (NEW, "empty", vec![(OLD, 404), (NEW, 200)]),
    ] {
        let flow = acme().manners(json!({ "revoke_path": there, "revoke_success": success }));
        let refresh = flow.refresh_token();
        assert_eq!(flow.revoked("")["outcome"], "revoked", "{there}");
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, status)| ((*path).to_owned(), json!(status)))
            .collect();
        assert_eq!(flow.revocations(), expected);
        assert_eq!(flow.refresh_error(&refresh), "invalid_code");
    }
}
