//! Callers that an administrator adds, changes and revokes over HTTP.

use evergrant::caller::{self, Mode};
use http::StatusCode;
use serde_json::{Value, json};

use super::reason;
use crate::estate::Estate;

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_added_rotated_and_revoked_and_works_meanwhile() {
    let estate = Estate::start().await;
    let new =
        json!({ "name": "nightly", "connections": ["acme"], "rules": ["GET /crm/*/Contacts*"] });
    let added = estate.api("POST", "/callers", new.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    assert_eq!(added.headers["location"], "/evergrant/v1/callers/nightly");
    let credentials = added.json();
    assert_eq!(
        credentials["accounts_domain"],
        "http://evergrant.example:8470"
    );
    assert!(works(&estate, &credentials).await);
    let taken = estate.api("POST", "/callers", new).await;
    assert_eq!(reason(&taken), (409, "name_taken".into()));

    assert_eq!(estate.read("/callers").await[0], credentials["caller"]);
    let shown = estate.read("/callers/nightly").await;
    assert_eq!(shown["rules"], json!(["GET /crm/*/Contacts*"]));

    let overlap = json!({ "overlap_seconds": 0 });
    let rotated = estate
        .api("POST", "/callers/nightly/rotate", overlap)
        .await
        .json();
    assert!(works(&estate, &rotated).await && !works(&estate, &credentials).await);
    let rotated_again = estate
        .api("POST", "/callers/nightly/rotate", Value::Null)
        .await
        .json();
    assert!(works(&estate, &rotated).await && works(&estate, &rotated_again).await);
    let path = "/callers/nightly/rotate";
    let repeated = estate.api("POST", path, Value::Null).await;
    assert_eq!(reason(&repeated), (409, "in_overlap".into()));
    let next = repeated.json()["next"].to_string();
    assert!(next.contains("force"), "{next}");
    assert!(works(&estate, &rotated).await, "what is in use goes on");
    let force = json!({ "force": true });
    let forced = estate.api("POST", path, force).await.json();
    assert!(!works(&estate, &rotated).await && works(&estate, &forced).await);

    let revoked = estate.api("DELETE", "/callers/nightly", Value::Null).await;
    assert_eq!(revoked.json()["state"], "revoked");
    assert!(!works(&estate, &rotated).await);
    let gone = estate.api("GET", "/callers/nightly", Value::Null).await;
    assert_eq!(reason(&gone), (404, "no_such_caller".into()));
    assert_eq!(estate.read("/callers").await, json!([]));
    assert_eq!(estate.read("/callers?all=true").await[0]["name"], "nightly");

    let rows = estate.read("/audit?limit=1000").await;
    let by_key = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["actor"] == "admin key");
    let events: Vec<_> = by_key.map(|row| row["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "caller_added",
            "caller_rotated",
            "caller_rotated",
            "caller_rotated",
            "caller_revoked"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_gets_a_connection_more_and_a_new_handle_for_a_revoked_one() {
    let estate = Estate::start().await;
    let client_id = estate.read("/connections/acme").await["client_id"].clone();
    let new = json!({ "name": "nightly", "exchange": { "name": "made", "client_id": client_id } });
    let added = estate.api("POST", "/callers", new).await.json();
    let path = "/callers/nightly/connect";
    let acme = json!({ "connection": "acme" });
    let reply = estate.api("POST", path, acme.clone()).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    assert_eq!(reply.headers["location"], "/evergrant/v1/callers/nightly");
    let mut connected = reply.json();
    assert_eq!(connected.get("client_secret"), None);
    connected["client_secret"] = added["client_secret"].clone();
    assert_eq!(connected["handles"][0]["connection"], "acme");
    assert!(works(&estate, &connected).await);
    let again = estate.api("POST", path, acme.clone()).await;
    assert_eq!(reason(&again), (409, "already_connected".into()));
    let next = again.json()["next"].to_string();
    assert!(next.contains("/callers/nightly/rotate"), "{next}");

    let token = connected["handles"][0]["refresh_token"].as_str().unwrap();
    estate
        .post("/oauth/v2/token/revoke", &[("token", token)])
        .await;
    assert!(!works(&estate, &connected).await);
    let mut anew = estate.api("POST", path, acme).await.json();
    anew["client_secret"] = added["client_secret"].clone();
    assert!(works(&estate, &anew).await && !works(&estate, &connected).await);
    let own = &anew["caller"]["connections"];
    assert_eq!(
        (&own[0]["state"], &own[1]["state"]),
        (&json!("revoked"), &json!("active"))
    );

    let rows = estate.read("/audit?limit=1000").await;
    let told = |row: &&Value| row["event"] == "handle_added" && row["actor"] == "admin key";
    assert_eq!(rows.as_array().unwrap().iter().filter(told).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_connected_is_said() {
    let estate = Estate::start().await;
    estate.caller("nightly", Mode::Proxied).await;
    for (caller, body, status, word) in [
        (
            "nobody",
            json!({ "connection": "acme" }),
            404,
            "no_such_caller",
        ),
        (
            "nightly",
            json!({ "connection": "nobody" }),
            404,
            "no_such_connection",
        ),
        (
            "nightly",
            json!({ "connection": "A b" }),
            400,
            "invalid_input",
        ),
        ("nightly", json!({}), 400, "invalid_json"),
        (
            "nightly",
            json!({ "conection": "acme" }),
            400,
            "invalid_json",
        ),
    ] {
        let path = format!("/callers/{caller}/connect");
        let reply = estate.api("POST", &path, body.clone()).await;
        assert_eq!(reason(&reply), (status, word.into()), "{body}");
    }
    let key = estate
        .api_as(&[], "POST", "/callers/nightly/connect", Value::Null)
        .await;
    assert_eq!(reason(&key), (401, "no_key".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_caller_is_said() {
    let estate = Estate::start().await;
    let client_id = estate.read("/connections/acme").await["client_id"].clone();
    let maker = json!({ "name": "maker", "exchange": { "name": "made", "client_id": client_id } });
    let made = estate.api("POST", "/callers", maker).await.json();
    assert_eq!(made["caller"]["exchange"]["client_id"], client_id);
    for (body, status, word) in [
        (json!({ "name": "a" }), 400, "missing_input"),
        (
            json!({ "name": "a", "connections": ["nobody"] }),
            404,
            "no_such_connection",
        ),
        (
            json!({ "name": "A b", "connections": ["acme"] }),
            400,
            "invalid_input",
        ),
        (
            json!({ "name": "a", "connections": ["acme"], "expires_at": "soon" }),
            400,
            "invalid_input",
        ),
        (
            json!({ "name": "a", "connections": ["acme"], "expires_at": "2001-01-01T00:00:00Z" }),
            400,
            "expires_in_the_past",
        ),
        (
            json!({ "name": "a", "connections": ["acme"], "mode": "direct", "rules": ["GET /*"] }),
            400,
            "rules_for_direct",
        ),
        (
            json!({ "name": "a", "connections": ["acme"], "mode": "direct", "scopes": ["ZohoCRM.modules.READ"] }),
            400,
            "scopes_for_direct",
        ),
        (
            json!({ "name": "a", "exchange": { "name": "b", "client_id": "1000.X" } }),
            404,
            "no_such_app",
        ),
        (
            json!({ "name": "a", "conections": ["acme"] }),
            400,
            "invalid_json",
        ),
        (json!([1]), 400, "invalid_json"),
    ] {
        let reply = estate.api("POST", "/callers", body.clone()).await;
        assert_eq!(reason(&reply), (status, word.into()), "{body}");
    }
    for path in ["/callers/nobody", "/callers/nobody/rotate"] {
        let method = if path.ends_with("rotate") {
            "POST"
        } else {
            "DELETE"
        };
        let reply = estate.api(method, path, Value::Null).await;
        assert_eq!(reason(&reply), (404, "no_such_caller".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_told_the_scopes_that_its_token_opens() {
    let estate = Estate::start().await;
    let scopes = json!(["ZohoCRM.modules.READ", "Desk.tickets.READ"]);
    let new = json!({ "name": "nightly", "connections": ["acme"], "scopes": scopes });
    let added = estate.api("POST", "/callers", new).await.json();
    assert_eq!(added["warnings"][0]["code"], "scope_missing");
    let message = added["warnings"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("acme has no scope Desk.tickets.READ"));
    let shown = estate.read("/callers/nightly").await;
    assert_eq!(shown["scopes"], scopes, "as it was configured");
    let effective = json!(["ZohoCRM.modules.READ"]);
    assert_eq!(shown["connections"][0]["effective_scopes"], effective);
    assert_eq!(estate.read("/callers").await, json!([shown]));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (id, secret) = (text(&added["client_id"]), text(&added["client_secret"]));
    let handle = text(&added["handles"][0]["refresh_token"]);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("refresh_token", &handle),
    ];
    let token = estate.post("/oauth/v2/token", &form).await.json();
    assert_eq!(token["scope"], "ZohoCRM.modules.READ", "{token}");

    // One that has all of its scopes is told nothing.
    let new = json!({ "name": "other", "connections": ["acme"], "scopes": effective });
    let added = estate.api("POST", "/callers", new).await.json();
    assert_eq!(added["warnings"], json!([]));
    assert_eq!(
        added["caller"]["connections"][0]["effective_scopes"],
        Value::Null
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_connection_lacks_is_told_whenever_a_handle_is_given() {
    let estate = Estate::start().await;
    let client_id = estate.read("/connections/acme").await["client_id"].clone();
    let right = json!({ "name": "made", "client_id": client_id });
    let new = json!({ "name": "nightly", "exchange": right, "scopes": ["Desk.tickets.READ"] });
    let added = estate.api("POST", "/callers", new).await.json();
    assert_eq!(added["warnings"], json!([]), "it has no connection yet");
    let acme = json!({ "connection": "acme" });
    let connected = estate.api("POST", "/callers/nightly/connect", acme).await;
    let rotated = estate
        .api("POST", "/callers/nightly/rotate", Value::Null)
        .await;
    for answer in [connected.json(), rotated.json()] {
        assert_eq!(answer["warnings"][0]["code"], "scope_missing", "{answer}");
        let effective = &answer["caller"]["connections"][0]["effective_scopes"];
        assert_eq!(*effective, json!([]));
    }
    // Of scopes that nobody told, none is known to lack.
    estate
        .world
        .execute("UPDATE connections SET scopes = ''")
        .await;
    let own = estate.read("/callers/nightly").await["connections"][0].clone();
    assert_eq!(own["effective_scopes"], Value::Null);
}

async fn works(estate: &Estate, credentials: &Value) -> bool {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", credentials["client_id"].as_str().unwrap()),
        (
            "client_secret",
            credentials["client_secret"].as_str().unwrap(),
        ),
        (
            "refresh_token",
            credentials["handles"][0]["refresh_token"].as_str().unwrap(),
        ),
    ];
    let reply = estate.post("/oauth/v2/token", &form).await;
    reply.json()["access_token"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changed_the_vault_has_the_server_look() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    assert!(estate.refresh(&caller).await.json()["access_token"].is_string());
    let vault = estate.world.vault().await;
    caller::revoke(&vault, &caller.caller.name).await.unwrap();
    let looked = estate.api("POST", "/look", Value::Null).await;
    assert_eq!(looked.json(), json!({"looked": true}));
    assert_eq!(
        estate.refresh(&caller).await.json()["error"],
        "invalid_code"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_were_added_a_moment_ago_are_known() {
    let estate = Estate::start().await;
    for name in ["one", "two", "three", "four", "five", "six"] {
        let caller = estate.caller_at_once(name, Mode::Direct).await;
        let reply = estate.refresh(&caller).await;
        assert!(
            reply.json()["access_token"].is_string(),
            "{name}: {reply:?}"
        );
    }
}
