//! Exchanges whose reply, connection or handle comes late: the code is sent again.

use evergrant::caller::{Issued, Mode};
use serde_json::json;

use super::{code, word};
use crate::estate::Estate;

const NO_CONNECTION: &str = "CREATE TRIGGER full BEFORE INSERT ON connections
                             BEGIN SELECT RAISE(ABORT, 'full'); END";
const NO_HANDLE: &str = "CREATE TRIGGER full BEFORE INSERT ON caller_connections
                         BEGIN SELECT RAISE(ABORT, 'full'); END";

/// Makes an exchange whose reply comes, and of which the vault does not take all; returns its caller and code, too.
async fn not_taken(trigger: &'static str) -> (Estate, Issued, String) {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let code = code(&estate.world).await;
    estate.world.execute(trigger).await;
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(word(&reply), (503, "general_error".into()));
    (estate, caller, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for_again_and_a_dead_server_is_an_error_of_ours() {
    let estate = Estate::start().await;
    let caller = estate.exchanger("onboarding", Mode::Direct).await;
    let one = code(&estate.world).await;
    estate
        .fault(json!({ "do": "reset-before", "times": 1 }))
        .await;
    let answer = estate.exchange(&caller, &one).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
    let two = code(&estate.world).await;
    estate
        .fault(json!({ "do": "status", "status": 502, "times": 2 }))
        .await;
    let reply = estate.exchange(&caller, &two).await;
    assert_eq!(word(&reply), (503, "general_error".into()));
    let again = estate.exchange(&caller, &two).await.json();
    assert!(again["refresh_token"].is_string(), "{again}");
    assert_eq!(
        estate.connections().await,
        ["acme", "customer", "customer-2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_takes_nothing_keeps_the_reply_in_escrow() {
    let (estate, caller, code) = not_taken(NO_CONNECTION).await;
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(word(&reply), (503, "general_error".into()));
    estate.world.execute("DROP TRIGGER full").await;
    let stranger = estate.exchanger("stranger", Mode::Direct).await;
    estate.world.pass(61).await;
    estate.next_chores().await;
    assert_eq!(estate.connections().await, ["acme", "customer"]);

    // The chores brought it home: it is whose code it was.
    let reply = estate.exchange(&stranger, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
    let [one, two] = [
        estate.exchange(&caller, &code).await.json(),
        estate.exchange(&caller, &code).await.json(),
    ];
    assert!(one["refresh_token"].is_string(), "{one}");
    assert_eq!(one["refresh_token"], two["refresh_token"]);
    assert_eq!(estate.exchanges().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_gave_up_in_escrow_is_no_connection() {
    let (estate, caller, code) = not_taken(NO_CONNECTION).await;
    let vault = estate.world.vault().await;
    let waiting = evergrant::exchange::waiting(vault.vault()).await.unwrap();
    let discarded = evergrant::exchange::discard(vault.vault(), waiting[0].id).await;
    discarded.unwrap();
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ended_before_the_handle_was_made_makes_it_when_it_runs_again() {
    let (estate, caller, code) = not_taken(NO_HANDLE).await;
    let stranger = estate.exchanger("stranger", Mode::Direct).await;
    let world = estate.stop().await;
    world.execute("DROP TRIGGER full").await;

    let estate = Estate::start_with(world, |_| ()).await;
    let reply = estate.exchange(&stranger, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
    let answer = estate.exchange(&caller, &code).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(estate.connections().await, ["acme", "customer"]);

    // Of a handle that was made, the vault has a hash only; and a person may have revoked it.
    let estate = Estate::start_with(estate.stop().await, |_| ()).await;
    let reply = estate.exchange(&caller, &code).await;
    assert_eq!(word(&reply), (200, "invalid_code".into()));
    assert_eq!(estate.exchanges().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ended_with_a_reply_in_escrow_goes_on_with_it() {
    let (estate, caller, code) = not_taken(NO_CONNECTION).await;
    let world = estate.stop().await;
    world.execute("DROP TRIGGER full").await;
    let vault = world.vault().await;
    let waiting = evergrant::exchange::waiting(vault.vault()).await.unwrap();
    let begun_by = evergrant::exchange::begun_by(vault.vault(), waiting[0].id).await;
    assert_eq!(begun_by.unwrap(), Some(caller.caller.name.clone()));

    let estate = Estate::start_with(world, |_| ()).await;
    estate.next_chores().await;
    assert_eq!(estate.connections().await, ["acme", "customer"]);
    let answer = estate.exchange(&caller, &code).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(estate.exchanges().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_the_vault_did_not_take_is_made_when_the_code_comes_again() {
    let (estate, caller, code) = not_taken(NO_HANDLE).await;
    estate.world.execute("DROP TRIGGER full").await;
    let answer = estate.exchange(&caller, &code).await.json();
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(estate.exchanges().await, 1);
}
