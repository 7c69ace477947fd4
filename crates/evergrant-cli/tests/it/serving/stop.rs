//! How a server comes to its end.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::estate::{Estate, eventually};

#[test]
fn a_stop_lets_a_request_come_to_its_end() {
    let estate = Estate::new("");
    estate.expire();
    let mut server = estate.start();
    slow(&estate, 1.5);
    thread::scope(|threads| {
        let asking = threads.spawn(|| estate.refresh(&server));
        asked(&estate);
        server.signal("TERM");
        let reply = asking.join().unwrap();
        assert!(reply.body.contains("access_token"), "{reply:?}");
    });
    assert_eq!(server.ended(), Some(0));
    assert!(
        estate.log().trim_end().ends_with("stopped"),
        "{}",
        estate.log()
    );
    let noted = "SELECT count(*) FROM callers WHERE last_used_at IS NOT NULL";
    assert_eq!(estate.flow.rows(noted), "1");
}

#[test]
fn a_stop_waits_no_longer_than_the_settings_of_the_moment_say() {
    let estate = Estate::new("");
    estate.expire();
    let mut server = estate.start();
    slow(&estate, 15.0);
    let world = &estate.flow.world;
    world.file("config.toml", "[server]\ngrace = \"1s\"");
    server.signal("HUP");
    eventually("they are read", || {
        estate.log().contains("were read again").then_some(())
    });
    thread::scope(|threads| {
        let asking = threads.spawn(|| estate.refresh(&server));
        asked(&estate);
        let began = Instant::now();
        server.signal("TERM");
        assert_eq!(asking.join().unwrap().status, 0);
        assert!(began.elapsed() < Duration::from_secs(8));
    });
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let estate = Estate::new("");
    estate.expire();
    let mut server = estate.start();
    slow(&estate, 15.0);
    thread::scope(|threads| {
        threads.spawn(|| estate.refresh(&server));
        asked(&estate);
        server.signal("TERM");
        thread::sleep(Duration::from_millis(300));
        server.signal("TERM");
    });
    assert_eq!(server.ended(), Some(143));
}

#[test]
fn a_log_for_machines_has_no_line_for_people_from_its_first_to_its_last() {
    let estate =
        Estate::new("[log]\nformat = \"json\"\n[server]\npublic_url = \"http://zoho.internal\"");
    let mut server = estate.start();
    server.send("GET /evergrant/v1/status HTTP/1.1\r\nhost: zoho.internal\r\nauthorization: Bearer eva_x\r\nconnection: close\r\n\r\n");
    server.signal("TERM");
    assert_eq!(server.ended(), Some(0));
    let log = estate.log();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let found = |message: &str| {
        let with = |line: &&Value| line["message"].as_str().unwrap().starts_with(message);
        lines
            .iter()
            .find(with)
            .unwrap_or_else(|| panic!("{message}: {log}"))
    };
    assert_eq!(found("listening")["address"], server.address.to_string());
    assert_eq!(found("callers are told")["code"], "public_url_in_the_clear");
    let peer = found("somebody showed a wrong admin key")["peer"].as_str();
    assert!(peer.unwrap().starts_with("127.0.0.1:"), "{log}");
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}

fn slow(estate: &Estate, seconds: f64) {
    let plan = json!({"plan": [{"on": "refresh", "do": "delay", "seconds": seconds}]});
    estate.flow.simulator.control("PUT", "/faults", &plan);
}

fn asked(estate: &Estate) {
    let refreshes = || {
        let requests = estate.flow.simulator.requests();
        requests
            .into_iter()
            .find(|request| request["grant_type"] == "refresh_token")
    };
    eventually("the simulator is asked", refreshes);
}
