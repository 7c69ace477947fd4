//! The control port.

use serde_json::{Value, json};
use zoho_sim::{Config, Simulator};

use crate::world::World;

#[test]
fn the_ready_line_says_where_everything_is() {
    let world = World::with(Config {
        data_centers: vec!["eu".into()],
        ..Config::default()
    });
    let line = serde_json::to_value(&world.ready).unwrap();
    let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "ca_file",
            "client_id",
            "client_secret",
            "control",
            "data_centers",
            "seed"
        ]
    );
    assert_eq!((&line["seed"], &line["ca_file"]), (&json!(7), &Value::Null));
    assert_eq!(
        line["data_centers"]["eu"]["accounts_domain"],
        line["data_centers"]["eu"]["api_domain"]
    );
}

#[test]
fn the_same_seed_brings_the_same_client_and_tokens() {
    let (first, second) = (World::new(), World::new());
    assert_eq!(first.ready.client_id, second.ready.client_id);
    assert_eq!(first.grant(json!({})), second.grant(json!({})));
}

/// The file's keys and their order as found in published files; the console that makes it:
/// <https://www.bigin.com/developer/docs/apis/self-client-generate-code.html>
#[test]
fn a_grant_comes_as_a_self_client_file() {
    let world = World::new();
    let answer = world.control(
        "POST",
        "/grants",
        json!({"scope": "ZohoCRM.modules.ALL,ZohoCRM.org.READ", "minutes": 5}),
    );
    let places = [
        "scope",
        "expiry_time",
        "client_id",
        "client_secret",
        "code",
        "grant_type",
    ]
    .map(|key| answer.body.find(&format!("\"{key}\":")).unwrap());
    assert!(places.is_sorted(), "{}", answer.body);
    assert_eq!(
        answer.json()["scope"],
        json!(["ZohoCRM.modules.ALL", "ZohoCRM.org.READ"])
    );
    let now = world.control("GET", "/clock", Value::Null).json()["now_ms"]
        .as_i64()
        .unwrap();
    let life = answer.json()["expiry_time"].as_i64().unwrap() - now;
    assert!((295_000..=300_000).contains(&life), "{life}");
}

#[test]
fn a_wish_that_cannot_be_is_refused_with_a_sentence() {
    let world = World::new();
    let refusals = [
        (
            "/grants",
            json!({"scope": "ZohoCRM.modules.ALL", "minutes": 11}),
            "minutes is 1 to 10, not 11",
        ),
        (
            "/grants",
            json!({}),
            "scope is missing; for example \"ZohoCRM.modules.ALL\"",
        ),
        (
            "/clients",
            json!({"type": "server"}),
            "redirect_uris is missing; only a self client has none",
        ),
    ];
    for (path, wanted, sentence) in refusals {
        let answer = world.control("POST", path, wanted);
        assert_eq!((answer.status, answer.error().as_str()), (400, sentence));
    }
    assert_eq!(
        world
            .control("POST", "/grants", json!({"scopes": "x"}))
            .status,
        400
    );
}

#[test]
fn the_clock_can_be_set_held_and_moved() {
    let world = World::new();
    let shown = world.control(
        "POST",
        "/clock",
        json!({"frozen": true, "set": "2030-01-01T00:00:00Z", "advance_seconds": 1.5}),
    );
    assert_eq!(shown.text("now"), "2030-01-01T00:00:01.5Z");
    assert_eq!(
        world.control("GET", "/clock", Value::Null).text("now"),
        "2030-01-01T00:00:01.5Z"
    );
    let date = world
        .exchange(&world.grant(json!({})))
        .header("date")
        .unwrap()
        .to_owned();
    assert_eq!(date, "Tue, 01 Jan 2030 00:00:01 GMT");
}

#[test]
fn the_list_of_requests_holds_hashes_and_no_tokens() {
    let world = World::new();
    let code = world.grant(json!({}));
    let tokens = world.exchange(&code);
    world.crm(
        "GET",
        "/crm/v8/Contacts?fields=id",
        &tokens.text("access_token"),
        "",
    );
    world.refresh(&tokens.text("refresh_token"));
    let list = world.control("GET", "/requests", Value::Null);
    for secret in [
        &code,
        &world.ready.client_secret,
        &tokens.text("access_token"),
        &tokens.text("refresh_token"),
    ] {
        assert!(!list.body.contains(secret.as_str()));
    }
    let list = list.json();
    assert_eq!(
        (&list[0]["grant_type"], &list[0]["status"]),
        (&json!("authorization_code"), &json!(200))
    );
    assert_eq!(list[0]["tokens"]["grant_token"].as_str().unwrap().len(), 64);
    assert_eq!(
        (&list[1]["path"], &list[1]["parameters_in"]),
        (&json!("/crm/v8/Contacts"), &json!("query"))
    );
    assert!(
        list[1]["tokens"]["access_token"].is_string()
            && list[2]["tokens"]["refresh_token"].is_string()
    );
}

#[test]
fn the_list_of_requests_can_be_read_from_a_point_and_emptied() {
    let world = World::new();
    for _ in 0..3 {
        world.refresh("1000.x.y");
    }
    let since = |seq: u64| {
        world
            .control("GET", &format!("/requests?since={seq}"), Value::Null)
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((since(0), since(2)), (3, 1));
    assert_eq!(
        world.control("DELETE", "/requests", Value::Null).status,
        204
    );
    world.refresh("1000.x.y");
    assert_eq!(world.last_request()["seq"], 4);
}

#[test]
fn stats_count_by_word() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    world.refresh(&refresh_token);
    world.refresh("1000.x.y");
    world.limit("refreshes", 0);
    let other = world.refresh_token();
    world.refresh(&other);
    let stats = world.control("GET", "/stats", Value::Null).json();
    assert_eq!(
        (
            &stats["exchanged"],
            &stats["refreshed"],
            &stats["throttled"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(
        stats["refused"],
        json!({"Access Denied": 1, "invalid_code": 1})
    );
    assert_eq!(
        (&stats["live_access_tokens"], &stats["refresh_tokens"]),
        (&json!(3), &json!(2))
    );
}

/// <https://help.zoho.com/portal/en/kb/accounts/faqs-troubleshooting/faqs/oauth/articles/will-the-refresh-tokens-expire>
#[test]
fn what_people_kill_is_dead() {
    let world = World::new();
    let (first, second) = (world.refresh_token(), world.refresh_token());
    assert_eq!(
        world
            .control(
                "POST",
                "/kill",
                json!({"what": "refresh_token", "refresh_token": first})
            )
            .json()["refresh_tokens"],
        1
    );
    assert_eq!(world.refresh(&first).error(), "invalid_code");
    assert!(world.refresh(&second).is_granted());
    assert_eq!(
        world
            .control("POST", "/kill", json!({"what": "user"}))
            .json()["refresh_tokens"],
        1
    );
    assert_eq!(world.refresh(&second).error(), "invalid_code");
    assert_eq!(
        world
            .control("POST", "/kill", json!({"what": "client"}))
            .status,
        200
    );
    assert_eq!(world.refresh(&second).error(), "invalid_client");
    assert_eq!(
        world
            .control("POST", "/kill", json!({"what": "everything"}))
            .status,
        400
    );
}

#[test]
fn a_secret_can_be_made_anew() {
    let world = World::new();
    let secret = world
        .control("POST", "/kill", json!({"what": "client_secret"}))
        .text("client_secret");
    assert_ne!(secret, world.ready.client_secret);
    assert_eq!(world.refresh("1000.x.y").error(), "invalid_client_secret");
}

#[test]
fn limits_can_be_changed_and_show_their_source() {
    let world = World::new();
    let shown = world
        .control("PATCH", "/limits", json!({"active_access_tokens": 15}))
        .json();
    let limit = shown
        .as_array()
        .unwrap()
        .iter()
        .find(|limit| limit["name"] == "active_access_tokens")
        .unwrap();
    assert_eq!(
        (&limit["value"], &limit["alternatives"]),
        (&json!(15), &json!([15, 30]))
    );
    assert!(limit["source"].as_str().unwrap().starts_with("https://"));
    assert_eq!(
        world
            .control("PATCH", "/limits", json!({"refreshs": 1}))
            .status,
        400
    );
}

#[test]
fn reset_starts_again_with_the_same_client() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    world.limit("refreshes", 0);
    world.advance(100_000);
    assert_eq!(world.control("POST", "/reset", Value::Null).status, 204);
    assert_eq!(world.refresh(&refresh_token).error(), "invalid_code");
    assert!(world.refresh(&world.refresh_token()).is_granted());
}

#[test]
fn only_loopback_is_listened_on() {
    let config = Config {
        control: "0.0.0.0:0".parse().unwrap(),
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let refusal = runtime
        .block_on(Simulator::start(config))
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        refusal,
        "the simulator listens on loopback addresses only, such as 127.0.0.1, not on 0.0.0.0:0"
    );
}

#[test]
fn the_ports_close_when_it_is_told_to_stop() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let address = simulator
            .ready()
            .control
            .trim_start_matches("http://")
            .to_owned();
        assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
        simulator.run_until(std::future::ready(())).await;
        assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    });
}
