//! What the server does beside answering.

use evergrant::caller::Mode;
use http::Request;
use http_body_util::Full;

use crate::estate::{Estate, by_handle};

#[tokio::test(flavor = "multi_thread")]
async fn the_last_use_is_noted_once_a_minute_and_at_the_end() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    estate.refresh(&caller).await;
    let used = estate.world.clock.now();
    estate.world.pass(61).await;
    estate.next_chores().await;
    let noted = estate.stored(&caller).await.last_used_at.unwrap();
    assert!(noted <= used && noted.until(used).as_secs() < 5);
    estate.refresh(&caller).await;
    let world = estate.stop().await;
    let later = format!("callers WHERE last_used_at > {}", noted.as_millis());
    assert_eq!(world.count(&later).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_tries_are_one_row_of_the_audit_a_minute() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let wrong = by_handle(&caller).map(|(name, value)| match name {
        "refresh_token" => (name, "1000.a.b"),
        _ => (name, value),
    });
    estate.next_chores().await;
    for _ in 0..5 {
        estate.post("/oauth/v2/token", &wrong).await;
    }
    estate.world.pass(61).await;
    estate.next_chores().await;
    estate.post("/oauth/v2/token", &wrong).await;
    estate.world.pass(61).await;
    estate.next_chores().await;
    for detail in ["5 times: wrong_handle", "1 time: wrong_handle"] {
        let told = format!(
            "audit WHERE event = 'caller_denied' AND detail = '{detail}' AND caller_id IS NOT NULL"
        );
        assert_eq!(estate.world.count(&told).await, 1, "{detail}");
    }
    let all = "audit WHERE event = 'caller_denied'";
    assert_eq!(estate.world.count(all).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_token_that_is_over_is_no_denied_try() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Proxied).await;
    let token = estate.refresh(&caller).await.json();
    let token = token["access_token"].as_str().unwrap().to_owned();
    estate.world.pass(3601).await;
    for _ in 0..70 {
        let request = Request::get(estate.url("/crm/v8/Contacts"))
            .header("Authorization", format!("Zoho-oauthtoken {token}"))
            .body(Full::default());
        assert_eq!(estate.send(request.unwrap()).await.status, 401);
    }
    estate.world.pass(61).await;
    estate.next_chores().await;
    let told = "audit WHERE event = 'caller_denied'";
    assert_eq!(estate.world.count(told).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_hand_out_of_a_token_is_audited_with_its_caller() {
    let estate = Estate::start().await;
    let [one, other] = [
        estate.caller("one", Mode::Direct).await,
        estate.caller("other", Mode::Proxied).await,
    ];
    for _ in 0..3 {
        estate.refresh(&one).await;
        estate.refresh(&other).await;
    }
    estate.next_chores().await;
    let told = "audit WHERE event = 'token_handed_out' AND caller_id IS NOT NULL";
    assert_eq!(estate.world.count(told).await, 2);
    let direct =
        format!("{told} AND detail = 'to a caller: the token of refresh 0, for the first time'");
    assert_eq!(estate.world.count(&direct).await, 1);
}
