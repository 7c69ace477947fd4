//! Connections that no exchange made: tokens taken over from other programs' files, and client credentials.

mod client_credentials;
mod undone;

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    connections::{done, fails},
    flow::{Flow, SCOPE},
    world::Outcome,
};

const COLUMNS: &str = "id,user_name,client_id,client_secret,refresh_token,access_token,grant_token,expiry_time,redirect_uri,api_domain";

/// A refresh token that another program has: made at the simulator by a vault that is gone.
struct Foreign {
    flow: Flow,
    client_id: String,
    client_secret: String,
    refresh_token: String,
}

impl Foreign {
    fn new() -> Self {
        let flow = Flow::new();
        let printed = Outcome::of(&mut flow.command("--print-refresh-token", ""));
        let refresh_token = printed.answer()["refresh_token"]
            .as_str()
            .unwrap()
            .to_owned();
        for file in ["vault.db", "vault.db-wal", "vault.db-shm"] {
            let _ = fs::remove_file(flow.world.path(file));
        }
        Self {
            client_id: flow.secret("client_id"),
            client_secret: flow.secret("client_secret"),
            refresh_token,
            flow,
        }
    }

    /// Writes a store as the FileStore of the official Python SDK, version 7.0.0, does: its columns, its quotes,
    /// its line ends.
    fn sdk_store(&self) {
        let row = [
            "2f0e7a52-6c3f-4a64-b6a9-0f6f3e0b9a11",
            "\"Müller, \"\"Anna\"\"\"",
            &self.client_id,
            &self.client_secret,
            &self.refresh_token,
            "1000.old.old",
            "",
            "1700000000000",
            "",
            self.flow.accounts_domain(),
        ];
        let store = format!("{COLUMNS}\r\n{}\r\n", row.join(","));
        self.flow.world.file("sdk_tokens.txt", &store);
    }

    fn env_file(&self, client_secret: &str, refresh_token: &str) {
        let text = format!(
            "# shared\nexport ZOHO_CLIENT_ID={}\nZOHO_CLIENT_SECRET='{client_secret}'\n\
             ZOHO_REFRESH_TOKEN=\"{refresh_token}\"\nZOHO_ACCOUNTS_URL={}\n",
            self.client_id,
            self.flow.accounts_domain(),
        );
        self.flow.world.file(".env", &text);
    }

    fn refreshes(&self) -> usize {
        self.calls("refresh_token")
    }

    fn calls(&self, grant_type: &str) -> usize {
        let requests = self.flow.simulator.requests();
        let refreshes = requests
            .iter()
            .filter(|one| one["grant_type"] == grant_type);
        refreshes.count()
    }

    /// Imports, which must succeed, and gets the same token by `evergrant token`, without a further refresh.
    fn taken_over(&self, options: &str) -> Value {
        let before = self.refreshes();
        let imported = done(
            &self.flow.world,
            &format!("connections import acme --json {options}"),
        );
        let shown = imported.answer();
        assert_eq!(
            shown,
            done(&self.flow.world, "connections show acme --json").answer()
        );
        assert_eq!(
            (&shown["state"], &shown["state_reason"]),
            (&json!("healthy"), &Value::Null)
        );
        let token = done(&self.flow.world, "token acme --json").answer();
        assert_eq!(token["expires_at"], shown["access_token"]["expires_at"]);
        assert_eq!(token["api_domain"], self.flow.accounts_domain());
        assert_eq!(self.refreshes(), before + 1, "one refresh, by the import");
        shown
    }

    /// Asserts that a failed import or addition left nothing but its story.
    #[track_caller]
    fn is_as_it_was(&self) {
        for table in ["connections", "app_secrets", "apps"] {
            assert_eq!(
                self.flow.rows(&format!("SELECT count(*) FROM {table}")),
                "0",
                "{table}"
            );
        }
        let last = "SELECT event FROM audit ORDER BY seq DESC LIMIT 1";
        assert_eq!(self.flow.rows(last), "import_undone");
    }
}

#[test]
fn an_official_sdks_store_is_taken_over_and_left_alone() {
    let foreign = Foreign::new();
    foreign.sdk_store();
    let path = foreign.flow.world.path("sdk_tokens.txt");
    let before = fs::read(&path).unwrap();
    let domain = foreign.flow.accounts_domain();
    let shown = foreign.taken_over(&format!("--from sdk_tokens.txt --accounts-domain {domain}"));
    assert_eq!(shown["grant_type"], "refresh_token");
    assert_eq!(shown["client_id"], foreign.client_id.as_str());
    assert_eq!(
        shown["scopes"],
        serde_json::json!(["ZohoCRM.modules.ALL"]),
        "as Zoho answered"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    let events = "SELECT event FROM audit WHERE event LIKE 'connection%'";
    assert_eq!(foreign.flow.rows(events), "connection_imported");
    assert_eq!(
        foreign
            .flow
            .rows("SELECT count(*) FROM app_secrets WHERE last_accepted_at IS NOT NULL"),
        "1"
    );
}

#[test]
fn a_store_that_others_can_read_brings_a_warning_and_advice() {
    let foreign = Foreign::new();
    foreign.sdk_store();
    let path = foreign.flow.world.path("sdk_tokens.txt");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let domain = foreign.flow.accounts_domain();
    let line = format!("connections import acme --from sdk_tokens.txt --accounts-domain {domain}");
    let outcome = done(&foreign.flow.world, &line);
    assert_eq!(outcome.stdout, "");
    for said in [
        "others can read sdk_tokens.txt",
        "delete it once",
        "evergrant token acme",
    ] {
        assert!(outcome.stderr.contains(said), "{outcome:?}");
    }
}

#[test]
fn variables_an_env_file_and_a_tokens_file_are_taken_over() {
    let foreign = Foreign::new();
    let (world, domain) = (&foreign.flow.world, foreign.flow.accounts_domain());
    let (id, secret, token) = (
        &foreign.client_id,
        &foreign.client_secret,
        &foreign.refresh_token,
    );
    foreign.env_file(secret, token);
    foreign.taken_over("--from .env");

    done(world, "connections remove acme --yes");
    world.file("secret", secret);
    world.file(
        "tokens.json",
        &json!({ "accessToken": "1000.x", "refreshToken": token, "expiresAt": 1 }).to_string(),
    );
    let options =
        format!("--client-id {id} --client-secret-file secret --accounts-domain {domain}");
    foreign.taken_over(&format!("--from tokens.json {options}"));

    done(world, "connections remove acme --yes");
    let exported = |value: &str| json!({ "Value": json!(value).to_string(), "IsSecret": false });
    world.file(
        "vars.json",
        &json!({
            "AccountsDomain": exported(domain), "ZohoClientId": exported(id),
            "ZohoClientSecret": exported(secret), "ZohoRefreshToken": exported(token),
        })
        .to_string(),
    );
    foreign.taken_over("--from vars.json");
}

#[test]
fn what_is_missing_is_named_and_nothing_is_sent() {
    let foreign = Foreign::new();
    let sent = foreign.flow.simulator.requests().len();
    foreign
        .flow
        .world
        .file("tokens.json", r#"{"refreshToken":"1000.r.r"}"#);
    let error = fails(
        &foreign.flow.world,
        "connections import acme --from tokens.json",
        2,
        "missing_input",
    );
    assert_eq!(
        error["message"],
        "missing: accounts domain, client ID, client secret"
    );
    let causes = error["causes"].to_string();
    assert!(
        causes.contains("tokens.json does not hold: client ID"),
        "{causes}"
    );
    assert_eq!(
        (&error["grant"], foreign.flow.simulator.requests().len()),
        (&Value::Null, sent)
    );
}

#[test]
fn a_refresh_token_that_the_vault_knows_is_refused() {
    let foreign = Foreign::new();
    let world = &foreign.flow.world;
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
    let sent = foreign.flow.simulator.requests().len();
    let line = "connections import again --from .env";
    let error = fails(world, line, 3, "known_already");
    assert!(
        error["message"].as_str().unwrap().contains("acme"),
        "{error}"
    );
    fails(
        world,
        "connections import acme --from .env",
        3,
        "name_taken",
    );

    // The same token, brought with the name of another data center.
    let elsewhere = "connections import again --from .env --data-center eu";
    fails(world, elsewhere, 3, "known_already");

    // An access token of ours is no refresh token.
    let token = done(world, "token acme").stdout;
    foreign.env_file(&foreign.client_secret, token.trim());
    fails(world, line, 3, "no_refresh_token");
    assert_eq!(
        foreign.flow.simulator.requests().len(),
        sent,
        "nothing was sent"
    );

    // One that was replaced here is still known.
    foreign.flow.grant(json!({ "scope": SCOPE }));
    foreign.flow.kept("--replace");
    foreign.env_file(&foreign.client_secret, &foreign.flow.secret("code"));
    fails(world, line, 3, "no_refresh_token");
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    let error = fails(world, line, 3, "known_already");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("before its present one"),
        "{error}"
    );
    assert_eq!(foreign.flow.rows("SELECT count(*) FROM connections"), "1");
}

#[test]
fn a_removed_connections_token_may_come_back() {
    let foreign = Foreign::new();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
    done(&foreign.flow.world, "connections remove acme --yes");
    foreign.taken_over("--from .env");
    assert_eq!(foreign.flow.rows("SELECT count(*) FROM app_secrets"), "1");
}

#[test]
fn an_api_domain_that_is_not_zohos_is_not_believed() {
    let foreign = Foreign::new();
    foreign.sdk_store();
    let path = foreign.flow.world.path("sdk_tokens.txt");
    let domain = foreign.flow.accounts_domain().to_owned();
    let store = fs::read_to_string(&path)
        .unwrap()
        .replace(&domain, "https://evil.example");
    foreign.flow.world.file("sdk_tokens.txt", &store);
    let line =
        format!("connections import acme --json --from sdk_tokens.txt --accounts-domain {domain}");
    let outcome = done(&foreign.flow.world, &line);
    assert!(
        outcome
            .warning("foreign_api_domain")
            .unwrap()
            .contains("evil.example")
    );
    assert_eq!(outcome.answer()["api_domain"], domain);
}
