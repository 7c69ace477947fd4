//! Searching records. Source: <https://www.zoho.com/crm/developer/docs/api/v8/search-records.html>

use serde_json::json;

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

    fn get(&self, path: &str) -> Answer {
        self.world.crm("GET", path, &self.token, "")
    }
}

#[test]
fn a_record_is_found_by_criteria_with_the_fields_that_are_asked_for() {
    let crm = Crm::new();
    let found = crm
        .get("/crm/v6/Products/search?criteria=Product_Code:equals:P-00001&fields=id")
        .json();
    assert_eq!(found["info"]["count"], 1);
    let names: Vec<&String> = found["data"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["id"]);
    let both = crm.get("/crm/v8/Products/search?criteria=((Product_Code:starts_with:P-)and(Product_Name:equals:desk%20lamp))");
    assert_eq!(both.json()["data"][0]["Product_Code"], "P-00000");
}

#[test]
fn a_contact_is_found_by_its_address_or_a_word() {
    let crm = Crm::new();
    let found = crm
        .get("/crm/v2/Contacts/search?email=contact1@example.com")
        .json();
    assert_eq!(found["data"][0]["Last_Name"], "Dupont");
    let found = crm
        .get("/crm/v8/Contacts/search?word=dupont&fields=Email")
        .json();
    assert_eq!(found["data"][0]["Email"], "contact1@example.com");
}

#[test]
fn a_search_has_pages_and_an_end() {
    let crm = Crm::new();
    let page = |number| {
        crm.get(&format!(
            "/crm/v8/Products/search?criteria=Product_Code:starts_with:P&per_page=2&page={number}"
        ))
    };
    let pages = [1, 2, 3].map(|number| page(number).json());
    let more = pages.each_ref().map(|page| &page["info"]["more_records"]);
    assert_eq!(more, [&json!(true), &json!(true), &json!(false)]);
    assert_eq!(pages[2]["info"]["count"], 1);
    let answer = page(4);
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
}

#[test]
fn what_cannot_be_searched_for_is_refused() {
    let crm = Crm::new();
    let answer = crm.get("/crm/v8/Products/search");
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &json!("REQUIRED_PARAM_MISSING"))
    );
    let answer = crm.get("/crm/v8/Products/search?criteria=Product_Code");
    assert_eq!(answer.json()["code"], "INVALID_QUERY");
    assert_eq!(
        crm.get("/crm/v8/Unicorns/search?word=x").json()["code"],
        "INVALID_MODULE"
    );
    assert_eq!(
        crm.get("/crm/v8/Products/seek?word=x").json()["code"],
        "INVALID_URL_PATTERN"
    );
}

/// <https://github.com/FrendsPlatform/FrendsTemplates> makes them.
#[test]
fn sales_orders_are_made_and_found_by_their_subject() {
    let crm = Crm::new();
    let path = "/crm/v6/Sales_Orders/search?criteria=Subject:equals:Order%2042&fields=id";
    assert_eq!(crm.get(path).status, 204);
    let order = json!({ "data": [{
        "Subject": "Order 42", "Contact_Name": { "id": "1" }, "Ordered_Items": [{ "Product_Name": { "id": "2" }, "Quantity": 1 }],
    }] });
    let made = crm.world.crm(
        "POST",
        "/crm/v6/Sales_Orders",
        &crm.token,
        &order.to_string(),
    );
    assert_eq!(made.status, 201);
    assert_eq!(
        crm.get(path).json()["data"][0]["id"],
        made.json()["data"][0]["details"]["id"]
    );
}
