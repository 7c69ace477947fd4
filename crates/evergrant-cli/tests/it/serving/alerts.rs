//! Somebody is told when the state of a connection changes.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use super::estate::{Estate, eventually};

#[test]
fn a_program_and_a_webhook_are_told_and_the_webhook_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook?key=canary", listener.local_addr().unwrap());
    let posted =
        thread::spawn(move || ["503 Busy", "204 Done"].map(|status| take(&listener, status)));
    let estate = Estate::new(&format!(
        "[http]\nmax_retries = 0\n[server]\nalert_webhook = \"{url}\"\n\
         alert_command = [\"sh\", \"-c\", \"cat >> alerts.json; env > alert.env\"]\n"
    ));
    let server = estate.start_with(
        "serve --listen 127.0.0.1:0",
        &[("ZOHO_CLIENT_SECRET", "canary")],
    );
    // It begins to follow the audit.
    thread::sleep(std::time::Duration::from_secs(2));
    estate.expire();
    let fault = json!({"on": "refresh", "do": "status", "status": 503, "times": 9});
    estate
        .flow
        .simulator
        .control("PUT", "/faults", &json!({ "plan": [fault] }));
    estate.refresh(&server);
    let alerts = estate.flow.world.path("alerts.json");
    let told = eventually("the program is told", || {
        let text = fs::read_to_string(&alerts).unwrap_or_default();
        text.ends_with('\n').then_some(text)
    });
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["connection"], "acme");
    assert_eq!(
        (&told["previous"], &told["state"]),
        (&json!("healthy"), &json!("failing"))
    );
    assert_eq!(told["next"][0], "evergrant status acme");
    for body in posted.join().unwrap() {
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), told);
    }
    let environment = fs::read_to_string(estate.flow.world.path("alert.env")).unwrap();
    assert!(environment.contains("EVERGRANT_HOME") && !environment.contains("canary"));
    assert!(!estate.log().contains("canary"));
}

/// Takes one request, answers it with a status, and returns its body.
fn take(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if request.ends_with("}\n") {
            break;
        }
    }
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    request.split_once("\r\n\r\n").unwrap().1.to_owned()
}
