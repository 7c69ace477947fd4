//! Who may use the CRM.

use serde_json::json;

use crate::world::{World, request, send};

fn token(world: &World, scope: &str) -> String {
    world
        .exchange(&world.grant(json!({"scope": scope})))
        .text("access_token")
}

/// <https://zoho.com/inventory/api/v1/oauth/> and <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
#[test]
fn both_schemes_are_taken_unless_bearer_is_switched_off() {
    let world = World::new();
    let token = token(&world, "ZohoCRM.org.READ");
    let status = |scheme: &str| {
        let header = format!("{scheme} {token}");
        send(
            world.accounts_domain(),
            &request("GET", "/crm/v8/org", &[("Authorization", &header)], ""),
        )
        .unwrap()
        .status
    };
    assert_eq!(
        (status("Zoho-oauthtoken"), status("Bearer"), status("Basic")),
        (200, 200, 401)
    );
    world.manner("bearer", json!("refused"));
    assert_eq!((status("Zoho-oauthtoken"), status("Bearer")), (200, 401));
}

/// <https://github.com/googleworkspace/apps-script-oauth2/issues/197>
#[test]
fn a_dead_token_is_an_invalid_token() {
    let world = World::new();
    let answer = world.crm("GET", "/crm/v8/org", "1000.x.y", "");
    assert_eq!(answer.status, 401);
    assert_eq!(
        answer.body,
        r#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#
    );
}

/// <https://github.com/rikas/zoho_hub/pull/34>
#[test]
fn a_dead_token_can_be_an_authentication_failure() {
    let world = World::new();
    world.manner("dead_access_token", json!("AUTHENTICATION_FAILURE"));
    assert_eq!(
        world.crm("GET", "/crm/v8/org", "1000.x.y", "").text("code"),
        "AUTHENTICATION_FAILURE"
    );
}

/// <https://github.com/zoho/crm-oas>: a missing header.
#[test]
fn no_token_is_an_authentication_failure() {
    let world = World::new();
    let answer = send(
        world.accounts_domain(),
        &request("GET", "/crm/v8/org", &[], ""),
    )
    .unwrap();
    assert_eq!(
        (answer.status, answer.text("code").as_str()),
        (401, "AUTHENTICATION_FAILURE")
    );
}

/// <https://github.com/PostHog/posthog/pull/78477>: any scope is minted, the API refuses with 401.
#[test]
fn a_token_without_the_scope_is_refused() {
    let world = World::new();
    let token = token(&world, "ZohoCRM.modules.contacts.READ");
    let list = |module: &str| world.crm("GET", &format!("/crm/v8/{module}?fields=id"), &token, "");
    assert_eq!(list("Contacts").status, 200);
    assert_eq!(
        (
            list("Products").status,
            list("Products").text("code").as_str()
        ),
        (401, "OAUTH_SCOPE_MISMATCH")
    );
    assert_eq!(
        world
            .crm("POST", "/crm/v8/Contacts", &token, "{}")
            .text("code"),
        "OAUTH_SCOPE_MISMATCH"
    );
    world.manner("scope_mismatch_status", json!(403));
    assert_eq!(list("Products").status, 403);
}

/// <https://github.com/zoho/crm-oas>: 404 for a bad path, 400 for a wrong verb and an unknown module.
#[test]
fn wrong_addresses_are_named() {
    let world = World::new();
    let token = token(&world, "ZohoCRM.modules.ALL");
    let code = |method: &str, path: &str| {
        let answer = world.crm(method, path, &token, "");
        (answer.status, answer.text("code"))
    };
    assert_eq!(
        code("GET", "/crm/v8/a/b/c"),
        (404, "INVALID_URL_PATTERN".into())
    );
    assert_eq!(
        code("GET", "/crm/v9/Contacts"),
        (404, "INVALID_URL_PATTERN".into())
    );
    assert_eq!(
        code("PATCH", "/crm/v8/Contacts"),
        (400, "INVALID_REQUEST_METHOD".into())
    );
    assert_eq!(
        code("GET", "/crm/v8/Potatoes"),
        (400, "INVALID_MODULE".into())
    );
}

/// <https://github.com/zoho/zohocrm-python-sdk-8.0>: what an SDK asks for before its first call.
#[test]
fn the_calls_that_the_sdks_make_first_are_answered() {
    let world = World::new();
    let token = token(
        &world,
        "ZohoCRM.users.READ,ZohoCRM.org.READ,ZohoCRM.settings.ALL",
    );
    let get = |path: &str| world.crm("GET", path, &token, "").json();
    assert_eq!(
        get("/crm/v8/users?type=CurrentUser")["users"][0]["email"],
        "demo@example.com"
    );
    assert_eq!(
        get("/crm/v8/org")["org"][0]["company_name"],
        "Simulated Company"
    );
    assert_eq!(
        get("/crm/v8/settings/modules")["modules"][1]["api_name"],
        "Products"
    );
    assert_eq!(
        get("/crm/v8/settings/fields?module=Contacts")["fields"][1]["api_name"],
        "Last_Name"
    );
    assert_eq!(
        get("/crm/v8/settings/fields")["code"],
        "REQUIRED_PARAM_MISSING"
    );
}
