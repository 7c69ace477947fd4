//! Connections that no exchange made: tokens taken over from other programs' files, and client credentials.

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
fn a_dead_refresh_token_is_found_out_at_once_and_taken_back() {
    let foreign = Foreign::new();
    // What people save instead: an access token of another program.
    foreign.env_file(&foreign.client_secret, "1000.dead.dead");
    let line = "connections import acme --from .env";
    for attempt in 1..=2 {
        let error = fails(&foreign.flow.world, line, 4, "invalid_code");
        for said in ["access tokens", "nothing was kept", ".env was left alone"] {
            assert!(error["causes"].to_string().contains(said), "{error}");
        }
        assert_eq!(
            foreign.refreshes(),
            attempt,
            "one refusal is enough, and nobody waits"
        );
        foreign.is_as_it_was();
    }
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
}

#[test]
fn a_refused_app_is_taken_back_and_may_be_mended_at_once() {
    let foreign = Foreign::new();
    foreign.env_file("wrong", &foreign.refresh_token);
    let line = "connections import acme --from .env";
    let error = fails(&foreign.flow.world, line, 3, "app_refused");
    assert!(
        error["message"].as_str().unwrap().contains("client secret"),
        "{error}"
    );
    foreign.is_as_it_was();
    let unknown = format!("{line} --client-id 1000.UNKNOWN");
    let error = fails(&foreign.flow.world, &unknown, 3, "app_refused");
    assert!(
        error["message"].as_str().unwrap().contains("1000.UNKNOWN"),
        "{error}"
    );
    foreign.is_as_it_was();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
}

#[test]
fn a_secret_that_an_import_proved_heals_the_other_connections_of_the_app() {
    let foreign = Foreign::new();
    let flow = &foreign.flow;
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
    flow.grant(json!({ "scope": SCOPE }));
    let printed = Outcome::of(&mut flow.command("--print-refresh-token", ""));
    let another = printed.answer()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned();
    // As after the app's client secret was renewed.
    flow.rows(
        "UPDATE connections SET state = 'app_refused', state_reason = 'invalid_client_secret'",
    );
    foreign.env_file(&foreign.client_secret, &another);
    done(&flow.world, "connections import other --from .env");
    done(&flow.world, "token acme --force-new --reserve");
}

#[test]
fn a_failed_import_leaves_the_other_connections_of_the_app() {
    let foreign = Foreign::new();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
    foreign.env_file("another", "1000.dead.dead");
    let line = "connections import other --from .env";
    fails(&foreign.flow.world, line, 4, "invalid_code");
    let rows = "SELECT (SELECT count(*) FROM apps), (SELECT count(*) FROM app_secrets), (SELECT count(*) FROM connections)";
    assert_eq!(foreign.flow.rows(rows), "1|1|1");
    done(&foreign.flow.world, "token acme --force-new --reserve");
}

#[test]
fn zoho_being_unwell_is_taken_back_with_the_time_to_try_again() {
    let foreign = Foreign::new();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    let line = "connections import acme --from .env";
    let refused = json!([{ "on": "refresh", "do": "status", "status": 503, "times": 1 }]);
    let flow = &foreign.flow;
    flow.simulator
        .control("PUT", "/faults", &json!({ "plan": refused }));
    let error = fails(&flow.world, line, 7, "unavailable");
    assert!(error["retry_at"].is_string(), "{error}");
    foreign.is_as_it_was();
    // Nobody asks again before that, whoever tries.
    let sent = foreign.refreshes();
    let error = fails(&flow.world, line, 7, "unavailable");
    assert!(error["retry_at"].is_string(), "{error}");
    assert_eq!(foreign.refreshes(), sent);
    foreign.is_as_it_was();
}

#[test]
fn a_throttled_refresh_token_is_not_asked_for_again() {
    let foreign = Foreign::new();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    let (line, flow) = ("connections import acme --from .env", &foreign.flow);
    let refused =
        json!([{ "on": "refresh", "do": "refuse", "error": "Access Denied", "times": 1 }]);
    flow.simulator
        .control("PUT", "/faults", &json!({ "plan": refused }));
    for _ in 0..2 {
        let error = fails(&flow.world, line, 6, "access_denied");
        assert!(error["retry_at"].is_string(), "{error}");
        foreign.is_as_it_was();
    }
    assert_eq!(foreign.refreshes(), 1);
}

#[test]
fn a_server_that_is_not_there_is_taken_back() {
    let foreign = Foreign::new();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    let line = "connections import acme --from .env --accounts-domain http://127.0.0.1:1";
    let error = fails(&foreign.flow.world, line, 7, "unavailable");
    assert!(error["retry_at"].is_string(), "{error}");
    foreign.is_as_it_was();
}

#[test]
fn an_import_that_was_killed_says_that_it_is_not_verified() {
    let foreign = Foreign::new();
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    let flow = &foreign.flow;
    let late = json!([{ "on": "refresh", "do": "delay", "seconds": 60, "times": 1 }]);
    flow.simulator
        .control("PUT", "/faults", &json!({ "plan": late }));
    let line = "connections import acme --from .env";
    let mut child = flow.world.command(line.split_whitespace()).spawn().unwrap();
    while foreign.refreshes() == 0 {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let shown = done(&flow.world, "connections show acme --json").answer();
    assert_eq!(
        (&shown["state"], &shown["state_reason"]),
        (&json!("failing"), &json!("not verified yet"))
    );
    fails(&flow.world, line, 3, "name_taken");
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

#[test]
fn client_credentials_need_no_refresh_token() {
    let foreign = Foreign::new();
    let world = &foreign.flow.world;
    world.file("secret", &foreign.client_secret);
    let app = format!(
        "--client-credentials --scope ZohoCRM.modules.READ,ZohoCRM.users.READ --client-id {} --client-secret-file secret \
         --accounts-domain {}",
        foreign.client_id,
        foreign.flow.accounts_domain()
    );
    let shown = done(world, &format!("connections add robot {app} --json")).answer();
    assert_eq!(shown["grant_type"], "client_credentials");
    assert_eq!(
        shown["scopes"],
        json!(["ZohoCRM.modules.READ", "ZohoCRM.users.READ"])
    );
    let token = done(world, "token robot --json").answer();
    assert_eq!(token["expires_at"], shown["access_token"]["expires_at"]);
    assert_eq!(foreign.calls("client_credentials"), 1);
    let row = "SELECT refresh_token_sealed IS NULL, soid IS NULL FROM connections";
    assert_eq!(foreign.flow.rows(row), "1|1");

    // The same in another order is the same; with an organisation it is not.
    let swapped = app.replace(
        "ZohoCRM.modules.READ,ZohoCRM.users.READ",
        "ZohoCRM.users.READ,ZohoCRM.modules.READ",
    );
    fails(
        world,
        &format!("connections add other {swapped}"),
        3,
        "known_already",
    );
    done(
        world,
        &format!("connections add other {app} --soid ZohoCRM.123"),
    );
    assert_eq!(
        foreign
            .flow
            .rows("SELECT soid FROM connections WHERE name = 'other'"),
        "ZohoCRM.123"
    );
    done(world, "token robot --force-new --reserve");
    assert_eq!(foreign.calls("client_credentials"), 3);
}

#[test]
fn zoho_that_wants_an_organisation_is_understood() {
    let foreign = Foreign::new();
    let flow = &foreign.flow;
    flow.simulator
        .control("PATCH", "/manners", &json!({ "soid": "required" }));
    flow.world.file("secret", &foreign.client_secret);
    let line = format!(
        "connections add robot --client-credentials --scope ZohoCRM.modules.READ --client-id {} --client-secret-file secret \
         --accounts-domain {}",
        foreign.client_id,
        flow.accounts_domain()
    );
    let error = fails(&flow.world, &line, 3, "app_refused");
    assert!(error["next"].to_string().contains("--soid"), "{error}");
    foreign.is_as_it_was();
    done(&flow.world, &format!("{line} --soid ZohoCRM.123"));
    assert_eq!(foreign.calls("client_credentials"), 2);
}

#[test]
fn an_app_of_the_vault_may_be_used_again() {
    let foreign = Foreign::new();
    let world = &foreign.flow.world;
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
    done(
        world,
        "connections add robot --client-credentials --scope ZohoCRM.modules.READ --app acme",
    );
    fails(
        world,
        "connections add other --client-credentials --scope ZohoCRM.modules.READ --app nobody",
        3,
        "no_such_connection",
    );
    assert_eq!(foreign.flow.rows("SELECT count(*) FROM apps"), "1");
}
