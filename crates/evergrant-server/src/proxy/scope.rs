//! Which scopes a request needs, by what Zoho's documentation asks for.
//!
//! Sources: <https://www.zoho.com/crm/developer/docs/api/v8/scopes.html> and the page of each call there, and the
//! OpenAPI files at <https://github.com/zoho/crm-oas>. A path that is not known needs what nobody has: None.

mod crm;
mod finance;

use http::Method;
use zoho_oauth::{Scope, Scopes};

/// Returns the scopes that a request needs, all of them; None if that is not known.
///
/// The path is the one at the target, without anything that has two meanings.
pub(super) fn needed(method: &Method, product: Option<&str>, path: &str) -> Option<Scopes> {
    let operation = operation(method)?;
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').collect();
    let scopes = match product {
        None => match segments[..] {
            ["crm", ref rest @ ..] => crm::needed(operation, rest)?,
            [service, version, ref rest @ ..] if is_version(version) => {
                finance::needed(service, operation, rest)?
            }
            _ => return None,
        },
        Some("upload") => crm::needed_for_upload(&segments)?,
        Some("desk") => desk(operation, &segments)?,
        Some(_) => return None,
    };
    let scopes = scopes.iter().map(|scope| scope.parse::<Scope>().ok());
    scopes.collect()
}

fn operation(method: &Method) -> Option<&'static str> {
    match *method {
        Method::GET | Method::HEAD => Some("READ"),
        Method::POST => Some("CREATE"),
        Method::PUT | Method::PATCH => Some("UPDATE"),
        Method::DELETE => Some("DELETE"),
        _ => None,
    }
}

/// Says whether a segment is `v` and a number: `v8`, `v2.1`.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix('v').unwrap_or_default();
    number.starts_with(|first: char| first.is_ascii_digit())
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Desk's resources that have a scope of their own name (<https://desk.zoho.com/DeskAPIDocument#OauthTokens>).
fn desk(operation: &str, segments: &[&str]) -> Option<Vec<String>> {
    let ["api", "v1", resource, ..] = segments else {
        return None;
    };
    let part = match *resource {
        "tickets" => "tickets",
        "contacts" => "contacts",
        "tasks" => "tasks",
        "events" => "events",
        "articles" => "articles",
        _ => return None,
    };
    // A part of a ticket that has a scope of its own is not known here.
    (segments.len() <= 4).then(|| vec![format!("Desk.{part}.{operation}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, path: &str) -> String {
        let method = method.parse().unwrap();
        match needed(&method, None, path) {
            Some(scopes) => scopes.to_string(),
            None => "unknown".to_owned(),
        }
    }

    #[test]
    fn records_need_their_modules_scope() {
        assert_eq!(of("GET", "/crm/v8/Leads"), "ZohoCRM.modules.Leads.READ");
        assert_eq!(of("HEAD", "/crm/v8/Leads/"), "ZohoCRM.modules.Leads.READ");
        assert_eq!(
            of("POST", "/crm/v2.1/Leads"),
            "ZohoCRM.modules.Leads.CREATE"
        );
        assert_eq!(
            of("PATCH", "/crm/v8/Leads/1"),
            "ZohoCRM.modules.Leads.UPDATE"
        );
        assert_eq!(
            of("DELETE", "/crm/v8/Leads/1"),
            "ZohoCRM.modules.Leads.DELETE"
        );
        assert_eq!(
            of("POST", "/crm/v8/Leads/upsert"),
            "ZohoCRM.modules.Leads.CREATE ZohoCRM.modules.Leads.UPDATE"
        );
        assert_eq!(
            of("GET", "/crm/v8/Leads/search"),
            "ZohoCRM.modules.Leads.READ ZohoSearch.securesearch.READ"
        );
        assert_eq!(
            of("GET", "/crm/v8/Leads/deleted"),
            "ZohoCRM.modules.Leads.READ"
        );
        assert_eq!(
            of("POST", "/crm/v8/Leads/1/photo"),
            "ZohoCRM.modules.Leads.UPDATE"
        );
        assert_eq!(
            of("POST", "/crm/v8/Leads/1/Notes"),
            "ZohoCRM.modules.Leads.READ ZohoCRM.modules.Notes.CREATE"
        );
        assert_eq!(
            of("GET", "/crm/v8/Leads/1/Attachments/2"),
            "ZohoCRM.modules.Leads.READ ZohoCRM.modules.Attachments.READ"
        );
    }

    #[test]
    fn actions_need_what_their_pages_say() {
        assert_eq!(
            of("POST", "/crm/v8/Leads/1/actions/convert"),
            "ZohoCRM.modules.ALL"
        );
        assert_eq!(
            of("POST", "/crm/v8/Leads/actions/add_tags"),
            "ZohoCRM.modules.Leads.UPDATE"
        );
        assert_eq!(
            of("GET", "/crm/v8/Leads/actions/count"),
            "ZohoCRM.modules.Leads.READ"
        );
        assert_eq!(
            of("POST", "/crm/v8/Leads/actions/mass_update"),
            "ZohoCRM.mass_update.Leads.UPDATE"
        );
        assert_eq!(
            of("DELETE", "/crm/v8/Leads/1/actions/share"),
            "ZohoCRM.share.Leads.DELETE"
        );
        assert_eq!(
            of("POST", "/crm/v8/Leads/1/actions/send_mail"),
            "ZohoCRM.send_mail.Leads.CREATE"
        );
        assert_eq!(of("POST", "/crm/v8/Leads/1/actions/anything"), "unknown");
    }

    #[test]
    fn what_is_no_module_has_scopes_of_its_own() {
        assert_eq!(
            of("GET", "/crm/v8/settings/fields"),
            "ZohoCRM.settings.fields.READ"
        );
        assert_eq!(
            of("PUT", "/crm/v8/settings/layouts/1"),
            "ZohoCRM.settings.layouts.UPDATE"
        );
        assert_eq!(of("GET", "/crm/v8/users"), "ZohoCRM.users.READ");
        assert_eq!(of("GET", "/crm/v8/org"), "ZohoCRM.org.READ");
        assert_eq!(
            of("GET", "/crm/v8/org/currencies"),
            "ZohoCRM.settings.currencies.READ"
        );
        assert_eq!(
            of("POST", "/crm/v8/coql"),
            "ZohoCRM.coql.READ ZohoCRM.modules.READ"
        );
        assert_eq!(of("GET", "/crm/v8/files"), "ZohoCRM.files.READ");
        assert_eq!(
            of("POST", "/crm/bulk/v8/read"),
            "ZohoCRM.bulk.READ ZohoCRM.modules.READ"
        );
        assert_eq!(
            of("GET", "/crm/bulk/v8/read/1/result"),
            "ZohoCRM.bulk.READ ZohoCRM.modules.READ"
        );
        assert_eq!(
            of("POST", "/crm/bulk/v8/write"),
            "ZohoCRM.bulk.CREATE ZohoCRM.modules.ALL"
        );
        assert_eq!(
            of("POST", "/crm/v8/actions/watch"),
            "ZohoCRM.notifications.CREATE"
        );
        assert_eq!(of("GET", "/books/v3/invoices/1"), "ZohoBooks.invoices.READ");
        assert_eq!(
            of("POST", "/inventory/v1/items"),
            "ZohoInventory.items.CREATE"
        );
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        for path in [
            "/",
            "/crm",
            "/crm/v8",
            "/crm/x/Leads",
            "/CRM/v8/Leads",
            "/crm/v8/__composite_requests",
            "/crm/v8/leads%20x",
            "/crm/v8/Leads/1/Notes/2/3",
            "/crm/v8/actions/x",
            "/crm/bulk/v8/x",
            "/oauth/v2/token",
            "/workdrive/api/v1/files",
        ] {
            assert_eq!(of("GET", path), "unknown", "{path}");
        }
        assert_eq!(of("OPTIONS", "/crm/v8/Leads"), "unknown");
    }

    #[test]
    fn a_scope_of_any_width_covers_what_it_should() {
        let may = |held: &str, method: &str, path: &str| {
            let needed = needed(&method.parse().unwrap(), None, path).unwrap();
            held.parse::<Scopes>().unwrap().covers(&needed)
        };
        assert!(may("ZohoCRM.modules.ALL", "PUT", "/crm/v8/Leads/1"));
        assert!(may("ZohoCRM.modules.leads.READ", "GET", "/crm/v8/Leads"));
        assert!(!may(
            "ZohoCRM.modules.leads.READ",
            "GET",
            "/crm/v8/Contacts"
        ));
        assert!(!may(
            "ZohoCRM.modules.leads.READ",
            "GET",
            "/crm/v8/Leads/1/Notes"
        ));
        assert!(!may("ZohoCRM.modules.ALL", "GET", "/crm/v8/users"));
        assert!(!may("ZohoCRM.modules.leads.ALL", "POST", "/crm/v8/coql"));
        assert!(may(
            "ZohoCRM.settings.READ",
            "GET",
            "/crm/v8/settings/fields"
        ));
    }
}
