//! What the official SDKs ask for before they use a module: the user, the organisation, the modules, the fields.
//! Source of the shapes: <https://github.com/zoho/crm-oas>

use serde_json::{Value, json};

use super::error::CrmError;
use super::module::{Field, Module};
use crate::accounts::Asked;
use crate::reply::Reply;
use crate::state::AccessToken;

const USER_ID: &str = "5000000000000001";
const ORGANIZATION_ID: &str = "5000000000000002";
const PROFILE_ID: &str = "5000000000000003";
const ROLE_ID: &str = "5000000000000004";

/// Returns a user as other records refer to one.
pub(crate) fn user_reference(access: &AccessToken) -> Value {
    json!({"name": access.user, "id": USER_ID, "email": email(access)})
}

fn email(access: &AccessToken) -> String {
    format!("{}@example.com", access.user)
}

/// `GET /crm/v8/users?type=CurrentUser`; there is one user, whatever the type.
pub(crate) fn users(access: &AccessToken) -> Reply {
    let user = json!({
        "id": USER_ID, "first_name": access.user, "last_name": "Simulated", "full_name": format!("{} Simulated", access.user),
        "email": email(access), "zuid": "600000001", "status": "active", "confirm": true, "language": "en_US",
        "locale": "en_US", "country_locale": "en_US", "time_zone": "Europe/Berlin",
        "role": {"name": "CEO", "id": ROLE_ID}, "profile": {"name": "Administrator", "id": PROFILE_ID},
    });
    super::found(
        &json!({"users": [user], "info": {"per_page": 200, "count": 1, "page": 1, "more_records": false}}),
    )
}

/// `GET /crm/v8/org`.
pub(crate) fn organization() -> Reply {
    let organization = json!({
        "id": ORGANIZATION_ID, "company_name": "Simulated Company", "zgid": "600000002", "domain_name": "org600000002",
        "country_code": "DE", "country": "DE", "currency": "Euro - EUR", "currency_symbol": "€", "iso_code": "EUR",
        "primary_email": "demo@example.com", "time_zone": "Europe/Berlin", "mc_status": false, "gapps_enabled": false,
    });
    super::found(&json!({"org": [organization]}))
}

/// `GET /crm/v8/settings/modules`.
pub(crate) fn modules() -> Reply {
    let describe = |(place, module): (usize, Module)| {
        json!({
            "id": format!("50000000000001{place:02}"), "api_name": module.api_name(), "module_name": module.api_name(),
            "singular_label": module.singular(), "plural_label": module.api_name(), "generated_type": "default",
            "api_supported": true, "creatable": true, "viewable": true, "editable": true, "deletable": false, "visible": true,
        })
    };
    let modules: Vec<Value> = Module::ALL.into_iter().enumerate().map(describe).collect();
    super::found(&json!({"modules": modules}))
}

/// `GET /crm/v8/settings/fields?module=MODULE`.
pub(crate) fn fields(asked: &Asked<'_>) -> Result<Reply, CrmError> {
    let name = asked
        .parameters
        .find("module")
        .ok_or_else(|| CrmError::missing_parameter("module"))?;
    let module = Module::find(name).ok_or_else(CrmError::invalid_module)?;
    let describe = |(place, field): (usize, &Field)| {
        json!({
            "id": format!("50000000000002{place:02}"), "api_name": field.api_name, "field_label": field.label,
            "display_label": field.label, "data_type": field.data_type, "json_type": field.json_type,
            "system_mandatory": field.mandatory, "read_only": field.read_only, "field_read_only": field.read_only,
            "custom_field": false, "visible": true, "length": 255, "decimal_place": null, "pick_list_values": [],
        })
    };
    let fields: Vec<Value> = module.fields().enumerate().map(describe).collect();
    Ok(super::found(&json!({"fields": fields})))
}
