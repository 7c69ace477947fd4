//! The three placements of parameters.
//! Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::world::World;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn basic(world: &World) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!(
            "{}:{}",
            world.ready.client_id, world.ready.client_secret
        ))
    )
}

#[test]
fn all_in_the_query() {
    let world = World::new();
    let form = world.form(&[
        ("grant_type", "authorization_code"),
        ("code", &world.grant(json!({}))),
    ]);
    assert!(
        world
            .post(&format!("/oauth/v2/token?{form}"), &[], "")
            .is_granted()
    );
    assert_eq!(world.last_request()["parameters_in"], "query");
    assert_eq!(world.last_request()["path"], "/oauth/v2/token");
}

#[test]
fn all_in_a_form() {
    let world = World::new();
    assert!(world.exchange(&world.grant(json!({}))).is_granted());
    assert_eq!(world.last_request()["parameters_in"], "body");
    assert_eq!(
        world.last_request()["content_type"],
        "application/x-www-form-urlencoded"
    );
}

/// The Node and TypeScript SDKs send multipart: <https://github.com/zoho/zohocrm-nodejs-sdk-8.0>
#[test]
fn all_in_a_multipart_body() {
    let world = World::new();
    let form = world.form(&[
        ("grant_type", "authorization_code"),
        ("code", &world.grant(json!({}))),
    ]);
    let parts: String = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            format!("--b0und\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        })
        .collect();
    let answer = world.post(
        "/oauth/v2/token",
        &[("Content-Type", "multipart/form-data; boundary=b0und")],
        &format!("{parts}--b0und--\r\n"),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(world.last_request()["parameters_in"], "body");
}

#[test]
fn the_client_by_http_basic_and_the_rest_in_body_or_query() {
    let world = World::new();
    let basic = basic(&world);
    let rest = format!(
        "grant_type=refresh_token&refresh_token={}",
        world.refresh_token()
    );
    assert!(
        world
            .post("/oauth/v2/token", &[("Authorization", &basic), FORM], &rest)
            .is_granted()
    );
    assert_eq!(world.last_request()["parameters_in"], "basic+body");
    assert!(
        world
            .post(
                &format!("/oauth/v2/token?{rest}"),
                &[("Authorization", &basic)],
                ""
            )
            .is_granted()
    );
    assert_eq!(world.last_request()["parameters_in"], "basic+query");
    assert_eq!(world.last_request()["client_id"], world.ready.client_id);
}

#[test]
fn a_json_body_is_not_understood() {
    let world = World::new();
    let body =
        json!({"grant_type": "refresh_token", "client_id": world.ready.client_id}).to_string();
    assert_eq!(
        world
            .post(
                "/oauth/v2/token",
                &[("Content-Type", "application/json")],
                &body
            )
            .status,
        400
    );
}
