//! The JSON API: what an administrator can ask for, and what is said to everybody else.

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
