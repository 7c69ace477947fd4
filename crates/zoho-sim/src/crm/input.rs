//! The records that a request brings, and what each is answered with.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::CrmError;
use super::module::{Field, Module};
use crate::manners::{FailedCreate, Manners, MixedCreate};

/// Source: <https://github.com/zoho/crm-oas>, createRecords.
const MOST_RECORDS: usize = 100;

/// Reads the records of a request.
pub(super) fn read(body: &[u8]) -> Result<Vec<Value>, CrmError> {
    let invalid = |expected: &str| {
        CrmError::bad(
            "INVALID_DATA",
            "invalid data",
            json!({"api_name": "data", "json_path": "$.data", "expected_data_type": expected}),
        )
    };
    let body = parse(body).ok_or_else(|| invalid("jsonobject"))?;
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

/// Reads JSON, also with the bare names of members that <https://github.com/FrendsPlatform/FrendsTemplates> sends.
fn parse(body: &[u8]) -> Option<Value> {
    let strict = serde_json::from_slice(body).ok();
    strict
        .or_else(|| serde_json::from_str(&with_quoted_names(std::str::from_utf8(body).ok()?)).ok())
}

fn with_quoted_names(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut in_string, mut escaped, mut name) = (false, false, String::new());
    for c in text.chars() {
        if !in_string && (c.is_ascii_alphanumeric() || c == '_') {
            name.push(c);
            continue;
        }
        let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic());
        match (is_word, c) {
            (true, ':') => quoted += &format!("\"{name}\""),
            _ => quoted += &name,
        }
        name.clear();
        in_string = if c == '"' && !escaped {
            !in_string
        } else {
            in_string
        };
        escaped = in_string && c == '\\' && !escaped;
        quoted.push(c);
    }
    quoted + &name
}

/// Returns a record's fields, or the result that says what is wrong with them. One that is whole has every field that
/// must be there; a change of one need not name it.
pub(super) fn check(
    record: Value,
    place: usize,
    module: Module,
    whole: bool,
) -> Result<Map<String, Value>, Value> {
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
            None if field.mandatory && (whole || fields.contains_key(field.api_name)) => {
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
        // As text, too: <https://github.com/FrendsPlatform/FrendsTemplates> sends prices so.
        "double" => {
            value.is_number()
                || value
                    .as_str()
                    .is_some_and(|text| text.parse::<f64>().is_ok())
        }
        "boolean" => value.is_boolean(),
        _ => true,
    }
}

/// Returns the result of a record that is refused.
pub(super) fn failure(code: &str, message: &str, details: Value) -> Value {
    json!({"code": code, "details": details, "message": message, "status": "error"})
}

/// Returns the status of a reply to several records, if it is `good` when none failed.
pub(super) fn status(
    manners: &Manners,
    good: StatusCode,
    failed: usize,
    total: usize,
) -> StatusCode {
    if failed == 0 {
        return good;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_are_names_and_what_stands_in_strings_stays() {
        let lenient = parse(br#"{ data: [ {"a": "b: \"c: 1\"", "n": -1.5} ], trigger: [] }"#);
        let strict = json!({"data": [{"a": "b: \"c: 1\"", "n": -1.5}], "trigger": []});
        assert_eq!(lenient, Some(strict));
        assert_eq!(parse(b"{data: lamp}"), None);
    }
}
