//! Whatever a caller sends, the log has none of it.

use super::estate::{Estate, eventually};

#[test]
fn nothing_that_a_caller_sends_is_in_the_log_at_its_loudest() {
    let estate = Estate::new("");
    let server = estate.start_with("serve --listen 127.0.0.1:0 -vvv", &[]);
    let host = server.address;
    for line in [
        "POST /oauth/v2/token?client_secret=canary&x=canary HTTP/1.1",
        "POST /oauth/v2/canary HTTP/1.1",
        "GET /crm/v8/Contacts/canary?q=canary HTTP/1.1",
        "GET /evergrant/v1/connections/canary/token HTTP/1.1",
        "CANARY /oauth/v2/token HTTP/1.1",
    ] {
        let form =
            "grant_type=refresh_token&client_id=canary&client_secret=canary&refresh_token=canary";
        let request = format!(
            "{line}\r\nhost: {host}\r\nconnection: close\r\nauthorization: Zoho-oauthtoken canary\r\n\
             cookie: canary\r\nuser-agent: canary\r\nx-canary: canary\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        assert_ne!(server.send(&request).status, 0, "{line}");
    }
    let given = estate.refresh(&server).body;
    let log = logged(&estate);
    let token = given.split('"').nth(3).unwrap();
    assert!(token.starts_with("1000."));
    for secret in [
        "canary",
        "CANARY",
        token,
        estate.caller.client_secret.expose_secret(),
        estate.caller.handles[0].1.expose_secret(),
    ] {
        assert!(!log.contains(secret), "{secret}\n{log}");
    }
    for word in [
        "route=\"/oauth/v2/token\"",
        "method=\"POST\"",
        "caller=nightly",
        "connection=acme",
        "status=200",
    ] {
        assert!(log.contains(word), "{word}\n{log}");
    }
}

/// Returns the log as soon as the request for a token is in it.
fn logged(estate: &Estate) -> String {
    eventually("it is logged", || {
        let log = estate.log();
        let line = log
            .lines()
            .find(|line| line.contains("nightly") && line.contains("answered"));
        line.is_some().then(|| log.clone())
    })
}

#[test]
fn who_is_refused_is_logged_at_the_usual_level() {
    let estate = Estate::new("");
    let server = estate.start_with("serve --listen 127.0.0.1:0", &[]);
    let id = &estate.caller.client_id;
    let handle = estate.caller.handles[0].1.expose_secret();
    let form = format!(
        "grant_type=refresh_token&client_id={id}&client_secret=wrong&refresh_token={handle}"
    );
    let request = format!(
        "POST /oauth/v2/token HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        server.address,
        form.len()
    );
    assert!(server.send(&request).body.contains("invalid_client_secret"));
    let line = eventually("it is logged", || {
        let log = estate.log();
        let mut lines = log.lines();
        let line = lines.find(|line| line.contains("answered"));
        line.map(str::to_owned)
    });
    for word in ["caller=nightly", "refused=\"invalid_client_secret\""] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn every_request_is_logged_where_that_is_wanted_and_as_json() {
    let estate = Estate::new("[log]\nformat = \"json\"\nlevel = \"debug\"\n");
    let server = estate.start();
    estate.refresh(&server);
    let log = logged(&estate);
    let line = log
        .lines()
        .find(|line| line.contains("answered"))
        .unwrap_or_else(|| panic!("{log}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["level"], &line["status"]),
        (&"DEBUG".into(), &200.into())
    );
    assert_eq!(line["span"]["caller"], "nightly");
}
