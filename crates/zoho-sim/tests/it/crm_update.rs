//! Changing records. Source of everything here: <https://github.com/zoho/crm-oas>, updateRecord and updateRecords.

use serde_json::{Value, json};

use crate::world::{Answer, World};

struct Crm {
    world: World,
    token: String,
    /// The youngest product.
    id: String,
}

impl Crm {
    fn new() -> Self {
        let world = World::new();
        let token = world.exchange(&world.grant(json!({}))).text("access_token");
        let list = "/crm/v8/Products?fields=Product_Name&per_page=1";
        let listed = world.crm("GET", list, &token, "").json();
        let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
        Self { world, token, id }
    }

    fn put(&self, path: &str, record: Value) -> Answer {
        let body = json!({ "data": [record] }).to_string();
        self.world.crm("PUT", path, &self.token, &body)
    }

    fn put_it(&self, record: Value) -> Answer {
        self.put(&format!("/crm/v8/Products/{}", self.id), record)
    }

    fn product(&self) -> Value {
        let list =
            "/crm/v8/Products?fields=Product_Name,Unit_Price,Created_Time,Modified_Time&per_page=1";
        self.world.crm("GET", list, &self.token, "").json()["data"][0].clone()
    }
}

#[test]
fn the_record_of_the_path_changes_and_keeps_its_other_fields() {
    let crm = Crm::new();
    crm.world
        .control("POST", "/clock", json!({ "advance_seconds": 60 }));
    let before = crm.product();
    let answer = crm.put_it(json!({ "Unit_Price": 7.5 }));
    assert_eq!(answer.status, 200);
    let result = &answer.json()["data"][0];
    assert_eq!(
        (
            &result["code"],
            &result["message"],
            &result["details"]["id"]
        ),
        (&json!("SUCCESS"), &json!("record updated"), &json!(crm.id))
    );
    let after = crm.product();
    assert_eq!(
        (
            &after["Product_Name"],
            &after["Unit_Price"],
            &after["Created_Time"]
        ),
        (
            &before["Product_Name"],
            &json!(7.5),
            &before["Created_Time"]
        )
    );
    assert_ne!(after["Modified_Time"], before["Modified_Time"]);
}

#[test]
fn records_may_name_themselves() {
    let crm = Crm::new();
    let answer = crm.put(
        "/crm/v8/Products",
        json!({ "id": crm.id, "Product_Name": "Stool" }),
    );
    assert_eq!(answer.status, 200);
    assert_eq!(crm.product()["Product_Name"], "Stool");
}

#[test]
fn an_unknown_id_and_an_emptied_name_are_refused() {
    let crm = Crm::new();
    let answer = crm.put("/crm/v8/Products/42", json!({ "Product_Name": "Stool" }));
    assert_eq!(answer.status, 400);
    let result = &answer.json()["data"][0];
    assert_eq!(result["message"], "the id given seems to be invalid");
    let answer = crm.put_it(json!({ "Product_Name": "" }));
    assert_eq!(answer.json()["data"][0]["code"], "MANDATORY_NOT_FOUND");
    let answer = crm.world.crm(
        "DELETE",
        &format!("/crm/v8/Products/{}", crm.id),
        &crm.token,
        "",
    );
    assert_eq!(answer.json()["code"], "INVALID_REQUEST_METHOD");
}

#[test]
fn changing_needs_the_scope_for_it() {
    let crm = Crm::new();
    let scope = "ZohoCRM.modules.Products.READ";
    let token = crm
        .world
        .exchange(&crm.world.grant(json!({ "scope": scope })))
        .text("access_token");
    let body = json!({ "data": [{ "Product_Name": "Stool" }] }).to_string();
    let path = format!("/crm/v8/Products/{}", crm.id);
    let answer = crm.world.crm("PUT", &path, &token, &body);
    assert_eq!(answer.json()["code"], "OAUTH_SCOPE_MISMATCH");
}
