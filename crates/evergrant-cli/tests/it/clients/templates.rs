//! The calls that eight published processes of an integration platform make, as their definitions have them
//! (<https://github.com/FrendsPlatform/FrendsTemplates>): parameters in the query, empty bodies, no `Content-Type`.

use serde_json::{Value, json};

use super::{Estate, MODES, send};
use crate::sdk::SDK_SCOPES;

/// A process with its variables.
pub(super) struct Process<'a> {
    variables: &'a Value,
}

impl<'a> Process<'a> {
    pub(super) fn new(variables: &'a Value) -> Self {
        Self { variables }
    }

    fn variable(&self, name: &str) -> &str {
        self.variables[name].as_str().unwrap()
    }

    fn ask(&self, query: &str) -> Value {
        let head = format!("POST /oauth/v2/token?{query} HTTP/1.1\r\nContent-Length: 0\r\n");
        let (status, answer) = send(self.variable("AccountsDomain"), &head, "");
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Gets an access token, as four of the processes do.
    pub(super) fn refresh(&self) -> String {
        let answer = self.ask(&self.query());
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    /// Gets an access token, as the other three do.
    fn refresh_in_another_order(&self) -> String {
        let answer = self.ask(&format!(
            "refresh_token={}&client_id={}&client_secret={}&grant_type=refresh_token",
            self.variable("ZohoRefreshToken"),
            self.variable("ZohoClientId"),
            self.variable("ZohoClientSecret"),
        ));
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    /// Asks for a token that is refused, and returns the word for it.
    pub(super) fn refused(&self) -> String {
        self.ask(&self.query())["error"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn query(&self) -> String {
        format!(
            "client_id={}&grant_type=refresh_token&client_secret={}&refresh_token={}",
            self.variable("ZohoClientId"),
            self.variable("ZohoClientSecret"),
            self.variable("ZohoRefreshToken"),
        )
    }

    pub(super) fn get(&self, token: &str, path: &str) -> (u16, Value) {
        let head = format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
        send(self.variable("ApiDomain"), &head, "")
    }

    fn write(&self, token: &str, method: &str, path: &str, body: &str) -> Value {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n",
            body.len()
        );
        let (status, answer) = send(self.variable("ApiDomain"), &head, body);
        let expected = if method == "POST" { 201 } else { 200 };
        assert_eq!(status, expected, "{answer}");
        answer["data"][0]["details"]["id"].clone()
    }

    /// Changes the record that a search finds, or adds it.
    fn put_or_post(&self, token: &str, version: &str, search: &str, body: &str) -> &'static str {
        let module = search.split('/').next().unwrap();
        match self.get(token, &format!("/crm/{version}/{search}")) {
            (200, found) => {
                let id = found["data"][0]["id"].as_str().unwrap();
                let path = format!("/crm/{version}/{module}/{id}");
                assert_eq!(self.write(token, "PUT", &path, body), id);
                "updated"
            }
            (204, _) => {
                // One of the processes adds by another version than it searches by.
                let version = if body.contains("trigger") {
                    "v2"
                } else {
                    version
                };
                self.write(token, "POST", &format!("/crm/{version}/{module}"), body);
                "inserted"
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Runs a case in every mode, with the variables of a caller that may have tokens of `acme`.
fn each(case: impl Fn(&Estate, &Process<'_>)) {
    for mode in MODES {
        let estate = Estate::new();
        let variables = estate.caller(&format!("--connection acme {mode}"));
        assert_eq!(variables["AccountsDomain"], json!(estate.url));
        assert_eq!(variables["ApiDomain"], json!(estate.api_domain(mode)));
        let estate = estate.serve();
        case(&estate, &Process::new(&variables));
        assert_eq!(estate.asked_for_tokens(), (0, 0), "{mode}");
    }
}

/// Zoho CRM to JSON - Contacts, and Products.
#[test]
fn a_module_is_read_page_by_page() {
    each(|estate, process| {
        for module in ["Contacts", "Products"] {
            let path = format!("/records/{module}");
            let simulator = &estate.flow.simulator;
            simulator.control("PUT", &path, &json!({ "count": 450 }));
            let token = match module {
                "Contacts" => process.refresh_in_another_order(),
                _ => process.refresh(),
            };
            let (mut number, mut records) = (1, 0);
            loop {
                let path = format!("/crm/v2/{module}?page={number}");
                let (status, page) = process.get(&token, &path);
                assert_eq!(status, 200, "{page}");
                records += page["data"].as_array().unwrap().len();
                if page["info"]["more_records"] == false {
                    break;
                }
                number += 1;
            }
            assert_eq!((number, records), (3, 450));
        }
    });
}

/// JSON to Zoho CRM - Products.
#[test]
fn products_of_a_file_are_added_and_changed() {
    each(|_, process| {
        let token = process.refresh();
        let put = |product: &str| {
            let body = format!("{{\n    data: [\n    {product}\n    ],\n    trigger: []\n}}");
            let search = "Products/search?criteria=Product_Code:equals:X1&fields=id";
            process.put_or_post(&token, "v6", search, &body)
        };
        let product = r#"{"Product_Name": "Lamp: {new}", "Product_Code": "X1"}"#;
        assert_eq!([put(product), put(product)], ["inserted", "updated"]);
    });
}

/// JSON to Zoho CRM - Customers, and Magento to Zoho CRM - Customers.
#[test]
fn customers_are_matched_by_their_address() {
    each(|_, process| {
        let token = process.refresh_in_another_order();
        let body = "{\n    \"data\": [\n        {\n        \"Email\": \"eva@example.com\",\n        \
                    \"First_Name\": \"Eva\",\n        \"Last_Name\": \"Ström\",\n        \
                    \"Mailing_City\": \"Turku\"\n        }\n    ]\n}";
        let put = || {
            let search = "Contacts/search?email=eva@example.com";
            process.put_or_post(&token, "v2", search, body)
        };
        assert_eq!([put(), put()], ["inserted", "updated"]);
    });
}

/// Magento to Zoho CRM - Products, and Orders.
#[test]
fn products_and_orders_of_a_shop_are_put_in() {
    each(|_, process| {
        let token = process.refresh();
        let product = "{\r\n    \"data\": [\r\n        {\r\n            \"Product_Name\": \"Stool\",\r\n            \
                       \"Product_Code\": \"MAG7\",\r\n            \"Unit_Price\": \"12.50\"\r\n        }\r\n    ]\r\n}";
        let search = "Products/search?criteria=Product_Code:equals:MAG7&fields=id";
        let put = || process.put_or_post(&token, "v6", search, product);
        assert_eq!([put(), put()], ["inserted", "updated"]);

        let token = process.refresh();
        let find = |search: &str| {
            process
                .get(&token, &format!("/crm/v6/{search}&fields=id"))
                .1
        };
        let contact = find("Contacts/search?criteria=Email:equals:contact1@example.com");
        let product = find("Products/search?criteria=Product_Code:equals:MAG7");
        let order = format!(
            "{{\r\n\t\"data\": [\r\n\t\t{{\r\n            \"Subject\": \"Magento Order 42\",\r\n            \
             \"Contact_Name\": {{\r\n\t\t\t\t\"id\": {}\r\n\t\t\t}},\r\n\t\t\t\"Status\": \"pending\",\r\n            \
             \"Ordered_Items\": [{{\"Product_Name\": {{\"id\": {}}}, \"Quantity\": 2}}]\r\n\t\t}}\r\n\t]\r\n}}",
            contact["data"][0]["id"], product["data"][0]["id"]
        );
        let orders = "Sales_Orders/search?criteria=Subject:equals:Magento%20Order%2042&fields=id";
        let put = || process.put_or_post(&token, "v6", orders, &order);
        assert_eq!(put(), "inserted");
        assert_eq!(
            find("Sales_Orders/search?criteria=Subject:equals:Magento%20Order%2042")["info"]["count"],
            1
        );
    });
}

/// Zoho CRM - Exchange grant token for refresh token.
#[test]
fn a_grant_token_is_exchanged_for_a_handle() {
    for mode in MODES {
        let estate = Estate::new();
        let options = format!("--allow-exchange customer --app acme {mode}");
        let mut variables = estate.caller(&options);
        variables["ZohoGrantToken"] = estate.flow.simulator.grant(SDK_SCOPES)["code"].clone();
        let estate = estate.serve();
        let process = Process::new(&variables);
        let answer = process.ask(&format!(
            "client_id={}&grant_type=authorization_code&client_secret={}&code={}",
            process.variable("ZohoClientId"),
            process.variable("ZohoClientSecret"),
            process.variable("ZohoGrantToken"),
        ));
        assert_eq!(answer["error"], Value::Null);
        variables["ZohoRefreshToken"] = answer["refresh_token"].clone();
        variables["ApiDomain"] = answer["api_domain"].clone();
        let process = Process::new(&variables);
        let (status, _) = process.get(&process.refresh(), "/crm/v2/Contacts?page=1");
        assert_eq!(status, 200);
        assert_eq!(estate.asked_for_tokens(), (1, 0));
        let secrets = ["ZohoClientSecret", "ZohoGrantToken", "ZohoRefreshToken"];
        estate.has_not_logged(&secrets.map(|name| process.variable(name)));
        estate.has_not_logged(&[answer["access_token"].as_str().unwrap()]);
    }
}
