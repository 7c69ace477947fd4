//! `POST /crm/v8/MODULE`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::CrmError;
use super::input::{check, read, status};
use super::module::Module;
use super::settings::user_reference;
use crate::accounts::Asked;
use crate::clock::crm_time;
use crate::reply::{self, Reply};
use crate::state::{AccessToken, State};

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
        results.push(match check(record, place, module, true) {
            Ok(fields) => created(state, access, module, fields),
            Err(error) => {
                failed += 1;
                error
            }
        });
    }
    Ok(reply::json(
        status(&state.manners, StatusCode::CREATED, failed, total),
        &json!({"data": results}),
    ))
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
