//! Zoho CRM: `/crm/vN/…` and `/crm/bulk/vN/…`.

use super::is_version;

/// Returns the scopes for a path below `/crm/`.
pub(super) fn needed(operation: &str, segments: &[&str]) -> Option<Vec<String>> {
    match segments {
        ["bulk", version, rest @ ..] if is_version(version) => bulk(operation, rest),
        [version, rest @ ..] if is_version(version) => versioned(operation, rest),
        _ => None,
    }
}

/// Returns the scopes for a path at the upload host
/// (<https://www.zoho.com/crm/developer/docs/api/v8/bulk-write/upload-file.html>).
pub(super) fn needed_for_upload(segments: &[&str]) -> Option<Vec<String>> {
    match segments {
        ["crm", version, "upload"] if is_version(version) => {
            Some(vec!["ZohoFiles.files.ALL".to_owned()])
        }
        _ => None,
    }
}

/// Which modules a job reads or writes stands in its body: it needs the scope of all of them.
fn bulk(operation: &str, segments: &[&str]) -> Option<Vec<String>> {
    let scopes: &[&str] = match (operation, segments) {
        ("READ", ["read", _] | ["read", _, "result"]) | ("CREATE", ["read"]) => {
            &["ZohoCRM.bulk.READ", "ZohoCRM.modules.READ"]
        }
        ("READ", ["write", _]) => &["ZohoCRM.bulk.READ"],
        ("CREATE", ["write"]) => &["ZohoCRM.bulk.CREATE", "ZohoCRM.modules.ALL"],
        (operation, ["backup", ..]) => return one("bulk.backup", operation),
        _ => return None,
    };
    Some(scopes.iter().map(|&scope| scope.to_owned()).collect())
}

fn versioned(operation: &str, segments: &[&str]) -> Option<Vec<String>> {
    match segments {
        ["settings", what, ..] => {
            is_name(what).then(|| one(&format!("settings.{what}"), operation))?
        }
        ["users", ..] => one("users", operation),
        ["org", "currencies", ..] => one("settings.currencies", operation),
        ["org"] | ["org", "photo"] => one("org", operation),
        ["files"] => one("files", operation),
        ["actions", "watch"] => one("notifications", operation),
        // A query, whose modules stand in its body.
        ["coql"] if operation == "CREATE" => Some(vec![
            "ZohoCRM.coql.READ".to_owned(),
            "ZohoCRM.modules.READ".to_owned(),
        ]),
        [module, rest @ ..] if is_module(module) => records(operation, module, rest),
        _ => None,
    }
}

/// Returns the scopes for records of a module.
fn records(operation: &str, module: &str, rest: &[&str]) -> Option<Vec<String>> {
    let own = |operation: &str| format!("ZohoCRM.modules.{module}.{operation}");
    match rest {
        ["upsert"] if operation == "CREATE" => Some(vec![own("CREATE"), own("UPDATE")]),
        ["search"] if operation == "READ" => {
            Some(vec![own("READ"), "ZohoSearch.securesearch.READ".to_owned()])
        }
        ["actions", action] | [_, "actions", action] => act(operation, module, action),
        [] | [_] => Some(vec![own(operation)]),
        // A photo is a part of its record.
        [_, "photo"] => Some(vec![own(if operation == "READ" {
            "READ"
        } else {
            "UPDATE"
        })]),
        [_, related] | [_, related, _] if is_module(related) => Some(vec![
            own("READ"),
            format!("ZohoCRM.modules.{related}.{operation}"),
        ]),
        _ => None,
    }
}

/// Returns the scopes for what can be done with records besides reading and writing them.
fn act(operation: &str, module: &str, action: &str) -> Option<Vec<String>> {
    match action {
        "count" => one(&format!("modules.{module}"), "READ"),
        "add_tags" | "remove_tags" => one(&format!("modules.{module}"), "UPDATE"),
        // They make or change records of other modules.
        "convert" | "blueprint" => one("modules", "ALL"),
        "mass_update" => one(&format!("mass_update.{module}"), "UPDATE"),
        "mass_delete" => one(&format!("mass_delete.{module}"), "DELETE"),
        "mass_convert" => one(&format!("mass_convert.{module}"), operation),
        "share" => one(&format!("share.{module}"), operation),
        "send_mail" => one(&format!("send_mail.{module}"), "CREATE"),
        "change_owner" => one("change_owner", "CREATE"),
        _ => None,
    }
}

fn one(parts: &str, operation: &str) -> Option<Vec<String>> {
    Some(vec![format!("ZohoCRM.{parts}.{operation}")])
}

/// Modules begin with a capital letter; `__features` and its like are none.
fn is_module(segment: &str) -> bool {
    segment.starts_with(|first: char| first.is_ascii_uppercase()) && is_name(segment)
}

fn is_name(segment: &str) -> bool {
    segment
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
