//! The commands about apps and their client secrets.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    connections::{acme, done, fails},
    flow::Flow,
    world::{Outcome, World},
};

/// A secret that Zoho's console might show.
const NEW: &str = "0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c9d0e";

fn only(world: &World) -> Value {
    let list = done(world, "apps list --json").answer();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    list[0].clone()
}

/// Returns the client ID of the one app.
fn client_id(flow: &Flow) -> String {
    only(&flow.world)["client_id"].as_str().unwrap().to_owned()
}

fn secret_id(app: &Value, index: usize) -> String {
    app["secrets"][index]["id"].as_str().unwrap().to_owned()
}

/// Adds [`NEW`] from a file and returns the app.
fn add(flow: &Flow) -> Value {
    flow.world.file("new-secret", NEW);
    let id = client_id(flow);
    let line = format!("apps secret add {id} --client-secret-file new-secret --json");
    done(&flow.world, &line).answer()
}

#[test]
fn list_and_show_say_what_is_known_and_no_secret() {
    let flow = acme();
    let app = only(&flow.world);
    let show = done(
        &flow.world,
        &format!("apps show {} --json", client_id(&flow)),
    )
    .answer();
    assert_eq!(show, app);
    assert_eq!(app["accounts_domain"], flow.accounts_domain());
    assert_eq!(
        (&app["connections"], &app["data_center"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(app["places"], json!({ "used": 1, "of": 20 }));
    let secret = &app["secrets"][0];
    assert_eq!(secret["added_at"], secret["last_accepted_at"]);
    assert_eq!(secret["retired_at"], Value::Null);
    assert_eq!(secret_id(&app, 0).len(), 8);
    for line in [
        "apps list",
        "apps list --json",
        &format!("apps show {}", client_id(&flow)),
    ] {
        let shown = done(&flow.world, line).stdout;
        assert!(shown.contains(&client_id(&flow)), "{shown}");
        assert!(!shown.contains(&flow.secret("client_secret")), "{shown}");
    }
}

#[test]
fn a_secret_comes_in_by_every_way_that_an_exchange_knows() {
    let flow = acme();
    let id = client_id(&flow);
    let line = format!("apps secret add {id} --json");
    let added = flow
        .world
        .run_with_input(&format!("{line} --client-secret-stdin"), NEW);
    let count = |app: &Value| app["secrets"].as_array().unwrap().len();
    assert_eq!(count(&added.answer()), 2, "{added:?}");
    let command = |number: usize| {
        let mut command = flow.world.command(line.split_whitespace());
        command.args(["--client-secret-command", &format!("echo {NEW}{number}")]);
        Outcome::of(&mut command).answer()
    };
    assert_eq!(count(&command(1)), 3);
    let mut variable = flow.world.command(line.split_whitespace());
    variable.env("ZOHO_CLIENT_SECRET", format!("{NEW}2"));
    assert_eq!(count(&Outcome::of(&mut variable).answer()), 4);
    let app = add(&flow);
    assert_eq!(count(&app), 4, "it was there already");
    assert_eq!(app["secrets"][1]["last_accepted_at"], Value::Null);

    let error = fails(
        &flow.world,
        &format!("apps secret add {id}"),
        2,
        "missing_input",
    );
    assert!(
        error["message"].as_str().unwrap().contains("client secret"),
        "{error}"
    );
    let refused = fails(
        &flow.world,
        &format!("apps secret add {id} --client-secret {NEW}"),
        2,
        "secret_as_value",
    );
    assert!(!refused.to_string().contains(NEW), "{refused}");
    for row in flow.rows("SELECT event, detail FROM audit").lines() {
        assert!(!row.contains(NEW), "{row}");
    }
    let events = flow.rows("SELECT count(*) FROM audit WHERE event = 'app_secret_added'");
    assert_eq!(events, "3");
}

#[test]
fn a_secret_is_asked_for_at_a_terminal_and_not_shown() {
    let flow = acme();
    let mut python = Command::new("python3");
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
    python.arg(format!("!Client secret (hidden): ={NEW}"));
    python.args(["--", env!("CARGO_BIN_EXE_evergrant")]);
    python.args(["apps", "secret", "add", &client_id(&flow)]);
    python.env("EVERGRANT_HOME", flow.world.path(""));
    let outcome = Outcome::of(python.env_remove("EVERGRANT_CONFIG"));
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert!(!outcome.stdout.contains(NEW), "{outcome:?}");
    assert_eq!(only(&flow.world)["secrets"].as_array().unwrap().len(), 2);
}

#[test]
fn an_old_secret_is_retired_and_the_last_one_stays() {
    let flow = acme();
    let (id, old) = (client_id(&flow), secret_id(&only(&flow.world), 0));
    let retire = |secret: &str| format!("apps secret retire {id} {secret}");
    fails(&flow.world, &retire(&old), 3, "last_secret");
    let new = secret_id(&add(&flow), 1);
    flow.rows("UPDATE app_secrets SET last_accepted_at = 1");
    let retired = done(&flow.world, &format!("{} --json", retire(&old))).answer();
    assert_eq!(secret_id(&retired, 0), new);
    assert!(retired["secrets"][1]["retired_at"].is_string(), "{retired}");
    fails(&flow.world, &retire(&new), 3, "last_secret");
    fails(&flow.world, &retire("00000000"), 3, "no_such_secret");
    let error = fails(&flow.world, &retire(NEW), 2, "invalid_secret_id");
    assert!(!error.to_string().contains(NEW), "{error}");
    let events = flow.rows("SELECT event FROM audit WHERE connection_id IS NULL");
    assert_eq!(events, "app_secret_added\napp_secret_retired");
}

#[test]
fn the_only_accepted_secret_is_not_retired_without_a_yes() {
    let flow = acme();
    let (id, old) = (client_id(&flow), secret_id(&only(&flow.world), 0));
    let new = secret_id(&add(&flow), 1);
    let retire = |secret: &str| format!("apps secret retire {id} {secret}");
    fails(&flow.world, &retire(&old), 2, "not_confirmed");
    for (answer, retired) in [("", "0"), ("n", "0"), ("yes", "1")] {
        let mut python = Command::new("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
        python.arg(format!("Retire it? [y/N] ={answer}"));
        python.args(["--", env!("CARGO_BIN_EXE_evergrant")]);
        python.args(retire(&old).split(' '));
        python.env("EVERGRANT_HOME", flow.world.path(""));
        let outcome = Outcome::of(python.env_remove("EVERGRANT_CONFIG"));
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let count = flow.rows("SELECT count(*) FROM app_secrets WHERE retired_at IS NOT NULL");
        assert_eq!(count, retired, "{answer}: {outcome:?}");
    }
    fails(&flow.world, &retire(&new), 3, "last_secret");
    let flow = acme();
    let (id, old) = (client_id(&flow), secret_id(&only(&flow.world), 0));
    let untried = secret_id(&add(&flow), 1);
    let retire = |secret: &str| format!("apps secret retire {id} {secret}");
    done(&flow.world, &retire(&untried));
    add(&flow);
    done(&flow.world, &format!("{} --yes", retire(&old)));
}

#[test]
fn a_new_secret_ends_the_refusal_of_the_app() {
    let flow = acme();
    flow.rows("UPDATE connections SET state = 'app_refused', state_reason = 'invalid_client'");
    flow.rows(
        "INSERT INTO leases (credential, epoch, until_ms, closed_until_ms, failures)
         SELECT credential, 1, 0, 9999999999999, 3 FROM connections",
    );
    flow.world.file("new-secret", NEW);
    let line = format!(
        "apps secret add {} --client-secret-file new-secret",
        client_id(&flow)
    );
    let added = done(&flow.world, &line);
    assert!(
        added
            .stderr
            .contains("one connection whose app was refused may try again"),
        "{added:?}"
    );
    let show = done(&flow.world, "connections show acme --json").answer();
    let untried = "not tried since a client secret was added";
    assert_eq!(
        (&show["state"], &show["state_reason"]),
        (&json!("healthy"), &json!(untried))
    );
    let status = done(&flow.world, "status acme").stdout;
    assert!(status.contains(untried), "{status}");
    done(&flow.world, "token acme --force-new --reserve");
    let show = done(&flow.world, "connections show acme --json").answer();
    assert_eq!(show["state_reason"], Value::Null, "Zoho was asked");
    assert_eq!(
        flow.rows("SELECT closed_until_ms, failures FROM leases"),
        "0|0"
    );
    done(&flow.world, "audit --verify");
}

#[test]
fn an_app_in_use_stays_and_an_exchange_brings_a_removed_one_back() {
    let flow = acme();
    let id = client_id(&flow);
    let remove = format!("apps remove {id}");
    let error = fails(&flow.world, &format!("{remove} --yes"), 3, "app_in_use");
    assert!(
        error["message"].as_str().unwrap().contains("acme"),
        "{error}"
    );
    done(&flow.world, "connections remove acme --yes");
    fails(&flow.world, &remove, 2, "not_confirmed");
    let removed = done(&flow.world, &format!("{remove} --yes"));
    assert!(
        removed
            .stderr
            .contains("one refresh token of it stays valid"),
        "{removed:?}"
    );
    assert_eq!(flow.rows("SELECT count(*) FROM app_secrets"), "0");
    assert_eq!(done(&flow.world, "apps list --json").answer(), json!([]));
    fails(&flow.world, &format!("apps show {id}"), 3, "no_such_app");
    flow.kept_again("");
    assert_eq!(only(&flow.world)["connections"], 1);
    assert_eq!(flow.rows("SELECT count(*) FROM apps"), "1");
}

#[test]
fn a_client_id_at_two_data_centers_must_be_told_apart() {
    let flow = acme();
    let id = client_id(&flow);
    let eu = "https://accounts.zoho.eu";
    flow.rows(&format!(
        "INSERT INTO apps (id, client_id, accounts_domain, created_at) VALUES ('x', '{id}', '{eu}', 1)"
    ));
    let show = format!("apps show {id}");
    let error = fails(&flow.world, &show, 2, "ambiguous_app");
    let here = format!("--accounts-domain {}", flow.accounts_domain());
    let next: Vec<_> = error["next"].as_array().unwrap().iter().collect();
    assert!(
        next.contains(&&json!("--data-center eu")) && next.contains(&&json!(here)),
        "{error}"
    );
    let url = format!("--accounts-domain {eu}");
    for (which, connections) in [("--data-center eu", 0), (&url, 0), (&here, 1)] {
        let shown = done(&flow.world, &format!("{show} --json {which}")).answer();
        assert_eq!(shown["connections"], connections, "{which}");
    }
    fails(
        &flow.world,
        &format!("{show} --data-center in"),
        3,
        "no_such_app",
    );
    done(
        &flow.world,
        &format!("apps remove {id} --data-center eu --yes"),
    );
    assert_eq!(client_id(&flow), id);
}

#[test]
fn without_a_vault_there_is_no_app_and_none_is_made() {
    let world = World::new();
    assert!(
        done(&world, "apps list")
            .stdout
            .contains("evergrant exchange NAME")
    );
    for line in [
        "apps show 1000.A",
        "apps remove 1000.A --yes",
        "apps secret retire 1000.A 00000000",
    ] {
        let error = fails(&world, line, 3, "no_such_app");
        assert!(
            error["message"].as_str().unwrap().contains("1000.A"),
            "{error}"
        );
    }
    assert!(!world.path("vault.db").exists());
}

#[test]
fn looking_needs_no_key() {
    let flow = acme();
    let id = client_id(&flow);
    std::fs::remove_file(flow.world.path("master.key")).unwrap();
    done(&flow.world, &format!("apps show {id}"));
    fails(
        &flow.world,
        &format!("apps remove {id} --yes"),
        8,
        "master_key_missing",
    );
}
