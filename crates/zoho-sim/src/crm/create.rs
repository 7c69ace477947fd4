//! `POST /crm/v8/MODULE`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::CrmError;
use super::module::{Field, Module};
use super::settings::user_reference;
use crate::accounts::Asked;
use crate::clock::crm_time;
use crate::manners::{FailedCreate, Manners, MixedCreate};
use crate::reply::{self, Reply};
use crate::state::{AccessToken, State};

/// Source: <https://github.com/zoho/crm-oas>, createRecords.
const MOST_RECORDS: usize = 100;

/// Creates records, each for itself: some may fail.
pub(crate) fn create(
    state: &mut State,
    asked: &Asked<'_>,
    access: &AccessToken,
    module: Module,
) -> Result<Reply, CrmError> {
    let records = read(asked.request.body())?;
    let total = records.len();
    let mut failed = 0;
    let mut results = Vec::new();
    for (place, record) in records.into_iter().enumerate() {
        results.push(match check(record, place, module) {
            Ok(fields) => created(state, access, module, fields),
            Err(error) => {
                failed += 1;
                error
            }
        });
    }
    Ok(reply::json(
        status(&state.manners, failed, total),
        &json!({"data": results}),
    ))
}

fn read(body: &[u8]) -> Result<Vec<Value>, CrmError> {
    let invalid = |expected: &str| {
        CrmError::bad(
            "INVALID_DATA",
            "invalid data",
            json!({"api_name": "data", "json_path": "$.data", "expected_data_type": expected}),
        )
    };
    let body: Value = serde_json::from_slice(body).map_err(|_| invalid("jsonobject"))?;
    let Some(Value::Array(records)) = body.get("data") else {
        return Err(invalid("jsonarray"));
    };
    if records.is_empty() || records.len() > MOST_RECORDS {
        let details =
            json!({"api_name": "data", "json_path": "$.data", "maximum_length": MOST_RECORDS});
        return Err(CrmError::bad("INVALID_DATA", "invalid data", details));
    }
    Ok(records.clone())
}

/// Returns a record's fields, or the result that says what is wrong with them.
fn check(record: Value, place: usize, module: Module) -> Result<Map<String, Value>, Value> {
    let Value::Object(fields) = record else {
        return Err(failure(
            "INVALID_DATA",
            "invalid data",
            json!({"json_path": format!("$.data[{place}]"), "expected_data_type": "jsonobject"}),
        ));
    };
    for field in module.fields() {
        let path = format!("$.data[{place}].{}", field.api_name);
        let value = fields
            .get(field.api_name)
            .filter(|value| !value.is_null() && *value != "");
        match value {
            None if field.mandatory => {
                let details = json!({"api_name": field.api_name, "json_path": path});
                return Err(failure(
                    "MANDATORY_NOT_FOUND",
                    "required field not found",
                    details,
                ));
            }
            Some(value) if !fits(field, value) => {
                let details = json!({"api_name": field.api_name, "json_path": path, "expected_data_type": field.data_type});
                return Err(failure("INVALID_DATA", "invalid data", details));
            }
            _ => {}
        }
    }
    Ok(fields)
}

fn fits(field: &Field, value: &Value) -> bool {
    match field.json_type {
        _ if field.read_only => true,
        "string" => value.is_string(),
        "double" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => true,
    }
}

fn failure(code: &str, message: &str, details: Value) -> Value {
    json!({"code": code, "details": details, "message": message, "status": "error"})
}

fn created(
    state: &mut State,
    access: &AccessToken,
    module: Module,
    mut fields: Map<String, Value>,
) -> Value {
    if module == Module::Contacts {
        let part = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let full_name = format!("{} {}", part("First_Name"), part("Last_Name"))
            .trim()
            .to_owned();
        fields.insert("Full_Name".to_owned(), Value::String(full_name));
    }
    let now = state.now();
    let id = state.add_record(module, fields);
    let (time, user) = (crm_time(now), user_reference(access));
    let details = json!({
        "Modified_Time": time, "Modified_By": user, "Created_Time": time, "id": id.to_string(),
        "Created_By": user, "$approval_state": "approved",
    });
    json!({"code": "SUCCESS", "details": details, "message": "record added", "status": "success"})
}

fn status(manners: &Manners, failed: usize, total: usize) -> StatusCode {
    if failed == 0 {
        return StatusCode::CREATED;
    }
    if failed < total {
        return match manners.mixed_create {
            MixedCreate::MultiStatus => StatusCode::MULTI_STATUS,
            MixedCreate::Accepted => StatusCode::ACCEPTED,
            MixedCreate::Ok => StatusCode::OK,
        };
    }
    match manners.failed_create {
        FailedCreate::BadRequest => StatusCode::BAD_REQUEST,
        FailedCreate::Accepted => StatusCode::ACCEPTED,
    }
}
