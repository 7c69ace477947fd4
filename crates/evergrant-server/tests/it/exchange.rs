//! The exchange of a code for a caller: the refresh token stays here, the caller gets a handle.

mod late;

use std::time::Duration;

use evergrant::caller::{self, ExchangeRight, Issued, Mode, NewCaller};
use http::{Request, StatusCode};
use http_body_util::Full;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use zoho_oauth::Scopes;

use crate::{
    estate::{Estate, Reply},
    world::World,
};

impl Estate {
    /// Adds a caller that may exchange grant tokens of the app of `acme`, under the name `customer`.
    async fn exchanger(&self, name: &str, mode: Mode) -> Issued {
        let vault = self.world.vault().await;
        let apps = evergrant::app::list(vault.vault()).await.unwrap();
        let new = NewCaller {
            name: name.parse().unwrap(),
            connections: Vec::new(),
            mode,
            rules: Vec::new(),
            scopes: Scopes::default(),
            expires_at: None,
            exchange: Some(ExchangeRight {
                name: "customer".parse().unwrap(),
                app_id: apps[0].id.clone(),
            }),
        };
        let mut rng = StdRng::seed_from_u64(name.bytes().map(u64::from).sum());
        let issued = caller::add(&vault, new, &mut rng).await.unwrap();
        self.settle().await;
        issued
    }

    async fn exchange(&self, issued: &Issued, code: &str) -> Reply {
        self.post("/oauth/v2/token", &by_code(issued, code)).await
    }

    /// Counts the exchanges that the simulator saw.
    async fn exchanges(&self) -> usize {
        let requests = self.world.control("GET", "/requests", Value::Null).await;
        let requests = requests.as_array().unwrap().iter();
        // That of `acme` was the first.
        requests
            .filter(|one| one["grant_type"] == "authorization_code")
            .count()
            - 1
    }

    async fn fault(&self, mut fault: Value) {
        fault["on"] = json!("exchange");
        let plan = json!({ "plan": [fault] });
        self.world.control("PUT", "/faults", plan).await;
    }

    /// Lists the names of all connections.
    async fn connections(&self) -> Vec<String> {
        let vault = self.world.vault().await;
        let all = evergrant::connection::list(vault.vault()).await.unwrap();
        all.iter().map(|one| one.name.to_string()).collect()
    }
}

/// Makes a grant token.
async fn code(world: &World) -> String {
    let wish = json!({ "scope": "ZohoCRM.modules.ALL" });
    let grant = world.control("POST", "/grants", wish).await;
    grant["code"].as_str().unwrap().to_owned()
}

/// The form by which a code is exchanged.
fn by_code<'a>(issued: &'a Issued, code: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("client_id", issued.client_id.as_str()),
        ("client_secret", issued.client_secret.expose_secret()),
        ("code", code),
    ]
}

fn word(reply: &Reply) -> (u16, String) {
    let word = reply.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (reply.status.as_u16(), word)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_becomes_a_handle_that_refreshes() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(reply.status, StatusCode::OK);
    let keys = [
        "access_token",
        "refresh_token",
        "scope",
        "api_domain",
        "token_type",
        "expires_in",
    ];
    let places = keys.map(|key| reply.body.find(&format!("\"{key}\":")).unwrap());
    assert!(places.is_sorted(), "Zoho's order: {}", reply.body);
    let answer = reply.json();
    let handle = answer["refresh_token"].as_str().unwrap();
    assert!(caller::Handle::parse(handle).is_some());
    assert!(
        answer["access_token"]
            .as_str()
            .unwrap()
            .starts_with("1000.")
    );
    assert_eq!(estate.connections().await, ["acme", "customer"]);

    let [_, id, secret, _] = by_code(&caller, &code);
    let form = [
        ("grant_type", "refresh_token"),
        id,
        secret,
        ("refresh_token", handle),
    ];
    let refreshed = estate.post("/oauth/v2/token", &form).await.json();
    assert_eq!(refreshed["access_token"], answer["access_token"]);
    assert_eq!(refreshed["refresh_token"], Value::Null);
    assert_eq!(estate.world.refreshes().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxied_caller_gets_nothing_of_zohos() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Proxied).await;
    let answer = estate
        .exchange(&caller, &code(&estate.world).await)
        .await
        .json();
    assert!(answer["access_token"].as_str().unwrap().starts_with("evp_"));
    assert_eq!(answer["api_domain"], "http://evergrant.example:8470");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_brings_the_same_at_once_and_later() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    let (one, two) = tokio::join!(
        estate.exchange(&caller, &code),
        estate.exchange(&caller, &code)
    );
    estate.world.pass(590).await;
    let three = estate.exchange(&caller, &code).await;
    let handles = [&one, &two, &three].map(|reply| reply.json()["refresh_token"].clone());
    assert!(handles[0].is_string() && handles.iter().all(|handle| *handle == handles[0]));
    assert_eq!(estate.exchanges().await, 1);
    assert_eq!(estate.connections().await, ["acme", "customer"]);

    let stranger = estate.exchanger("stranger", Mode::Direct).await;
    let reply = estate.exchange(&stranger, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
    estate.world.pass(11).await;
    let late = estate.exchange(&caller, &code).await;
    assert_eq!(word(&late), (200, "invalid_code".into()));
    assert_eq!(estate.exchanges().await, 1, "the vault knows the code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_handle_is_not_given_again() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    let answer = estate.exchange(&caller, &code).await.json();
    let handle = answer["refresh_token"].as_str().unwrap();
    estate
        .post("/oauth/v2/token/revoke", &[("token", handle)])
        .await;
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_ends_no_exchange() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    estate.fault(json!({ "do": "delay", "seconds": 1 })).await;
    let gone = estate.exchange(&caller, &code);
    let waited = tokio::time::timeout(Duration::from_millis(300), gone).await;
    assert!(waited.is_err(), "the request was cancelled");
    let answer = estate.exchange(&caller, &code).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(estate.exchanges().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_ends_what_it_began() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    estate.fault(json!({ "do": "delay", "seconds": 1 })).await;
    let gone = estate.exchange(&caller, &code);
    let _ = tokio::time::timeout(Duration::from_millis(300), gone).await;
    let world = estate.stop().await;
    assert_eq!(world.count("connections WHERE name = 'customer'").await, 1);
    assert_eq!(world.count("caller_connections").await, 1);

    // The next server knows the code by the vault alone.
    let estate = Estate::start_with(world, |_| ()).await;
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
    assert_eq!(estate.exchanges().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn zohos_refusals_come_back_in_its_words() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let unknown = format!("1000.{}.{}", "0".repeat(32), "1".repeat(32));
    for (fault, code, expected) in [
        (None, unknown.as_str(), (200, "invalid_code")),
        (None, "", (200, "invalid_code")),
        (
            Some("invalid_redirect_uri"),
            "1000.a.b",
            (200, "invalid_redirect_uri"),
        ),
        (Some("Access Denied"), "1000.a.c", (400, "Access Denied")),
        // It is ours, not the caller's, which was right.
        (Some("invalid_client"), "1000.a.d", (503, "general_error")),
        (
            Some("invalid_client_secret"),
            "1000.a.e",
            (503, "general_error"),
        ),
    ] {
        if let Some(error) = fault {
            estate
                .fault(json!({ "do": "refuse", "error": error }))
                .await;
        }
        let reply = estate.exchange(&caller, code).await;
        assert_eq!(word(&reply), (expected.0, expected.1.into()), "{fault:?}");
    }
    assert_eq!(estate.connections().await, ["acme"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_spends_no_code() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let other = estate.caller("nightly", Mode::Direct).await;
    let code = code(&estate.world).await;
    let reply = estate.exchange(&other, &code).await;
    assert_eq!(word(&reply), (200, "unsupported_grant_type".into()));
    let mut form = by_code(&caller, &code);
    form[2].1 = "guess";
    let reply = estate.post("/oauth/v2/token", &form).await;
    assert_eq!(word(&reply), (200, "invalid_client_secret".into()));
    assert_eq!(estate.exchanges().await, 0);
    let answer = estate.exchange(&caller, &code).await.json();
    assert!(answer["refresh_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_uri_and_verifier_are_passed_on() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let wish = json!({
        "scope": "ZohoCRM.modules.ALL", "code_challenge": "a".repeat(43), "code_challenge_method": "plain",
    });
    let grant = estate.world.control("POST", "/grants", wish).await;
    let code = grant["code"].as_str().unwrap();
    let (right, wrong) = ("a".repeat(43), "b".repeat(43));
    let with = |verifier| [&by_code(&caller, code)[..], &[("code_verifier", verifier)]].concat();
    let refused = estate.post("/oauth/v2/token", &with(&wrong)).await;
    assert_ne!(refused.json()["error"], Value::Null);
    let grant = estate.world.control("POST", "/grants", json!({
        "scope": "ZohoCRM.modules.ALL", "code_challenge": right, "code_challenge_method": "plain",
    })).await;
    let code = grant["code"].as_str().unwrap();
    let form = [
        &by_code(&caller, code)[..],
        &[("code_verifier", right.as_str())],
    ]
    .concat();
    let answer = estate.post("/oauth/v2/token", &form).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
    let long = "u".repeat(4000);
    let form = [
        &by_code(&caller, "1000.a.b")[..],
        &[("redirect_uri", long.as_str())],
    ]
    .concat();
    let reply = estate.post("/oauth/v2/token", &form).await;
    assert_eq!(word(&reply), (200, "invalid_redirect_uri".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_client_secret_is_tried_too() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let renewed = estate
        .world
        .control("POST", "/kill", json!({ "what": "client_secret" }))
        .await;
    let vault = estate.world.vault().await;
    let app = evergrant::app::list(vault.vault()).await.unwrap().remove(0);
    let secret = renewed["client_secret"].as_str().unwrap();
    let mut rng = StdRng::seed_from_u64(9);
    let secret = zoho_oauth::ClientSecret::new(secret);
    evergrant::app::add_secret(&vault, &app.id, &secret, &mut rng)
        .await
        .unwrap();
    let answer = estate
        .exchange(&caller, &code(&estate.world).await)
        .await
        .json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn node_sends_a_multipart_form() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    let body: String = by_code(&caller, &code)
        .iter()
        .map(|(name, value)| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        })
        .collect();
    let request = Request::post(estate.url("/oauth/v2/token"))
        .header("Content-Type", "multipart/form-data; boundary=b")
        .body(Full::from(body + "--b--\r\n"));
    let answer = estate.send(request.unwrap()).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
}
