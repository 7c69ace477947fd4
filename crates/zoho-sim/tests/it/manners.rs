//! The switches: what the sources contradict each other about.

use serde_json::{Value, json};

use crate::world::World;

fn exchange_with(name: &str, value: Value) -> (World, crate::world::Answer) {
    let world = World::new();
    world.manner(name, value);
    let answer = world.exchange(&world.grant(json!({})));
    (world, answer)
}

/// <https://github.com/PostHog/posthog/pull/77882>
#[test]
fn errors_can_have_status_400() {
    let world = World::new();
    world.manner("error_status", json!(400));
    let answer = world.exchange("1000.x.y");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (400, r#"{"error":"invalid_code"}"#)
    );
}

/// <https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations>
#[test]
fn the_throttle_can_have_status_200() {
    let world = World::new();
    world.manner("throttle_status", json!(200));
    world.limit("refreshes", 0);
    let answer = world.refresh(&world.refresh_token());
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (200, "Access Denied")
    );
}

/// <https://zoho.com/accounts/protocol/oauth/multi-dc.html> and
/// <https://zoho.com/developer/docs/vertical-solutions/api/v6/refresh.html>
#[test]
fn api_domain_can_be_zohos_in_both_forms_with_a_slash() {
    let (world, answer) = exchange_with("api_domain", json!("zohoapis"));
    assert_eq!(answer.text("api_domain"), "https://www.zohoapis.com");
    world.manner("api_domain_slash", json!("with"));
    world.manner("api_domain", json!("api.zoho"));
    assert_eq!(
        world.exchange(&world.grant(json!({}))).text("api_domain"),
        "https://api.zoho.com/"
    );
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html> and <https://github.com/bk-rs/oauth2-rs>
#[test]
fn scope_can_be_absent_or_expanded() {
    let (world, answer) = exchange_with("scope", json!("absent"));
    assert!(answer.json().get("scope").is_none());
    world.manner("scope", json!("expanded"));
    let expanded = world
        .exchange(&world.grant(json!({"scope": "ZohoCRM.org.ALL"})))
        .text("scope");
    assert_eq!(
        expanded,
        "ZohoCRM.org.READ ZohoCRM.org.CREATE ZohoCRM.org.UPDATE ZohoCRM.org.DELETE"
    );
}

/// <https://github.com/schmorrison/Zoho/pull/18>
#[test]
fn expires_in_can_be_milliseconds_with_the_seconds_beside_it() {
    let (_world, answer) = exchange_with("expires_in", json!("milliseconds"));
    assert_eq!(
        (
            &answer.json()["expires_in"],
            &answer.json()["expires_in_sec"]
        ),
        (&json!(3_600_000), &json!(3600))
    );
}

/// <https://github.com/googleworkspace/apps-script-oauth2/issues/197>
#[test]
fn a_refresh_token_can_stay_away() {
    let (_world, answer) = exchange_with("refresh_token", json!("absent"));
    assert!(answer.json().get("refresh_token").is_none());
    assert!(answer.text("access_token").starts_with("1000."));
}

/// <https://github.com/bk-rs/oauth2-rs>
#[test]
fn id_token_and_unheard_of_fields_can_be_there() {
    let (world, answer) = exchange_with("id_token", json!("present"));
    assert_eq!(answer.text("id_token").split('.').count(), 3);
    world.manner("extra_fields", json!("present"));
    assert!(world.exchange(&world.grant(json!({}))).json()["x_simulated"].is_object());
}

/// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2>
#[test]
fn a_second_use_can_revoke_what_the_first_brought() {
    let world = World::new();
    let code = world.grant(json!({}));
    let refresh_token = world.exchange(&code).text("refresh_token");
    assert_eq!(world.exchange(&code).error(), "invalid_code");
    assert!(world.refresh(&refresh_token).is_granted());
    world.manner("grant_reuse", json!("revokes"));
    assert_eq!(world.exchange(&code).error(), "invalid_code");
    assert_eq!(world.refresh(&refresh_token).error(), "invalid_code");
}

/// <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html> leaves it open.
#[test]
fn a_failed_exchange_can_use_up_the_grant() {
    let world = World::new();
    world.manner("failed_exchange", json!("uses_grant"));
    let code = world.grant(json!({}));
    let form = format!(
        "grant_type=authorization_code&client_id={}&client_secret=x&code={code}",
        world.ready.client_id
    );
    assert_eq!(world.token_form(&form).error(), "invalid_client_secret");
    assert_eq!(world.exchange(&code).error(), "invalid_code");
}

/// <https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>, KAIZEN43 and KB-EXPIRE differ in whose twenty they are:
/// <https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations>
#[test]
fn the_kept_refresh_tokens_can_be_counted_per_client_or_per_user() {
    for (subject, evicted) in [
        ("user_and_client", false),
        ("client", true),
        ("user", false),
    ] {
        let world = World::new();
        world.manner("refresh_token_subject", json!(subject));
        world.limit("refresh_tokens", 1);
        let first = world.refresh_token();
        world.exchange(&world.grant(json!({"user": "other"})));
        assert_eq!(world.refresh(&first).is_granted(), !evicted, "{subject}");
    }
}

/// <https://www.zoho.com/projects/help/rest-api/faq/oauth.html>
#[test]
fn one_refresh_token_too_many_can_be_refused() {
    let world = World::new();
    world.manner("too_many_refresh_tokens", json!("refuse"));
    world.limit("refresh_tokens", 1);
    let first = world.refresh_token();
    assert_eq!(
        world.exchange(&world.grant(json!({}))).error(),
        "Access Denied"
    );
    assert!(world.refresh(&first).is_granted());
}

/// <https://zoho.com/accounts/protocol/oauth/token-limits.html> leaves it open.
#[test]
fn an_exchange_can_count_among_the_refreshes() {
    let world = World::new();
    world.manner("exchange_in_refresh_window", json!("counted"));
    let refresh_token = world.refresh_token();
    let good = (0..11)
        .filter(|_| world.refresh(&refresh_token).is_granted())
        .count();
    assert_eq!(good, 9);
}

/// <https://zoho.com/accounts/protocol/oauth/token-limits.html> leaves it open.
#[test]
fn a_retry_can_extend_the_block() {
    let world = World::new();
    world.manner("throttle_retry", json!("extends"));
    world.limit("refreshes", 1);
    let refresh_token = world.refresh_token();
    world.refresh(&refresh_token);
    for seconds in [0, 300, 400] {
        world.advance(seconds);
        assert_eq!(
            world.refresh(&refresh_token).error(),
            "Access Denied",
            "{seconds}"
        );
    }
    world.advance(601);
    assert!(world.refresh(&refresh_token).is_granted());
}

/// <https://github.com/Weble/ZohoClient/pull/34>
#[test]
fn scope_in_a_refresh_can_be_refused() {
    let world = World::new();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &world.refresh_token()),
        ("scope", "ZohoCRM.org.READ"),
    ];
    assert!(world.token(&fields).is_granted());
    world.manner("refresh_with_scope", json!("refused"));
    assert_eq!(world.token(&fields).error(), "invalid_scope");
}

#[test]
fn each_switch_shows_its_value_alternatives_and_source() {
    let shown = World::new().control("GET", "/manners", Value::Null).json();
    let switch = shown
        .as_array()
        .unwrap()
        .iter()
        .find(|switch| switch["name"] == "error_status")
        .unwrap();
    assert_eq!(
        (&switch["value"], &switch["alternatives"]),
        (&json!(200), &json!([400]))
    );
    assert!(
        switch["source"]
            .as_str()
            .unwrap()
            .contains("https://github.com/asciisd/zoho/issues/18")
    );
}
