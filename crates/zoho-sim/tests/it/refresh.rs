//! `grant_type=refresh_token` and `client_credentials`.

use serde_json::json;

use crate::world::World;

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>: Zoho does not rotate.
#[test]
fn a_refresh_brings_an_access_token_only() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    let answer = world.refresh(&refresh_token);
    assert_eq!(answer.status, 200);
    assert!(answer.text("access_token").starts_with("1000."));
    assert!(answer.json().get("refresh_token").is_none());
    assert!(world.refresh(&refresh_token).is_granted());
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>: a refresh token that is unknown.
#[test]
fn an_unknown_refresh_token_is_an_invalid_code() {
    let world = World::new();
    assert_eq!(world.refresh("1000.x.y").error(), "invalid_code");
    assert_eq!(
        world.token(&[("grant_type", "refresh_token")]).error(),
        "invalid_code"
    );
}

/// <https://github.com/Weble/ZohoBooksApi/issues/84>: an access token stored in the refresh token's place.
#[test]
fn an_access_token_is_no_refresh_token() {
    let world = World::new();
    let access_token = world.exchange(&world.grant(json!({}))).text("access_token");
    assert_eq!(world.refresh(&access_token).error(), "invalid_code");
}

/// <https://help.zoho.com/portal/en/kb/accounts/faqs-troubleshooting/faqs/oauth/articles/will-the-refresh-tokens-expire>
#[test]
fn a_refresh_token_does_not_expire() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    world.advance(3 * 365 * 24 * 3600);
    assert!(world.refresh(&refresh_token).is_granted());
}

fn client_credentials(world: &World, fields: &[(&str, &str)]) -> crate::world::Answer {
    world.token(&[&[("grant_type", "client_credentials")], fields].concat())
}

/// <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>
#[test]
fn client_credentials_bring_an_access_token_that_works() {
    let world = World::new();
    let answer = client_credentials(
        &world,
        &[
            ("scope", "ZohoCRM.modules.ALL,ZohoCRM.org.READ"),
            ("soid", "ZohoCRM.1"),
        ],
    );
    assert!(answer.json().get("refresh_token").is_none());
    assert_eq!(answer.text("scope"), "ZohoCRM.modules.ALL ZohoCRM.org.READ");
    assert_eq!(
        world
            .crm("GET", "/crm/v8/org", &answer.text("access_token"), "")
            .status,
        200
    );
}

/// <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>: commas; spaces are told to fail.
#[test]
fn client_credentials_want_scopes_with_commas() {
    let world = World::new();
    assert_eq!(
        client_credentials(&world, &[("scope", "ZohoCRM.org.READ+ZohoCRM.users.READ")]).error(),
        "invalid_scope"
    );
    assert_eq!(client_credentials(&world, &[]).error(), "invalid_scope");
    world.manner("scope_separator", json!("any"));
    assert!(
        client_credentials(&world, &[("scope", "ZohoCRM.org.READ+ZohoCRM.users.READ")])
            .is_granted()
    );
}

/// <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>: missing_org_info.
#[test]
fn client_credentials_may_need_an_organisation() {
    let world = World::new();
    world.manner("soid", json!("required"));
    assert_eq!(
        client_credentials(&world, &[("scope", "ZohoCRM.org.READ")]).error(),
        "missing_org_info"
    );
    assert!(
        client_credentials(
            &world,
            &[("scope", "ZohoCRM.org.READ"), ("soid", "ZohoCRM.1")]
        )
        .is_granted()
    );
}

/// <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>: for self clients only.
#[test]
fn a_server_based_client_has_no_client_credentials() {
    let world = World::new();
    let client = world.control(
        "POST",
        "/clients",
        json!({"type": "server", "redirect_uris": ["https://example.com/"]}),
    );
    let (id, secret) = (client.text("client_id"), client.text("client_secret"));
    let form = format!(
        "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=ZohoCRM.org.READ"
    );
    assert_eq!(world.token_form(&form).error(), "invalid_client");
}
