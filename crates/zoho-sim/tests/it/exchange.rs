//! `grant_type=authorization_code`.

use serde_json::json;

use crate::world::{World, request, send};

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>; the key order is that of
/// <https://zoho.com/developer/docs/vertical-solutions/api/v6/refresh.html>.
#[test]
fn an_exchange_brings_all_fields_in_zohos_order_on_one_line() {
    let world = World::new();
    let answer = world.exchange(&world.grant(json!({})));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json;charset=UTF-8")
    );
    assert!(!answer.body.contains('\n'));
    let places = [
        "access_token",
        "refresh_token",
        "scope",
        "api_domain",
        "token_type",
        "expires_in",
    ]
    .map(|key| answer.body.find(&format!("\"{key}\"")).unwrap());
    assert!(places.is_sorted(), "{}", answer.body);
    assert_eq!(answer.json()["expires_in"], 3600);
    assert_eq!(answer.text("api_domain"), world.accounts_domain());
}

/// <https://zoho.com/accounts/protocol/oauth/self-client/authorization-code-flow.html> shows the shape of tokens.
#[test]
fn all_tokens_look_alike() {
    let world = World::new();
    let code = world.grant(json!({}));
    let answer = world.exchange(&code);
    for token in [
        code,
        answer.text("access_token"),
        answer.text("refresh_token"),
    ] {
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(
            [parts[0].len(), parts[1].len(), parts[2].len()],
            [4, 32, 32]
        );
        assert!(
            parts[1]
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        );
    }
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
#[test]
fn a_grant_token_works_once() {
    let world = World::new();
    let code = world.grant(json!({}));
    assert!(world.exchange(&code).is_granted());
    assert_eq!(world.exchange(&code).body, r#"{"error":"invalid_code"}"#);
}

/// <https://www.bigin.com/developer/docs/apis/self-client-generate-code.html>
#[test]
fn a_grant_token_lives_three_minutes_unless_more_are_asked_for() {
    let world = World::new();
    let (short, long) = (world.grant(json!({})), world.grant(json!({"minutes": 10})));
    world.advance(181);
    assert_eq!(world.exchange(&short).error(), "invalid_code");
    assert!(world.exchange(&long).is_granted());
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: client_id missing or unknown.
#[test]
fn an_unknown_client_is_an_invalid_client() {
    let world = World::new();
    let answer = world
        .token_form("grant_type=authorization_code&client_id=1000.NOBODY&client_secret=x&code=y");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"error":"invalid_client"}"#)
    );
    assert_eq!(
        world
            .token_form("grant_type=authorization_code&code=y")
            .error(),
        "invalid_client"
    );
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: client_secret missing or wrong.
#[test]
fn a_wrong_secret_is_named_and_leaves_the_grant_whole() {
    let world = World::new();
    let code = world.grant(json!({}));
    let form = format!(
        "grant_type=authorization_code&client_id={}&client_secret=x&code={code}",
        world.ready.client_id
    );
    assert_eq!(world.token_form(&form).error(), "invalid_client_secret");
    assert!(world.exchange(&code).is_granted());
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: an unknown grant_type is an invalid_client.
#[test]
fn an_unknown_grant_type_is_an_invalid_client() {
    let world = World::new();
    assert_eq!(
        world.token(&[("grant_type", "password")]).error(),
        "invalid_client"
    );
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: GET, or no grant_type, is HTTP 400.
#[test]
fn a_wrong_method_or_no_grant_type_is_a_page_with_400() {
    let world = World::new();
    let get = send(
        world.accounts_domain(),
        &request("GET", "/oauth/v2/token?grant_type=refresh_token", &[], ""),
    )
    .unwrap();
    for answer in [get, world.token(&[("code", "x")])] {
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.header("content-type"),
            Some("text/html;charset=UTF-8")
        );
    }
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: redirect_uri of a server-based client.
#[test]
fn a_server_based_client_names_its_redirect_uri() {
    let world = World::new();
    let wanted = json!({"type": "server", "redirect_uris": ["https://example.com/back"]});
    let client = world.control("POST", "/clients", wanted);
    let (id, secret) = (client.text("client_id"), client.text("client_secret"));
    let code = world.grant(json!({"client_id": id}));
    let form =
        format!("grant_type=authorization_code&client_id={id}&client_secret={secret}&code={code}");
    assert_eq!(world.token_form(&form).error(), "invalid_redirect_uri");
    assert_eq!(
        world
            .token_form(&format!("{form}&redirect_uri=https://example.com/"))
            .error(),
        "invalid_redirect_uri"
    );
    assert!(
        world
            .token_form(&format!("{form}&redirect_uri=https://example.com/back"))
            .is_granted()
    );
}

/// <https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html>: a redirect's grant token lives two minutes.
#[test]
fn a_redirects_grant_token_lives_two_minutes() {
    let world = World::new();
    let client = world.control(
        "POST",
        "/clients",
        json!({"type": "server", "redirect_uris": ["https://example.com/"]}),
    );
    let (id, secret) = (client.text("client_id"), client.text("client_secret"));
    let code = world.grant(json!({"client_id": id}));
    world.advance(121);
    let form = format!(
        "grant_type=authorization_code&client_id={id}&client_secret={secret}&code={code}&redirect_uri=https://example.com/"
    );
    assert_eq!(world.token_form(&form).error(), "invalid_code");
}

/// <https://zoho.com/accounts/protocol/oauth/self-client/authorization-code-flow.html>: a self client has no redirect URI.
#[test]
fn a_self_client_may_send_any_redirect_uri() {
    let world = World::new();
    let code = world.grant(json!({}));
    let answer = world.token(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "ignore"),
    ]);
    assert_eq!(answer.status, 200);
    assert!(answer.text("refresh_token").starts_with("1000."));
}

/// <https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html>: access_type=online brings no refresh token.
#[test]
fn consent_without_offline_access_brings_no_refresh_token() {
    let world = World::new();
    let answer = world.exchange(&world.grant(json!({"access_type": "online"})));
    assert!(answer.text("access_token").starts_with("1000."));
    assert!(answer.json().get("refresh_token").is_none());
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>: a grant token is its client's alone.
#[test]
fn another_client_cannot_use_the_grant() {
    let world = World::new();
    let client = world.control("POST", "/clients", json!({"type": "self"}));
    let code = world.grant(json!({"client_id": client.text("client_id")}));
    assert_eq!(world.exchange(&code).error(), "invalid_code");
}

/// <https://zoho.com/accounts/protocol/oauth/mobile-applications.html>; the pair is that of
/// <https://www.rfc-editor.org/rfc/rfc7636#appendix-B>.
#[test]
fn a_challenged_grant_wants_its_verifier() {
    let world = World::new();
    let code =
        world.grant(json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}));
    assert_eq!(world.exchange(&code).error(), "invalid_code");
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let with = |verifier: &str| {
        world.token(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", verifier),
        ])
    };
    assert_eq!(with(&verifier.replace('d', "e")).error(), "invalid_code");
    assert!(with(verifier).is_granted());
}
