//! What an import found out to be of no use, and how it is taken back.

use serde_json::json;

use super::Foreign;
use crate::{
    connections::{done, fails},
    flow::SCOPE,
    world::Outcome,
};

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
