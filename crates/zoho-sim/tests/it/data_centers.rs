//! Several data centers, environments, TLS.

use std::process::Command;

use serde_json::json;
use zoho_sim::Config;

use crate::world::{World, request, send};

fn two() -> World {
    World::with(Config {
        data_centers: vec!["us".into(), "eu".into()],
        ..Config::default()
    })
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: the wrong data center is an invalid_client.
#[test]
fn a_client_of_another_data_center_is_invalid_and_its_grant_stays_whole() {
    let world = two();
    let code = world.grant(json!({}));
    let form = world.form(&[("grant_type", "authorization_code"), ("code", &code)]);
    let there = request(
        "POST",
        "/oauth/v2/token",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &form,
    );
    let answer = send(&world.ready.data_centers["eu"].accounts_domain, &there).unwrap();
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (200, "invalid_client")
    );
    assert_eq!(world.last_request()["data_center"], "eu");
    assert!(world.exchange(&code).is_granted());
}

/// <https://zoho.com/accounts/protocol/oauth/multi-dc.html>
#[test]
fn a_client_is_registered_where_it_is_wanted() {
    let world = two();
    let client = world.control(
        "POST",
        "/clients",
        json!({"type": "self", "data_center": "eu"}),
    );
    let made = world.control(
        "POST",
        "/grants",
        json!({"scope": "ZohoCRM.modules.ALL", "data_center": "eu"}),
    );
    assert_eq!(made.text("client_id"), client.text("client_id"));
    assert_eq!(
        world
            .control("POST", "/clients", json!({"data_center": "jp"}))
            .status,
        400
    );
}

/// <https://help.zoho.com/portal/en/kb/accounts/faqs-troubleshooting/faqs/oauth/articles/invalid-oauthtoken-on-api-access-30-5-2021>
#[test]
fn a_token_of_another_data_center_is_invalid() {
    let world = two();
    let token = world.exchange(&world.grant(json!({}))).text("access_token");
    let header = format!("Zoho-oauthtoken {token}");
    let there = request(
        "GET",
        "/crm/v8/Contacts?fields=id",
        &[("Authorization", &header)],
        "",
    );
    let answer = send(&world.ready.data_centers["eu"].api_domain, &there).unwrap();
    assert_eq!(
        (answer.status, answer.text("code").as_str()),
        (401, "INVALID_TOKEN")
    );
}

/// <https://github.com/zoho/zohocrm-python-sdk-8.0>: tokens are bound to their environment.
#[test]
fn a_sandbox_token_works_in_the_sandbox_only() {
    let world = World::new();
    let tokens = world.exchange(&world.grant(json!({"environment": "sandbox"})));
    let (token, sandbox) = (tokens.text("access_token"), tokens.text("api_domain"));
    assert_ne!(sandbox, world.accounts_domain());
    let header = format!("Zoho-oauthtoken {token}");
    let list = request(
        "GET",
        "/crm/v8/Contacts?fields=id",
        &[("Authorization", &header)],
        "",
    );
    assert_eq!(send(&sandbox, &list).unwrap().status, 200);
    assert_eq!(
        send(world.accounts_domain(), &list).unwrap().text("code"),
        "INVALID_TOKEN"
    );
}

/// <https://zoho.com/accounts/protocol/oauth/multi-dc.html>
#[test]
fn serverinfo_lists_the_data_centers() {
    let world = two();
    let answer = send(
        world.accounts_domain(),
        &request("GET", "/oauth/serverinfo", &[], ""),
    )
    .unwrap();
    assert_eq!(answer.text("result"), "success");
    assert_eq!(
        answer.json()["locations"]["eu"],
        world.ready.data_centers["eu"].accounts_domain
    );
    world.manner("api_domain", json!("zohoapis"));
    let answer = send(
        world.accounts_domain(),
        &request("GET", "/oauth/serverinfo", &[], ""),
    )
    .unwrap();
    assert_eq!(answer.json()["locations"]["eu"], "https://accounts.zoho.eu");
}

/// `curl` trusts the authority from the file, and nothing without it.
#[test]
fn tls_is_trusted_with_the_authoritys_file_only() {
    let world = World::with(Config {
        tls: true,
        ..Config::default()
    });
    let ca_file = world.ready.ca_file.clone().unwrap();
    let url = format!("{}/oauth/serverinfo", world.accounts_domain());
    assert!(url.starts_with("https://127.0.0.1:"));
    let curl = |arguments: &[&str]| {
        Command::new("curl")
            .args(["-sS", &url])
            .args(arguments)
            .output()
            .unwrap()
    };
    let trusted = curl(&["--cacert", ca_file.to_str().unwrap()]);
    assert!(
        String::from_utf8_lossy(&trusted.stdout).contains("\"success\""),
        "{trusted:?}"
    );
    assert_eq!(curl(&[]).status.code(), Some(60));
}

/// Faults reach through TLS: a reset is no orderly end of the conversation.
#[test]
fn a_reset_through_tls_is_a_reset() {
    let world = World::with(Config {
        tls: true,
        ..Config::default()
    });
    world.control(
        "PUT",
        "/faults",
        json!({"plan": [{"on": "refresh", "do": "reset-after"}]}),
    );
    let url = format!("{}/oauth/v2/token", world.accounts_domain());
    let ca_file = world.ready.ca_file.clone().unwrap();
    let arguments = [
        "-sS",
        "-d",
        "grant_type=refresh_token",
        "--cacert",
        ca_file.to_str().unwrap(),
        &url,
    ];
    let reset = Command::new("curl").args(arguments).output().unwrap();
    assert_eq!(reset.status.code(), Some(56), "{reset:?}");
    assert_eq!(world.last_request()["reply"], "none");
}

#[cfg(unix)]
#[test]
fn the_authoritys_file_is_ours_alone_and_goes_with_the_simulator() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::with(Config {
        tls: true,
        ..Config::default()
    });
    let ca_file = world.ready.ca_file.clone().unwrap();
    assert_eq!(
        std::fs::metadata(&ca_file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    drop(world);
    assert!(!ca_file.exists());
}
