//! The commands about callers.

mod adopted;
mod connect;
mod revoked;

use std::{
    fs::File,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    connections::{acme, done, fails},
    flow::Flow,
    world::Outcome,
};

const REFRESH_TOKEN: &str =
    "1000.abcdefabcdefabcdefabcdefabcdefab.fedcbafedcbafedcbafedcbafedcbafe";

/// A vault with `acme` and `umbrella`.
fn two() -> Flow {
    let flow = acme().new_grant("ZohoCRM.modules.ALL");
    let outcome = Outcome::of(&mut flow.command("umbrella", ""));
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    flow
}

fn add(flow: &Flow, options: &str) -> Outcome {
    done(&flow.world, &format!("callers add nightly {options}"))
}

fn show(flow: &Flow) -> Value {
    done(&flow.world, "callers show nightly --json").answer()
}

fn adopt(flow: &Flow, name: &str) -> String {
    flow.world.file("secret", "old-secret-of-legacy");
    flow.world.file("token", REFRESH_TOKEN);
    format!(
        "callers adopt {name} --connection acme --client-id 1000.OLD --client-secret-file secret \
         --refresh-token-file token"
    )
}

/// Lists the members of an object in their order.
fn names(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn what_is_printed_is_what_the_softwares_settings_take() {
    let flow = acme();
    let added = add(&flow, "--connection acme");
    assert!(added.stderr.contains("not shown again"), "{added:?}");
    let variables: Value = serde_json::from_str(&added.stdout).unwrap();
    let all = [
        "AccountsDomain",
        "ApiDomain",
        "ZohoClientId",
        "ZohoClientSecret",
        "ZohoRefreshToken",
    ];
    assert_eq!(names(&variables), all);
    assert_eq!(variables["AccountsDomain"], "http://127.0.0.1:8470");
    assert_eq!(variables["ApiDomain"], variables["AccountsDomain"]);
    let text = |name: &str| variables[name].as_str().unwrap();
    assert_eq!(text("ZohoClientId").len(), 35);
    assert_eq!(text("ZohoClientSecret").len(), 42);
    assert!(text("ZohoRefreshToken").starts_with("1000.e7e69a47"));

    let shown = show(&flow);
    assert_eq!(shown["client_id"], variables["ZohoClientId"]);
    let handle_id = shown["connections"][0]["handle_id"].as_str().unwrap();
    assert!(text("ZohoRefreshToken").contains(handle_id));
    let list = done(&flow.world, "callers list").stdout;
    assert!(
        list.contains("nightly  active  proxied  acme         never"),
        "{list}"
    );
}

#[test]
fn the_servers_public_url_is_the_accounts_domain() {
    let flow = acme().config("[server]\npublic_url = \"https://zoho.example.com/\"\n");
    let added = add(&flow, "--connection acme --format env");
    let mut lines = added.stdout.lines();
    assert_eq!(
        lines.next(),
        Some("ZOHO_ACCOUNTS_DOMAIN=https://zoho.example.com")
    );
    assert_eq!(
        lines.next(),
        Some("ZOHO_API_DOMAIN=https://zoho.example.com")
    );
    let names: Vec<&str> = lines.map(|line| line.split_once('=').unwrap().0).collect();
    assert_eq!(
        names,
        ["ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"]
    );
}

#[test]
fn a_direct_caller_goes_to_zohos_api_itself() {
    let flow = acme();
    done(
        &flow.world,
        "connections set acme --api-domain https://www.zohoapis.eu",
    );
    let added = add(&flow, "--connection acme --direct --json").answer();
    assert_eq!(
        added["handles"][0]["api_domain"],
        "https://www.zohoapis.eu:443"
    );
    assert_eq!(added["accounts_domain"], "http://127.0.0.1:8470");
    assert_eq!(added["caller"]["mode"], "direct");
    let line = "callers add other --connection acme --direct --scope ZohoCRM.modules.READ";
    fails(&flow.world, line, 2, "scopes_for_direct");
    let mut ruled = flow
        .world
        .command(["callers", "add", "other", "--connection", "acme"]);
    ruled.args(["--direct", "--json", "--allow", "GET /crm/*"]);
    let refused = Outcome::of(&mut ruled);
    assert_eq!(refused.error()["reason"], "rules_for_direct");
}

#[test]
fn each_connection_has_settings_of_its_own() {
    let flow = two();
    let options = "--connection acme --connection umbrella";
    fails(
        &flow.world,
        &format!("callers add nightly {options} --format env"),
        2,
        "two_formats",
    );
    let refused = flow
        .world
        .run(&format!("callers add nightly {options} --format env"));
    assert_eq!((refused.exit_code, refused.stdout.as_str()), (2, ""));
    let added = add(&flow, options);
    let variables: Value = serde_json::from_str(&added.stdout).unwrap();
    assert_eq!(names(&variables), ["acme", "umbrella"]);
    let of = |name: &str, member: &str| variables[name][member].clone();
    assert_eq!(
        of("acme", "ZohoClientSecret"),
        of("umbrella", "ZohoClientSecret")
    );
    assert_ne!(
        of("acme", "ZohoRefreshToken"),
        of("umbrella", "ZohoRefreshToken")
    );
}

#[test]
fn what_a_caller_may_do_is_kept_and_shown() {
    let flow = acme();
    let mut command = flow
        .world
        .command(["callers", "add", "nightly", "--connection", "acme"]);
    command.args([
        "--allow",
        "GET /crm/*/Contacts*",
        "--allow",
        "* /crm/v8/Deals",
    ]);
    command.args(["--scope", "ZohoCRM.modules.READ", "--expires", "90d"]);
    command.args(["--allow-exchange", "customer"]);
    assert_eq!(Outcome::of(&mut command).exit_code, 0);
    let shown = show(&flow);
    assert_eq!(
        shown["rules"],
        json!(["GET /crm/*/Contacts*", "* /crm/v8/Deals"])
    );
    assert_eq!(shown["scopes"], json!(["ZohoCRM.modules.READ"]));
    assert_eq!(shown["exchange"]["name"], "customer");
    assert!(shown["exchange"]["client_id"].is_string(), "{shown}");
    assert!(shown["expires_at"].is_string(), "{shown}");
    let text = done(&flow.world, "callers show nightly").stdout;
    assert!(
        text.contains("may             GET /crm/*/Contacts*\n"),
        "{text}"
    );
    let mut wrong = flow
        .world
        .command(["callers", "add", "other", "--connection", "acme"]);
    wrong.args(["--allow", "GET crm"]);
    let wrong = Outcome::of(&mut wrong);
    assert_eq!(wrong.exit_code, 2);
    assert!(wrong.stderr.contains("begins with a slash"), "{wrong:?}");
}

#[test]
fn who_expires_is_told_when_and_a_slip_is_named() {
    let flow = acme();
    let added = add(&flow, "--connection acme --expires 90");
    let end = show(&flow)["expires_at"].as_str().unwrap().to_owned();
    assert!(
        added
            .stderr
            .contains(&format!("nightly: expires at {end}\n")),
        "{added:?}"
    );
    for (options, reason, words) in [
        ("--expires 4000d", "expires_too_late", "10 years"),
        ("--expires 9999999999999d", "expires_too_late", "10 years"),
        ("--expires -1d", "invalid_value", "--expires"),
        ("--scope bogus", "invalid_scope", "bogus is no scope"),
    ] {
        let line = format!("callers add other --connection acme {options} --json");
        let refused = flow.world.run(&line);
        let error = refused.error();
        assert_eq!(
            (refused.exit_code, &error["reason"]),
            (2, &json!(reason)),
            "{error}"
        );
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{error}"
        );
        assert_ne!(error["next"], json!([]), "{error}");
    }
    for (overlap, reason) in [("100000d", "overlap_too_long"), ("-1d", "invalid_value")] {
        fails(
            &flow.world,
            &format!("callers rotate nightly --overlap {overlap}"),
            2,
            reason,
        );
    }
    assert_eq!(flow.rows("SELECT count(*) FROM callers"), "1");
    let table = done(&flow.world, "audit").stdout;
    let row = table.lines().last().unwrap().split_whitespace();
    assert_eq!(
        row.skip(1).take(3).collect::<Vec<_>>(),
        ["caller_added", "-", "nightly"]
    );
}

#[test]
fn a_proxied_caller_that_exchanges_is_told_its_api_domain() {
    let flow = acme();
    let added = add(&flow, "--allow-exchange customer");
    let variables: Value = serde_json::from_str(&added.stdout).unwrap();
    assert_eq!(variables["ApiDomain"], variables["AccountsDomain"]);
    let direct = "callers add other --allow-exchange customer --direct --format env";
    let direct = done(&flow.world, direct).stdout;
    assert!(!direct.contains("ZOHO_API_DOMAIN"), "{direct}");
}

#[test]
fn what_cannot_be_added_says_why() {
    let flow = two();
    add(&flow, "--connection acme");
    for (line, exit_code, reason) in [
        ("callers add nightly --connection acme", 3, "name_taken"),
        (
            "callers add other --connection nobody",
            3,
            "no_such_connection",
        ),
        ("callers add other", 2, "missing_input"),
        (
            "callers add other --allow-exchange new --app nobody",
            3,
            "no_such_connection",
        ),
        ("callers show other", 3, "no_such_caller"),
        ("callers rotate other", 3, "no_such_caller"),
        ("callers revoke other --yes", 3, "no_such_caller"),
        ("callers revoke nightly", 2, "not_confirmed"),
        (
            "callers add other --connection acme --proxied --direct",
            2,
            "conflicting_arguments",
        ),
    ] {
        fails(&flow.world, line, exit_code, reason);
    }
    let error = fails(&flow.world, "callers revoke nightly", 2, "not_confirmed");
    let question = "Revoke the caller nightly?";
    assert!(error["causes"].to_string().contains(question), "{error}");
    assert_eq!(flow.rows("SELECT count(*) FROM callers"), "1");
    done(&flow.world, "callers add other --allow-exchange new");
}

#[test]
fn an_app_stays_while_a_caller_may_make_connections_of_it() {
    let flow = acme();
    add(&flow, "--allow-exchange customer");
    done(&flow.world, "connections remove acme --yes");
    let client_id = flow.rows("SELECT client_id FROM apps");
    let remove = format!("apps remove {client_id} --yes");
    let error = fails(&flow.world, &remove, 3, "app_in_use");
    assert!(
        error["message"].as_str().unwrap().contains("nightly"),
        "{error}"
    );
    done(&flow.world, "callers revoke nightly --yes");
    done(&flow.world, &remove);
    let revoked = done(&flow.world, "callers list --all --json").answer();
    assert_eq!(
        revoked[0]["exchange"],
        json!({ "name": "customer", "client_id": null })
    );
    let rows = done(&flow.world, "audit --json").answer();
    let of_caller = |row: &&Value| row["caller"] == "nightly";
    assert_eq!(rows.as_array().unwrap().iter().filter(of_caller).count(), 2);
}

#[test]
fn credentials_that_standard_output_does_not_take_are_dead() {
    let flow = acme();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    for stdout in [full(), closed()] {
        let mut command = flow
            .world
            .command("callers add nightly --connection acme --json".split(' '));
        let outcome = Outcome::of(command.stdout(stdout));
        assert_eq!(outcome.exit_code, 1, "{outcome:?}");
        let error = outcome.error();
        assert_eq!(error["reason"], "stdout_unwritable");
        assert!(
            error["causes"].to_string().contains("revoked again"),
            "{error}"
        );
    }
    assert_eq!(done(&flow.world, "callers list --json").answer(), json!([]));
    let null = File::options().write(true).open("/dev/null").unwrap();
    let mut command = flow
        .world
        .command("callers add nightly --connection acme --json".split(' '));
    let refused = Outcome::of(command.stdout(null));
    assert_eq!(refused.error()["reason"], "stdout_discarded");
    assert_eq!(
        flow.rows("SELECT count(*) FROM callers"),
        "2",
        "nothing was added"
    );

    add(&flow, "--connection acme");
    let hash = "SELECT hex(secret_hash) FROM callers WHERE revoked_at IS NULL";
    let before = flow.rows(hash);
    let mut command = flow
        .world
        .command("callers rotate nightly --json".split(' '));
    let outcome = Outcome::of(command.stdout(full()));
    assert!(
        outcome.error()["causes"]
            .to_string()
            .contains("those before stay"),
        "{outcome:?}"
    );
    assert_eq!(flow.rows(hash), before);
}

#[test]
fn a_rotation_brings_new_credentials_for_the_same_client() {
    let flow = acme();
    let old = add(&flow, "--connection acme --json").answer();
    let rotated = done(&flow.world, "callers rotate nightly --json").answer();
    assert_eq!(rotated["client_id"], old["client_id"]);
    assert_ne!(rotated["client_secret"], old["client_secret"]);
    assert_ne!(rotated["handles"], old["handles"]);
    assert!(show(&flow)["previous_valid_until"].is_string());
    let error = fails(&flow.world, "callers rotate nightly", 3, "in_overlap");
    let next = "callers rotate nightly --force";
    assert!(error["next"].to_string().contains(next), "{error}");
    let until = show(&flow)["previous_valid_until"].clone();
    assert!(
        error["causes"]
            .to_string()
            .contains(until.as_str().unwrap()),
        "{error}"
    );
    done(&flow.world, next);
    let at_once = done(&flow.world, "callers rotate nightly --overlap 0");
    assert!(
        at_once.stderr.contains("the credentials before are dead"),
        "{at_once:?}"
    );
    assert_eq!(show(&flow)["previous_valid_until"], Value::Null);
}

#[test]
fn without_a_vault_there_is_no_caller_and_none_is_made() {
    let world = crate::world::World::new();
    assert_eq!(done(&world, "callers list --json").answer(), json!([]));
    fails(
        &world,
        "callers add nightly --connection acme",
        3,
        "no_such_connection",
    );
    fails(
        &world,
        "callers add nightly --allow-exchange acme",
        3,
        "no_vault",
    );
    assert!(!world.path("vault.db").exists());
}
