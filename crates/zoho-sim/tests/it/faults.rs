//! Faults, as they look from the other side of the socket.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, request, send};

/// Plans faults for the exchange, makes a grant and tries the exchange once.
fn exchange(world: &World, code: &str) -> std::io::Result<crate::world::Answer> {
    let form = world.form(&[("grant_type", "authorization_code"), ("code", code)]);
    send(
        world.accounts_domain(),
        &request("POST", "/oauth/v2/token", &[], &form),
    )
}

fn planned(fault: Value) -> (World, String) {
    let world = World::new();
    let mut line = json!({"on": "exchange"});
    line.as_object_mut()
        .unwrap()
        .extend(fault.as_object().unwrap().clone());
    assert_eq!(
        world
            .control("PUT", "/faults", json!({"plan": [line]}))
            .status,
        200
    );
    let code = world.grant(json!({}));
    (world, code)
}

#[test]
fn reset_before_leaves_the_grant_whole() {
    let (world, code) = planned(json!({"do": "reset-before"}));
    assert_eq!(
        exchange(&world, &code).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(
        (
            &world.last_request()["reply"],
            &world.last_request()["status"]
        ),
        (&json!("none"), &Value::Null)
    );
    assert!(exchange(&world, &code).unwrap().is_granted());
}

#[test]
fn reset_after_spends_the_grant_without_a_byte_of_reply() {
    let (world, code) = planned(json!({"do": "reset-after"}));
    assert_eq!(
        exchange(&world, &code).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(world.stats("exchanged"), 1);
    assert_eq!(exchange(&world, &code).unwrap().error(), "invalid_code");
}

#[test]
fn refuse_closes_before_anything_is_read() {
    let (world, code) = planned(json!({"do": "refuse"}));
    let mut stream =
        TcpStream::connect(world.accounts_domain().trim_start_matches("http://")).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(exchange(&world, &code).unwrap().is_granted());
}

#[test]
fn refuse_with_a_word_is_zohos_refusal_and_does_not_act() {
    let (world, code) = planned(json!({"do": "refuse", "error": "invalid_code"}));
    assert_eq!(
        exchange(&world, &code).unwrap().body,
        r#"{"error":"invalid_code"}"#
    );
    assert_eq!(world.last_request()["error"], "invalid_code");
    assert!(exchange(&world, &code).unwrap().is_granted());
}

#[test]
fn refuse_can_throttle_and_speak_the_crms_language() {
    let (world, code) = planned(json!({"do": "refuse", "error": "Access Denied"}));
    assert_eq!(exchange(&world, &code).unwrap().text("status"), "failure");
    let token = exchange(&world, &code).unwrap().text("access_token");
    world.control(
        "PUT",
        "/faults",
        json!({"plan": [{"on": "api", "do": "refuse", "error": "INVALID_TOKEN"}]}),
    );
    let refused = world.crm("GET", "/crm/v8/Contacts?fields=id", &token, "");
    assert_eq!(
        (refused.status, refused.text("code").as_str()),
        (401, "INVALID_TOKEN")
    );
    assert_eq!(
        world
            .crm("GET", "/crm/v8/Contacts?fields=id", &token, "")
            .status,
        200
    );
}

#[test]
fn cut_promises_the_whole_and_sends_a_part() {
    let (world, code) = planned(json!({"do": "cut", "after_bytes": 20}));
    let answer = exchange(&world, &code).unwrap();
    assert_eq!(answer.body.len(), 20);
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert!(promised > 200);
    assert_eq!(
        (
            &world.last_request()["reply"],
            &world.last_request()["fault"]
        ),
        (&json!("cut"), &json!("cut"))
    );
    assert_eq!(exchange(&world, &code).unwrap().error(), "invalid_code");
}

#[test]
fn cut_is_half_the_body_unless_said_otherwise_and_may_be_nothing() {
    let (world, code) = planned(json!({"do": "cut"}));
    let answer = exchange(&world, &code).unwrap();
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(answer.body.len(), promised / 2);
    world.control(
        "PUT",
        "/faults",
        json!({"plan": [{"do": "cut", "after_bytes": 0}]}),
    );
    assert_eq!(exchange(&world, &code).unwrap().body, "");
}

#[test]
fn delay_acts_and_answers_late() {
    let (world, code) = planned(json!({"do": "delay", "seconds": 0.3}));
    let began = Instant::now();
    let answer = exchange(&world, &code).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(answer.status, 200);
}

#[test]
fn drip_sends_byte_by_byte() {
    let (world, code) = planned(json!({"do": "drip", "milliseconds": 1}));
    let began = Instant::now();
    let answer = exchange(&world, &code).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(answer.text("refresh_token").starts_with("1000."));
}

#[test]
fn status_html_and_redirect_do_not_act() {
    let (world, code) = planned(json!({"do": "status", "status": 503}));
    assert_eq!(exchange(&world, &code).unwrap().status, 503);
    world.control("PUT", "/faults", json!({"plan": [
        {"do": "html", "status": 502}, {"do": "redirect", "location": "https://login.example.com/"},
    ]}));
    let page = exchange(&world, &code).unwrap();
    assert_eq!(
        (page.status, page.header("content-type")),
        (502, Some("text/html;charset=UTF-8"))
    );
    let moved = exchange(&world, &code).unwrap();
    assert_eq!(
        (moved.status, moved.header("location")),
        (302, Some("https://login.example.com/"))
    );
    assert!(exchange(&world, &code).unwrap().is_granted());
}

#[test]
fn garbage_and_giant_act() {
    let (world, code) = planned(json!({"do": "garbage", "bytes": 64}));
    assert!(serde_json::from_str::<Value>(&exchange(&world, &code).unwrap().body).is_err());
    assert_eq!(exchange(&world, &code).unwrap().error(), "invalid_code");
    world.control(
        "PUT",
        "/faults",
        json!({"plan": [{"do": "giant", "bytes": 300_000}]}),
    );
    let answer = exchange(&world, &world.grant(json!({}))).unwrap();
    assert_eq!(answer.body.len(), 300_000);
    assert!(answer.text("refresh_token").starts_with("1000."));
}

#[test]
fn any_reply_can_be_scripted() {
    let body = r#"{"access_token":"a","refresh_token":7}"#;
    let (world, code) =
        planned(json!({"do": "body", "status": 418, "content_type": "text/plain", "body": body}));
    let answer = exchange(&world, &code).unwrap();
    assert_eq!(
        (
            answer.status,
            answer.header("content-type"),
            answer.body.as_str()
        ),
        (418, Some("text/plain"), body)
    );
    world.control(
        "PUT",
        "/faults",
        json!({"plan": [{"do": "body", "body": "{}", "acted": true}]}),
    );
    assert_eq!(exchange(&world, &code).unwrap().body, "{}");
    assert_eq!(exchange(&world, &code).unwrap().error(), "invalid_code");
}

#[test]
fn a_fault_happens_as_often_as_planned_and_to_whom_it_is_meant() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    let plan = json!({"plan": [{"on": "refresh", "do": "status", "status": 500, "times": 2}]});
    assert_eq!(
        world.control("PUT", "/faults", plan).json()["plan"][0]["times"],
        2
    );
    assert!(world.exchange(&world.grant(json!({}))).is_granted());
    let statuses: Vec<u16> = (0..3)
        .map(|_| world.refresh(&refresh_token).status)
        .collect();
    assert_eq!(statuses, [500, 500, 200]);
    assert_eq!(
        world.control("GET", "/faults", Value::Null).json()["plan"],
        json!([])
    );
}

#[test]
fn an_unknown_fault_is_refused_with_the_known_ones() {
    let answer = World::new().control(
        "PUT",
        "/faults",
        json!({"plan": [{"on": "refresh", "do": "explode"}]}),
    );
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("`reset-after`"), "{answer:?}");
}

#[test]
fn chance_strikes_as_often_as_it_says() {
    let world = World::new();
    world.limit("refreshes", 1000);
    let refresh_token = world.refresh_token();
    let chance = json!({"chance": {"probability": 0.3, "on": ["refresh"], "do": [{"do": "status", "status": 503}]}});
    assert_eq!(world.control("PUT", "/faults", chance).status, 200);
    let struck = (0..200)
        .filter(|_| world.refresh(&refresh_token).status == 503)
        .count();
    assert!((35..85).contains(&struck), "{struck}");
}

#[test]
fn a_kept_connection_serves_one_request_after_the_other() {
    let world = World::new();
    let mut stream =
        TcpStream::connect(world.accounts_domain().trim_start_matches("http://")).unwrap();
    for _ in 0..3 {
        stream
            .write_all(b"GET /oauth/serverinfo HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}
