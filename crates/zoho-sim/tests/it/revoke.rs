//! The two ways to revoke, and introspection.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::world::{Answer, World};

const OLD: &str = "/oauth/v2/token/revoke";
const NEW: &str = "/oauth/v2/revoke/token";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn as_client(world: &World, path: &str, body: &str) -> Answer {
    let credentials = STANDARD.encode(format!(
        "{}:{}",
        world.ready.client_id, world.ready.client_secret
    ));
    world.post(
        path,
        &[("Authorization", &format!("Basic {credentials}")), FORM],
        body,
    )
}

fn works(world: &World, access_token: &str) -> bool {
    world
        .crm("GET", "/crm/v8/Contacts?fields=id", access_token, "")
        .status
        == 200
}

/// <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html>; its access tokens die with it:
/// <https://zoho.com/crm/developer/docs/api/v2/token-validity.html>
#[test]
fn the_old_path_revokes_a_refresh_token_with_its_access_tokens() {
    let world = World::new();
    let tokens = world.exchange(&world.grant(json!({})));
    let answer = world.post(
        &format!("{OLD}?token={}", tokens.text("refresh_token")),
        &[],
        "",
    );
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"status":"success"}"#)
    );
    assert_eq!(
        world.refresh(&tokens.text("refresh_token")).error(),
        "invalid_code"
    );
    assert!(!works(&world, &tokens.text("access_token")));
}

/// <https://zoho.com/accounts/protocol/oauth/revoke-refresh-token.html>: an access token alone.
#[test]
fn the_old_path_revokes_an_access_token_alone() {
    let world = World::new();
    let tokens = world.exchange(&world.grant(json!({})));
    let answer = world.post(
        OLD,
        &[FORM],
        &format!("token={}", tokens.text("access_token")),
    );
    assert_eq!(answer.status, 200);
    assert!(!works(&world, &tokens.text("access_token")));
    assert!(world.refresh(&tokens.text("refresh_token")).is_granted());
}

/// <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html>: 400 for an invalid token.
#[test]
fn a_token_cannot_be_revoked_twice_unless_the_manner_says_so() {
    let world = World::new();
    let body = format!("token={}", world.refresh_token());
    assert_eq!(world.post(OLD, &[FORM], &body).status, 200);
    let again = world.post(OLD, &[FORM], &body);
    assert_eq!(
        (again.status, again.error().as_str()),
        (400, "invalid_token")
    );
    world.manner("revoke_dead_token", json!(200));
    assert_eq!(world.post(OLD, &[FORM], &body).status, 200);
}

/// <https://www.zoho.com/developer/oauth/revoke-oauth-token.html>: HTTP Basic, token_type is refresh_token by default.
#[test]
fn the_new_path_wants_the_client_and_the_right_type() {
    let world = World::new();
    let tokens = world.exchange(&world.grant(json!({})));
    let refresh = format!("token={}", tokens.text("refresh_token"));
    let access = format!(
        "token={}&token_type=access_token",
        tokens.text("access_token")
    );
    assert_eq!(world.post(NEW, &[FORM], &refresh).error(), "invalid_client");
    assert_eq!(
        as_client(&world, NEW, &format!("{refresh}&token_type=access_token")).status,
        400
    );
    assert_eq!(as_client(&world, NEW, &access).status, 200);
    assert_eq!(as_client(&world, NEW, &refresh).status, 200);
    assert_eq!(
        world.refresh(&tokens.text("refresh_token")).error(),
        "invalid_code"
    );
}

/// <https://www.zoho.com/developer/oauth/revoke-oauth-token.html>: a token of another client.
#[test]
fn the_new_path_revokes_the_clients_own_tokens_only() {
    let world = World::new();
    let refresh_token = world.refresh_token();
    let other = world.control("POST", "/clients", json!({"type": "self"}));
    let credentials = STANDARD.encode(format!(
        "{}:{}",
        other.text("client_id"),
        other.text("client_secret")
    ));
    let header = ("Authorization", format!("Basic {credentials}"));
    let answer = world.post(
        NEW,
        &[(header.0, &header.1), FORM],
        &format!("token={refresh_token}"),
    );
    assert_eq!(answer.status, 400);
    assert!(world.refresh(&refresh_token).is_granted());
}

/// <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html> and
/// <https://www.zoho.com/developer/oauth/revoke-oauth-token.html> each know one path only.
#[test]
fn either_path_can_be_missing() {
    for (there, missing) in [(OLD, NEW), (NEW, OLD)] {
        let world = World::new();
        world.manner("revoke_path", json!(there));
        let body = format!("token={}", world.refresh_token());
        assert_eq!(as_client(&world, missing, &body).status, 404);
        assert_eq!(as_client(&world, there, &body).status, 200, "{there}");
    }
}

/// <https://www.rfc-editor.org/rfc/rfc7009#section-2.2>
#[test]
fn the_new_path_can_say_nothing_more_than_its_status() {
    let world = World::new();
    world.manner("revoke_success", json!("empty"));
    let body = format!("token={}", world.refresh_token());
    let answer = as_client(&world, NEW, &body);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(as_client(&world, NEW, &body).error(), "invalid_token");
}

/// <https://accounts.zoho.com/.well-known/openid-configuration> advertises it; the answer is that of
/// <https://www.rfc-editor.org/rfc/rfc7662#section-2.2>.
#[test]
fn introspection_tells_live_tokens_from_dead_ones() {
    let world = World::new();
    let tokens = world.exchange(&world.grant(json!({})));
    let body = format!("token={}", tokens.text("access_token"));
    let live = as_client(&world, "/oauth/v2/introspect", &body).json();
    assert_eq!(
        (&live["active"], &live["scope"]),
        (&json!(true), &json!("ZohoCRM.modules.ALL"))
    );
    world.advance(3601);
    assert_eq!(
        as_client(&world, "/oauth/v2/introspect", &body).body,
        r#"{"active":false}"#
    );
}

/// Captured in <https://github.com/bk-rs/oauth2-rs>.
#[test]
fn user_info_needs_its_scope() {
    let world = World::new();
    let without = world.exchange(&world.grant(json!({}))).text("access_token");
    let with = world
        .exchange(&world.grant(json!({"scope": "aaaserver.profile.Read"})))
        .text("access_token");
    assert_eq!(
        world
            .crm("GET", "/oauth/user/info", &without, "")
            .text("cause"),
        "INVALID_OAUTHSCOPE"
    );
    assert_eq!(
        world
            .crm("GET", "/oauth/user/info", &with, "")
            .text("Email"),
        "demo@example.com"
    );
}
