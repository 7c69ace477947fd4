//! The accounts server: a handle in, the shared access token out, in Zoho's words.

use std::time::Duration;

use evergrant::caller::{self, Mode, Rotation};
use http::{Request, StatusCode};
use http_body_util::Full;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use crate::estate::{Estate, by_handle};

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_caller_gets_zohos_token_and_a_domain_that_no_sdk_knows() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let reply = estate.refresh(&caller).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(!reply.body.contains('\n'));
    let token = reply.json();
    assert!(token["access_token"].as_str().unwrap().starts_with("1000."));
    assert_eq!(token["scope"], "ZohoCRM.modules.ALL");
    assert_eq!(token["token_type"], "Bearer");
    assert!((3500..=3600).contains(&token["expires_in"].as_u64().unwrap()));
    // Everybody gets the same, and the simulator was asked by the exchange alone.
    estate.world.pass(60).await;
    let again = estate.refresh(&caller).await.json();
    assert_eq!(again["access_token"], token["access_token"]);
    assert_eq!(
        again["expires_in"].as_u64().unwrap(),
        token["expires_in"].as_u64().unwrap() - 60
    );
    assert_eq!(estate.world.refreshes().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxied_caller_gets_a_token_of_ours_and_our_address() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Proxied).await;
    let token = estate.refresh(&caller).await.json();
    assert!(token["access_token"].as_str().unwrap().starts_with("evp_"));
    assert_eq!(token["api_domain"], "http://evergrant.example:8470");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_placement_is_taken() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(by_handle(&caller))
        .finish();
    let url = estate.url("/oauth/v2/token");
    let query = Request::post(format!("{url}?{form}")).body(Full::default());
    let multipart: String = by_handle(&caller)
        .iter()
        .map(|(name, value)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        })
        .collect();
    let multipart = Request::post(&url)
        .header("Content-Type", "multipart/form-data; boundary=b")
        .body(Full::from(multipart + "--b--\r\n"));
    let basic = format!(
        "{}:{}",
        caller.client_id.as_str(),
        caller.client_secret.expose_secret()
    );
    let handle = caller.handles[0].1.expose_secret();
    let basic = Request::post(&url)
        .header("Authorization", format!("Basic {}", base64(&basic)))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(Full::from(format!(
            "grant_type=refresh_token&refresh_token={handle}"
        )));
    for request in [query, multipart, basic] {
        let reply = estate.send(request.unwrap()).await;
        assert!(reply.json()["access_token"].is_string(), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_zohos_words() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let right = by_handle(&caller);
    for (wrong, value, word) in [
        ("client_id", "1000.NOBODY", "invalid_client"),
        ("client_secret", "guess", "invalid_client_secret"),
        ("refresh_token", "1000.a.b", "invalid_code"),
        ("grant_type", "password", "unsupported_grant_type"),
    ] {
        let form = right.map(|(name, given)| (name, if name == wrong { value } else { given }));
        let reply = estate.post("/oauth/v2/token", &form).await;
        assert_eq!(
            (reply.status, reply.json()),
            (StatusCode::OK, json!({ "error": word }))
        );
    }
    let twice = [&right[..], &[("client_id", "1000.B")]].concat();
    let reply = estate.post("/oauth/v2/token", &twice).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        reply.json()["error_description"],
        "client_id is given twice"
    );
    assert_eq!(
        estate.get("/oauth/v2/token").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn client_credentials_bring_the_only_connection() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let [_, id, secret, _] = by_handle(&caller);
    let form = [("grant_type", "client_credentials"), id, secret];
    let reply = estate.post("/oauth/v2/token", &form).await;
    assert!(reply.json()["access_token"].is_string(), "{reply:?}");
    let wrong = [form[0], id, ("client_secret", "guess")];
    let reply = estate.post("/oauth/v2/token", &wrong).await;
    assert_eq!(
        (reply.status, reply.json()),
        (StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_handle_is_dead_within_a_second_and_its_connection_lives() {
    let estate = Estate::start().await;
    let (one, other) = (
        estate.caller("one", Mode::Direct).await,
        estate.caller("other", Mode::Direct).await,
    );
    for (name, path) in [
        ("old", "/oauth/v2/token/revoke"),
        ("new", "/oauth/v2/revoke/token"),
    ] {
        let caller = estate.caller(name, Mode::Direct).await;
        estate.refresh(&caller).await;
        let handle = caller.handles[0].1.expose_secret();
        let reply = estate.post(path, &[("token", handle)]).await;
        let last_used = estate.stored(&caller).await.last_used_at;
        assert!(last_used.is_some(), "its last use is not forgotten with it");
        assert_eq!(reply.json(), json!({"status": "success"}));
        assert_eq!(
            estate.refresh(&caller).await.json()["error"],
            "invalid_code"
        );
        let again = estate.post(path, &[("token", handle)]).await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST);
    }
    // By another process.
    let vault = estate.world.vault().await;
    caller::revoke(&vault, &one.caller.name).await.unwrap();
    estate.settle().await;
    assert_eq!(estate.refresh(&one).await.json()["error"], "invalid_code");
    assert!(estate.refresh(&other).await.json()["access_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_added_a_moment_ago_is_known() {
    let estate = Estate::start().await;
    let caller = estate.caller_at_once("nightly", Mode::Direct).await;
    assert!(estate.refresh(&caller).await.json()["access_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_was_rotated_away_cannot_end_the_new_one() {
    let estate = Estate::start().await;
    let old = estate.caller("nightly", Mode::Direct).await;
    let vault = estate.world.vault().await;
    let name = &old.caller.name;
    let overlap = Rotation {
        overlap: Duration::from_secs(3600),
        force: false,
    };
    let mut rng = StdRng::seed_from_u64(4);
    let new = caller::rotate(&vault, name, overlap, &mut rng)
        .await
        .unwrap();
    estate.settle().await;
    let handle = old.handles[0].1.expose_secret();
    let reply = estate
        .post("/oauth/v2/token/revoke", &[("token", handle)])
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    for works in [&old, &new] {
        assert!(estate.refresh(works).await.json()["access_token"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_led_a_browser_here_gets_nothing() {
    let estate = Estate::start().await;
    let request = Request::get(estate.url("/oauth/serverinfo"))
        .header("Host", "evil.example")
        .body(Full::default());
    let reply = estate.send(request.unwrap()).await;
    assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST);
    let reply = estate.get("/oauth/serverinfo").await;
    assert_eq!(
        reply.json()["locations"]["eu"],
        "http://evergrant.example:8470"
    );
}

fn base64(text: &str) -> String {
    use base64ct::{Base64, Encoding};
    Base64::encode_string(text.as_bytes())
}
