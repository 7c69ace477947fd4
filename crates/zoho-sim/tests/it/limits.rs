//! Zoho's limits, and how tokens push each other out.

use serde_json::json;

use crate::world::World;

/// <https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>
#[test]
fn the_eleventh_refresh_in_ten_minutes_is_denied_until_the_window_ends() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    for _ in 0..10 {
        assert!(world.refresh(&refresh_token).is_granted());
    }
    let denied = world.refresh(&refresh_token);
    assert_eq!(
        (denied.status, denied.error().as_str()),
        (400, "Access Denied")
    );
    assert_eq!(denied.text("status"), "failure");
    assert_eq!(
        denied.text("error_description"),
        "You have made too many requests continuously. Please try again after some time."
    );
    world.advance(601);
    assert!(world.refresh(&refresh_token).is_granted());
}

/// <https://zoho.com/accounts/protocol/oauth/token-limits.html>: the window is each refresh token's own.
#[test]
fn another_refresh_token_has_its_own_window() {
    let world = World::new();
    let (first, second) = (world.refresh_token(), world.refresh_token());
    world.limit("refreshes", 1);
    assert!(world.refresh(&first).is_granted());
    assert_eq!(world.refresh(&first).error(), "Access Denied");
    assert!(world.refresh(&second).is_granted());
}

/// <https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>: ten grant tokens in ten minutes.
#[test]
fn the_eleventh_grant_token_in_ten_minutes_is_denied() {
    let world = World::new();
    for _ in 0..10 {
        world.grant(json!({}));
    }
    let denied = world.control("POST", "/grants", json!({"scope": "ZohoCRM.modules.ALL"}));
    assert_eq!(denied.status, 400);
    assert!(denied.error().starts_with("access_denied"), "{denied:?}");
    world.advance(601);
    assert!(world.grant(json!({})).starts_with("1000."));
}

/// <https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations>: refresh tokens made per user and client.
#[test]
fn too_many_exchanges_are_denied_and_leave_the_grant_whole() {
    let world = World::new();
    world.limit("exchanges", 1);
    world.limit("exchanges_window_seconds", 60);
    let (first, second) = (world.grant(json!({})), world.grant(json!({})));
    assert!(world.exchange(&first).is_granted());
    assert_eq!(world.exchange(&second).error(), "Access Denied");
    world.advance(61);
    assert!(world.exchange(&second).is_granted());
}

/// <https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html> and
/// <https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations>: its access tokens die too.
#[test]
fn the_twenty_first_refresh_token_pushes_out_the_oldest_with_its_access_tokens() {
    let world = World::new();
    let first = world.exchange(&world.grant(json!({})));
    let second = world.refresh_token();
    for made in 2..21 {
        assert!(world.refresh(&second).is_granted(), "after {made}");
        world.advance(80);
        world.refresh_token();
    }
    assert_eq!(
        world.refresh(&first.text("refresh_token")).error(),
        "invalid_code"
    );
    let dead = world.crm(
        "GET",
        "/crm/v8/Contacts?fields=id",
        &first.text("access_token"),
        "",
    );
    assert_eq!(dead.text("code"), "INVALID_TOKEN");
    assert!(world.refresh(&second).is_granted());
    assert_eq!(world.stats("refresh_tokens"), 20);
}

/// <https://zoho.com/accounts/protocol/oauth/token-limits.html>: the oldest access token goes silently.
#[test]
fn the_eleventh_access_token_pushes_out_the_oldest() {
    let world = World::new();
    let first = world.exchange(&world.grant(json!({})));
    let works = |token: &str| {
        world
            .crm("GET", "/crm/v8/Contacts?fields=id", token, "")
            .status
            == 200
    };
    let refresh_token = first.text("refresh_token");
    let second = world.refresh(&refresh_token).text("access_token");
    for _ in 0..8 {
        world.refresh(&refresh_token);
    }
    assert!(works(&first.text("access_token")));
    world.refresh(&refresh_token);
    assert!(!works(&first.text("access_token")));
    assert!(works(&second));
}

/// <https://zoho.com/accounts/protocol/oauth/token-limits.html>: active tokens count, expired ones do not.
#[test]
fn expired_access_tokens_push_out_nobody() {
    let world = World::new();
    world.limit("active_access_tokens", 2);
    let refresh_token = world.refresh_token();
    world.advance(3601);
    let first = world.refresh(&refresh_token).text("access_token");
    world.refresh(&refresh_token);
    assert_eq!(
        world
            .crm("GET", "/crm/v8/Contacts?fields=id", &first, "")
            .status,
        200
    );
    assert_eq!(world.stats("live_access_tokens"), 2);
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>
#[test]
fn an_access_token_lives_an_hour() {
    let world = World::new();
    let token = world.exchange(&world.grant(json!({}))).text("access_token");
    world.advance(3590);
    assert_eq!(
        world
            .crm("GET", "/crm/v8/Contacts?fields=id", &token, "")
            .status,
        200
    );
    world.advance(11);
    assert_eq!(
        world
            .crm("GET", "/crm/v8/Contacts?fields=id", &token, "")
            .text("code"),
        "INVALID_TOKEN"
    );
}
