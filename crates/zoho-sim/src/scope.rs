//! Zoho's scopes: `service.scope.OPERATION`, compared without regard to case.
//! Source: <https://www.zoho.com/crm/developer/docs/api/v8/scopes.html>

/// Returns whether a granted scope covers a needed one.
///
/// A part that the granted scope does not name matches anything, so does the operation `ALL`; `WRITE` is
/// `CREATE`, `UPDATE` and `DELETE`.
pub(crate) fn covers(granted: &str, needed: &str) -> bool {
    let (granted, needed) = (granted.to_ascii_lowercase(), needed.to_ascii_lowercase());
    let (Some((granted_path, granted_operation)), Some((needed_path, needed_operation))) =
        (granted.rsplit_once('.'), needed.rsplit_once('.'))
    else {
        return granted == needed;
    };
    operation_covers(granted_operation, needed_operation) && path_covers(granted_path, needed_path)
}

fn path_covers(granted: &str, needed: &str) -> bool {
    let mut granted = granted.split('.');
    let mut needed = needed.split('.');
    let same_service = granted.next() == needed.next();
    same_service && granted.all(|part| needed.next() == Some(part))
}

fn operation_covers(granted: &str, needed: &str) -> bool {
    match granted {
        "all" => true,
        "write" => matches!(needed, "write" | "create" | "update" | "delete"),
        _ => granted == needed,
    }
}

/// Returns scopes with `ALL` spelled out as single operations, as some services do in their replies.
/// Source: <https://github.com/bk-rs/oauth2-rs>
pub(crate) fn expand(scopes: &[String]) -> Vec<String> {
    let expand_one = |scope: &String| match scope.rsplit_once('.') {
        Some((path, operation)) if operation.eq_ignore_ascii_case("all") => {
            ["READ", "CREATE", "UPDATE", "DELETE"]
                .iter()
                .map(|operation| format!("{path}.{operation}"))
                .collect()
        }
        _ => vec![scope.clone()],
    };
    scopes.iter().flat_map(expand_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_module_and_all_match_anything() {
        for granted in [
            "ZohoCRM.modules.ALL",
            "zohocrm.Modules.contacts.all",
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.Contacts.READ",
        ] {
            assert!(
                covers(granted, "ZohoCRM.modules.contacts.READ"),
                "{granted}"
            );
        }
    }

    #[test]
    fn another_module_service_or_operation_does_not() {
        for granted in [
            "ZohoCRM.modules.leads.ALL",
            "ZohoBooks.modules.ALL",
            "ZohoCRM.modules.CREATE",
            "ZohoCRM.settings.ALL",
            "ALL",
        ] {
            assert!(
                !covers(granted, "ZohoCRM.modules.contacts.READ"),
                "{granted}"
            );
        }
    }

    #[test]
    fn write_is_create_update_and_delete() {
        assert!(covers(
            "ZohoCRM.modules.WRITE",
            "ZohoCRM.modules.products.CREATE"
        ));
        assert!(!covers(
            "ZohoCRM.modules.WRITE",
            "ZohoCRM.modules.products.READ"
        ));
    }

    #[test]
    fn expands_all_only() {
        let scopes = [
            "ZohoCRM.users.READ".to_owned(),
            "ZohoCRM.org.ALL".to_owned(),
        ];
        assert_eq!(
            expand(&scopes).join(" "),
            "ZohoCRM.users.READ ZohoCRM.org.READ ZohoCRM.org.CREATE ZohoCRM.org.UPDATE ZohoCRM.org.DELETE"
        );
    }
}
