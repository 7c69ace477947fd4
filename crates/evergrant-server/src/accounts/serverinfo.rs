//! `GET /oauth/serverinfo`: the accounts servers there are. Zoho's names all its data centers; a client that
//! asks here shall find this server only, whichever it looks for.

use http::Response;
use serde_json::{Map, Value, json};
use zoho_oauth::DataCenter;

use super::answer::json_response;
use crate::{body::Body, config::PublicUrl};

/// Answers that every data center is here.
pub(crate) fn serverinfo(ours: &PublicUrl) -> Response<Body> {
    let here = |center: &DataCenter| (center.code.to_owned(), Value::from(ours.as_str()));
    let locations: Map<String, Value> = DataCenter::all().iter().map(here).collect();
    json_response(
        json!({"result": "success", "locations": locations})
            .to_string()
            .into_bytes(),
    )
}
