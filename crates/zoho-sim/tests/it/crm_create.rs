//! Creating records. Source of everything here: <https://github.com/zoho/crm-oas>, createRecords.

use serde_json::{Value, json};

use crate::world::{Answer, World};

struct Crm {
    world: World,
    token: String,
}

impl Crm {
    fn new() -> Self {
        let world = World::new();
        let token = world.exchange(&world.grant(json!({}))).text("access_token");
        Self { world, token }
    }

    fn create(&self, data: Value) -> Answer {
        self.world.crm(
            "POST",
            "/crm/v8/Products",
            &self.token,
            &json!({"data": data}).to_string(),
        )
    }
}

#[test]
fn all_good_is_201_and_the_record_is_there() {
    let crm = Crm::new();
    let answer = crm.create(json!([{"Product_Name": "Stool", "Unit_Price": 12.5}]));
    assert_eq!(answer.status, 201);
    let result = &answer.json()["data"][0];
    assert_eq!(
        (&result["code"], &result["message"]),
        (&json!("SUCCESS"), &json!("record added"))
    );
    let listed = crm
        .world
        .crm(
            "GET",
            "/crm/v8/Products?fields=Product_Name,Unit_Price&per_page=1",
            &crm.token,
            "",
        )
        .json();
    assert_eq!(listed["data"][0]["id"], result["details"]["id"]);
    assert_eq!(
        (
            &listed["data"][0]["Product_Name"],
            &listed["data"][0]["Unit_Price"]
        ),
        (&json!("Stool"), &json!(12.5))
    );
}

#[test]
fn some_failed_is_207_and_says_which() {
    let crm = Crm::new();
    let data = json!([{"Product_Name": "Stool"}, {"Unit_Price": 1}, {"Product_Name": "Bench", "Unit_Price": "cheap"}]);
    let answer = crm.create(data.clone());
    assert_eq!(answer.status, 207);
    let codes = answer.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].clone())
        .collect::<Vec<_>>();
    assert_eq!(codes, ["SUCCESS", "MANDATORY_NOT_FOUND", "INVALID_DATA"]);
    assert_eq!(
        answer.json()["data"][1]["details"]["json_path"],
        "$.data[1].Product_Name"
    );
    crm.world.manner("mixed_create", json!(202));
    assert_eq!(crm.create(data).status, 202);
}

#[test]
fn all_failed_is_400_or_by_another_manner_202() {
    let crm = Crm::new();
    let answer = crm.create(json!([{}, "text"]));
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["data"][1]["code"], "INVALID_DATA");
    crm.world.manner("failed_create", json!(202));
    assert_eq!(crm.create(json!([{}])).status, 202);
}

#[test]
fn one_to_a_hundred_records_are_taken() {
    let crm = Crm::new();
    let products = |count: usize| Value::Array(vec![json!({"Product_Name": "Stool"}); count]);
    assert_eq!(crm.create(products(100)).status, 201);
    for refused in [
        crm.create(products(101)),
        crm.create(json!([])),
        crm.create(json!("x")),
    ] {
        assert_eq!(
            (refused.status, refused.text("code").as_str()),
            (400, "INVALID_DATA")
        );
    }
    assert_eq!(
        crm.world
            .crm("POST", "/crm/v8/Products", &crm.token, "no json")
            .text("code"),
        "INVALID_DATA"
    );
}

#[test]
fn a_contact_needs_a_last_name_and_gets_a_full_name() {
    let crm = Crm::new();
    let body =
        json!({"data": [{"First_Name": "Ada", "Last_Name": "Lovelace"}, {"First_Name": "Ada"}]})
            .to_string();
    let answer = crm.world.crm("POST", "/crm/v8/Contacts", &crm.token, &body);
    assert_eq!(answer.json()["data"][1]["details"]["api_name"], "Last_Name");
    let listed = crm
        .world
        .crm(
            "GET",
            "/crm/v8/Contacts?fields=Full_Name&per_page=1",
            &crm.token,
            "",
        )
        .json();
    assert_eq!(listed["data"][0]["Full_Name"], "Ada Lovelace");
}
