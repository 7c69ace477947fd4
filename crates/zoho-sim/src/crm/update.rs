//! `PUT /crm/v8/MODULE/ID` and `PUT /crm/v8/MODULE`.

use http::StatusCode;
use serde_json::{Value, json};

use super::error::CrmError;
use super::input::{check, failure, read, status};
use super::module::Module;
use super::settings::user_reference;
use crate::accounts::Asked;
use crate::clock::crm_time;
use crate::reply::{self, Reply};
use crate::state::{AccessToken, State};

/// Changes records, each for itself: the one that the path names, or those that name themselves by their `id`.
/// Source: <https://github.com/zoho/crm-oas>, updateRecord and updateRecords.
pub(crate) fn update(
    state: &mut State,
    asked: &Asked<'_>,
    access: &AccessToken,
    module: Module,
    id: Option<u64>,
) -> Result<Reply, CrmError> {
    let records = read(asked.request.body())?;
    let total = records.len();
    let mut failed = 0;
    let mut results = Vec::new();
    for (place, record) in records.into_iter().enumerate() {
        let updated = change(state, access, module, id, (place, record));
        results.push(updated.unwrap_or_else(|error| {
            failed += 1;
            error
        }));
    }
    Ok(reply::json(
        status(&state.manners, StatusCode::OK, failed, total),
        &json!({"data": results}),
    ))
}

fn change(
    state: &mut State,
    access: &AccessToken,
    module: Module,
    id: Option<u64>,
    (place, record): (usize, Value),
) -> Result<Value, Value> {
    let mut fields = check(record, place, module, false)?;
    let own = fields.remove("id");
    let id = id.or_else(|| own.as_ref().and_then(number));
    let changed = id.and_then(|id| state.change_record(module, id, fields));
    let record = changed.ok_or_else(|| {
        let details = json!({"api_name": "id", "json_path": format!("$.data[{place}].id")});
        failure("INVALID_DATA", "the id given seems to be invalid", details)
    })?;
    let user = user_reference(access);
    let details = json!({
        "Modified_Time": crm_time(record.modified_at), "Modified_By": user, "Created_Time": crm_time(record.created_at),
        "id": record.id.to_string(), "Created_By": user, "$approval_state": "approved",
    });
    Ok(
        json!({"code": "SUCCESS", "details": details, "message": "record updated", "status": "success"}),
    )
}

/// Reads an ID as text or, as some send it, as a number.
fn number(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}
