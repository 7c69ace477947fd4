//! Two calls of the CRM API, as a program would make them with the access token.

use bytes::Bytes;
use evergrant::broker::Token;
use http::Request;
use serde_json::{Value, json};
use zoho_oauth::ApiDomain;

use super::{broken, stage::exchange_http};
use crate::cli::error::CliError;

/// Reads one contact and returns its name
/// (<https://www.zoho.com/crm/developer/docs/api/v8/get-records.html>).
pub(super) async fn first_contact(token: &Token) -> Result<String, CliError> {
    let request = Request::get(format!(
        "{}/crm/v8/Contacts?fields=First_Name,Last_Name&per_page=1",
        api_domain(token)?
    ));
    let reply = call(token, request, Bytes::new()).await?;
    let contact = &reply["data"][0];
    match (
        contact["First_Name"].as_str(),
        contact["Last_Name"].as_str(),
    ) {
        (Some(first), Some(last)) => Ok(format!("{first} {last}")),
        _ => Err(broken("the simulator has no contact")),
    }
}

/// Inserts one product and returns its id
/// (<https://www.zoho.com/crm/developer/docs/api/v8/insert-records.html>).
pub(super) async fn insert_product(token: &Token) -> Result<String, CliError> {
    let body = json!({"data": [{"Product_Name": "Evergreen", "Product_Code": "EVG-1"}]});
    let request = Request::post(format!("{}/crm/v8/Products", api_domain(token)?))
        .header("content-type", "application/json");
    let reply = call(token, request, Bytes::from(body.to_string())).await?;
    let id = reply["data"][0]["details"]["id"].as_str();
    id.map(str::to_owned)
        .ok_or_else(|| broken("the simulator inserted no product"))
}

async fn call(
    token: &Token,
    request: http::request::Builder,
    body: Bytes,
) -> Result<Value, CliError> {
    let header = format!("Zoho-oauthtoken {}", token.access_token().expose_secret());
    let request = request.header("authorization", header).body(body);
    let request = request.map_err(|error| broken(error.to_string()))?;
    let reply = exchange_http(api_domain(token)?.as_str(), request).await?;
    serde_json::from_slice(&reply.body)
        .map_err(|error| broken("the simulator's API answered no JSON").cause(error))
}

fn api_domain(token: &Token) -> Result<&ApiDomain, CliError> {
    let api_domain = token.api_domain();
    api_domain.ok_or_else(|| broken("the exchange brought no API domain"))
}
