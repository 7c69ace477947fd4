//! Listing records. Source of everything here: <https://github.com/zoho/crm-oas>, getRecords.

use serde_json::{Value, json};

use crate::world::{Answer, World};

struct Crm {
    world: World,
    token: String,
}

impl Crm {
    fn with_contacts(count: usize) -> Self {
        let world = World::new();
        assert_eq!(
            world
                .control("PUT", "/records/Contacts", json!({"count": count}))
                .status,
            200
        );
        let token = world.exchange(&world.grant(json!({}))).text("access_token");
        Self { world, token }
    }

    fn list(&self, query: &str) -> Answer {
        self.world
            .crm("GET", &format!("/crm/v8/Contacts?{query}"), &self.token, "")
    }
}

#[test]
fn the_first_contact_is_anna_muller() {
    let world = World::new();
    let token = world.exchange(&world.grant(json!({}))).text("access_token");
    let answer = world
        .crm(
            "GET",
            "/crm/v8/Contacts?fields=Full_Name,Email,Owner&per_page=1",
            &token,
            "",
        )
        .json();
    let contact = &answer["data"][0];
    assert_eq!(
        (&contact["Full_Name"], contact["Owner"]["name"].as_str()),
        (&json!("Anna Müller"), Some("demo"))
    );
    assert!(contact["id"].is_string() && contact.get("Phone").is_none());
}

#[test]
fn fields_must_be_named_and_not_more_than_fifty() {
    let crm = Crm::with_contacts(1);
    assert_eq!(
        (crm.list("").status, crm.list("").text("code").as_str()),
        (400, "REQUIRED_PARAM_MISSING")
    );
    let many = vec!["Email"; 51].join(",");
    assert_eq!(
        crm.list(&format!("fields={many}")).json()["details"]["limit"],
        50
    );
}

#[test]
fn none_is_204_without_a_body_and_yet_with_a_content_type() {
    let answer = Crm::with_contacts(0).list("fields=id");
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("application/json")
    );
}

#[test]
fn pages_and_page_tokens_read_every_record_once() {
    let crm = Crm::with_contacts(450);
    let first = crm.list("fields=Email").json();
    assert_eq!(
        (&first["info"]["count"], &first["info"]["more_records"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(first["info"]["previous_page_token"], Value::Null);
    let token = first["info"]["next_page_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let second = crm.list(&format!("fields=Email&page_token={token}")).json();
    let third = crm.list("fields=Email&page=3").json();
    assert_eq!(
        (&third["info"]["count"], &third["info"]["more_records"]),
        (&json!(50), &json!(false))
    );
    let mut ids = std::collections::BTreeSet::new();
    for page in [first, second, third] {
        ids.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(ids.len(), 450);
}

#[test]
fn a_page_token_is_bound_to_its_parameters_and_lives_a_day() {
    let crm = Crm::with_contacts(3);
    let token = crm.list("fields=Email&per_page=1").json()["info"]["next_page_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let code = |query: &str| {
        crm.list(&format!("{query}&page_token={token}"))
            .text("code")
    };
    assert_eq!(code("fields=Phone&per_page=1"), "TOKEN_BOUND_DATA_MISMATCH");
    assert_eq!(
        code("fields=Email&per_page=1&page=2"),
        "AMBIGUITY_DURING_PROCESSING"
    );
    assert_eq!(
        crm.list("fields=Email&page_token=rubbish").text("code"),
        "PATTERN_NOT_MATCHED"
    );
    crm.world.limit("access_token_seconds", 100_000);
    let fresh = crm
        .world
        .exchange(&crm.world.grant(json!({})))
        .text("access_token");
    crm.world.advance(24 * 3600 + 1);
    let late = crm.world.crm(
        "GET",
        &format!("/crm/v8/Contacts?fields=Email&per_page=1&page_token={token}"),
        &fresh,
        "",
    );
    assert_eq!(late.text("code"), "EXPIRED_VALUE");
}

#[test]
fn pages_reach_two_thousand_records() {
    let crm = Crm::with_contacts(2_100);
    assert_eq!(crm.list("fields=id&page=10").status, 200);
    assert_eq!(
        crm.list("fields=id&page=11").text("code"),
        "DISCRETE_PAGINATION_LIMIT_EXCEEDED"
    );
    let token = crm.list("fields=id&page=10").json()["info"]["next_page_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        crm.list(&format!("fields=id&page_token={token}")).json()["info"]["count"],
        100
    );
    assert_eq!(
        crm.list("fields=id&per_page=201").text("code"),
        "PATTERN_NOT_MATCHED"
    );
    assert_eq!(
        crm.list("fields=id&page=0").text("code"),
        "PATTERN_NOT_MATCHED"
    );
}

#[test]
fn the_order_can_be_turned() {
    let crm = Crm::with_contacts(3);
    let ids = |query: &str| {
        let data = crm.list(query).json()["data"].clone();
        data.as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut turned = ids("fields=id&sort_order=asc&sort_by=Created_Time");
    turned.reverse();
    assert_eq!(turned, ids("fields=id"));
    assert_eq!(
        crm.list("fields=id&sort_by=Email").text("code"),
        "PATTERN_NOT_MATCHED"
    );
}
