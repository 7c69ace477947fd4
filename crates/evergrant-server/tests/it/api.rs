//! The JSON API: what an administrator can ask for, and what is said to everybody else.

mod callers;

use evergrant::caller::Mode;
use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    estate::{Estate, Reply},
    world::World,
};

fn reason(reply: &Reply) -> (u16, String) {
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert!(reply.headers.contains_key("evergrant-error"));
    let reason = reply.json()["reason"].as_str().unwrap().to_owned();
    (reply.status.as_u16(), reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_listed_and_shown() {
    let estate = Estate::start().await;
    let all = estate.read("/connections").await;
    assert_eq!(all[0]["name"], "acme");
    assert_eq!(all, estate.read("/status").await);
    assert_eq!(all[0], estate.read("/connections/acme").await);
    let nobody = estate.api("GET", "/connections/nobody", Value::Null).await;
    assert_eq!(reason(&nobody), (404, "no_such_connection".into()));
    let told = nobody.json();
    assert_eq!(told["next"], json!(["GET /evergrant/v1/connections"]));
    let at_terminal = json!(["evergrant connections list"]);
    assert_eq!(told["next_at_terminal"], at_terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_given_and_reported() {
    let estate = Estate::start().await;
    let token = estate.read("/connections/acme/token").await;
    assert!(token["access_token"].as_str().unwrap().starts_with("1000."));
    let path = "/connections/acme/token?min_valid=1800&strict=true";
    assert_eq!(
        estate.read(path).await["access_token"],
        token["access_token"]
    );
    assert_eq!(estate.world.refreshes().await, 0);

    let cut = "/connections/acme/token?min_valid=100000";
    let reply = estate.api("GET", cut, Value::Null).await;
    let warning: Value =
        serde_json::from_slice(reply.headers["evergrant-warning"].as_bytes()).unwrap();
    assert_eq!(warning["code"], "min_valid_cut");
    let strict = estate
        .api("GET", &format!("{cut}&strict=true"), Value::Null)
        .await;
    assert_eq!(reason(&strict), (400, "min_valid_too_long".into()));

    let report = json!({ "access_token": token["access_token"] });
    let path = "/connections/acme/token/refused";
    let reported = estate.api("POST", path, report.clone()).await.json();
    assert_eq!(reported["report"], "dropped");
    let again = estate.api("POST", path, report).await.json();
    assert_eq!(again["report"], "not_current");
    let new = estate.read("/connections/acme/token").await;
    assert_ne!(new["access_token"], token["access_token"]);
    let report = json!({ "access_token": new["access_token"] });
    let too_many = estate.api("POST", path, report).await.json();
    assert_eq!(too_many["report"], "too_many");
    assert!(too_many["believed_at"].is_string());
    let unknown = json!({ "access_token": "1000.a.b" });
    let unknown = estate.api("POST", path, unknown).await.json();
    assert_eq!(unknown["report"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_read_page_by_page() {
    let estate = Estate::start().await;
    for name in ["a", "b", "c"] {
        estate.caller(name, Mode::Direct).await;
    }
    let all = estate.read("/audit").await;
    let mut pages = Vec::new();
    let mut next = Some("/audit?limit=2".to_owned());
    while let Some(path) = next {
        let reply = estate.api("GET", &path, Value::Null).await;
        pages.extend(reply.json().as_array().unwrap().clone());
        let link = reply.headers.get("link").map(|link| link.to_str().unwrap());
        next = link.map(|link| {
            let (path, rest) = link.split_once('>').unwrap();
            assert_eq!(rest, "; rel=\"next\"");
            path.strip_prefix("</evergrant/v1").unwrap().to_owned()
        });
    }
    assert_eq!(Value::Array(pages), all);
    let first = all[0]["at"].as_str().unwrap();
    assert_eq!(estate.read(&format!("/audit?since={first}")).await, all);
    assert_eq!(
        estate.read("/audit?since=2999-01-01T00:00:00Z").await,
        json!([])
    );
    for wrong in ["since=yesterday", "limit=0", "limit=1001"] {
        let reply = estate
            .api("GET", &format!("/audit?{wrong}"), Value::Null)
            .await;
        assert_eq!(reason(&reply), (400, "invalid_input".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_there_is_nothing_but_the_description() {
    let estate = Estate::start().await;
    let described = estate
        .api_as(&[], "GET", "/openapi.json", Value::Null)
        .await;
    assert_eq!(described.json()["openapi"], "3.1.0");
    let right = format!("Bearer {}", estate.admin_key.expose_secret());
    let basic = right.replace("Bearer", "Basic");
    let cut = &right[..right.len() - 1];
    for (headers, status, word) in [
        (&[][..], 401, "no_key"),
        (&["Bearer eva_wrong"], 401, "wrong_key"),
        (&[cut], 401, "wrong_key"),
        (&[&*basic], 401, "wrong_key"),
        (&[&*right, &*right], 400, "credentials_twice"),
    ] {
        for (method, path) in [
            ("GET", "/status"),
            ("POST", "/callers"),
            ("GET", "/connections/acme/token"),
        ] {
            let reply = estate.api_as(headers, method, path, Value::Null).await;
            assert_eq!(reason(&reply), (status, word.into()), "{method} {path}");
            assert_eq!(
                reply.headers.contains_key("www-authenticate"),
                status == 401
            );
            assert!(!reply.body.contains(&right[10..]), "{}", reply.body);
        }
    }
    let key = estate.admin_key.expose_secret();
    let in_url = format!("/status?key={key}");
    for headers in [&[][..], &[&*right]] {
        let reply = estate.api_as(headers, "GET", &in_url, Value::Null).await;
        assert_eq!(reason(&reply), (400, "credentials_in_url".into()));
        assert!(!reply.body.contains(key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_is_slowed_and_whoever_knows_is_not() {
    let estate = Estate::start().await;
    let mut seen = Vec::new();
    for _ in 0..70 {
        let reply = estate
            .api_as(&["Bearer eva_guess"], "GET", "/status", Value::Null)
            .await;
        seen.push(reason(&reply).0);
        if seen.len() == 65 {
            assert_eq!(reply.headers["retry-after"], "60");
        }
    }
    assert_eq!((seen[0], seen[69]), (401, 429));
    estate.read("/status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cannot_be_read_are_problems() {
    let estate = Estate::start().await;
    let token = "1000.canary0123456789abcdef.0123456789abcdef";
    for (method, path, status, word) in [
        ("GET", "/nothing", 404, "no_such_path"),
        ("GET", "", 404, "no_such_path"),
        ("PUT", "/status", 405, "no_such_method"),
        ("OPTIONS", "/status", 405, "no_such_method"),
        ("GET", "/connections/A%20b", 400, "invalid_name"),
        (
            "GET",
            &format!("/connections/acme/token?token={token}"),
            400,
            "invalid_query",
        ),
        (
            "GET",
            "/connections/acme/token?min_valid=-1",
            400,
            "invalid_query",
        ),
        (
            "GET",
            "/connections/acme/token?strict=maybe",
            400,
            "invalid_query",
        ),
    ] {
        let reply = estate.api(method, path, Value::Null).await;
        assert_eq!(reason(&reply), (status, word.into()), "{method} {path}");
        assert!(!reply.body.contains("canary"));
        let is_named = reply.body.contains("min_valid is no whole number");
        assert_eq!(is_named, path.contains("min_valid"), "{path}");
    }
    let large = json!({ "access_token": "x".repeat(70_000) });
    let reply = estate
        .api("POST", "/connections/acme/token/refused", large)
        .await;
    assert_eq!(reason(&reply), (413, "too_large".into()));
    let wrong = json!({ "access_token": format!("{token} and more") });
    let reply = estate
        .api("POST", "/connections/acme/token/refused", wrong)
        .await;
    assert_eq!(reason(&reply), (400, "invalid_input".into()));
    assert!(!reply.body.contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_why_there_is_no_token_has_its_status() {
    for (error, times, status, code, word) in [
        ("Access Denied", 1, 429, "throttled", "access_denied"),
        ("invalid_code", 2, 409, "new_grant_needed", "invalid_code"),
        ("invalid_client", 2, 404, "config", "app_refused"),
        ("server_error", 1, 503, "unavailable", "unavailable"),
    ] {
        let estate = Estate::start_with(World::expired().await, |_| ()).await;
        let body = json!({ "error": error }).to_string();
        let fault = json!({ "do": "body", "status": 200, "body": body, "times": 99 });
        estate.world.fault(fault).await;
        let mut reply = None;
        for _ in 0..times {
            estate
                .world
                .execute("UPDATE leases SET closed_until_ms = 0")
                .await;
            reply = Some(
                estate
                    .api("GET", "/connections/acme/token", Value::Null)
                    .await,
            );
        }
        let reply = reply.unwrap();
        assert_eq!(reason(&reply), (status, word.into()), "{reply:?}");
        let problem = reply.json();
        assert_eq!(
            (&problem["code"], &problem["connection"]),
            (&json!(code), &json!("acme"))
        );
        assert_eq!(
            reply.headers.contains_key("retry-after"),
            problem["retry_at"].is_string()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_gone_is_said() {
    let estate = Estate::start().await;
    estate.world.execute("DROP TABLE audit").await;
    let reply = estate.api("GET", "/audit", Value::Null).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.json()["code"], "vault");
}
