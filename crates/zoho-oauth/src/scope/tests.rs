use proptest::prelude::*;

use super::*;

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).unwrap()
}

fn covers(granted: &str, needed: &str) -> bool {
    scopes(granted).covers(&scopes(needed))
}

#[test]
fn what_two_have_in_common_is_what_both_open() {
    for (one, other, both) in [
        (
            "ZohoCRM.modules.ALL",
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.READ",
        ),
        (
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.ALL",
            "ZohoCRM.modules.READ",
        ),
        (
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.READ Desk.tickets.READ",
            "ZohoCRM.modules.READ",
        ),
        ("ZohoCRM.modules.READ", "Desk.tickets.READ", ""),
    ] {
        let parse = |text| Scopes::parse(text).unwrap();
        assert_eq!(
            parse(one).common(&parse(other)),
            parse(both),
            "{one}, {other}"
        );
    }
}

#[test]
fn a_missing_part_or_all_matches_anything() {
    assert!(covers(
        "ZohoCRM.modules.ALL",
        "ZohoCRM.modules.contacts.READ"
    ));
    assert!(covers(
        "ZohoCRM.modules.READ",
        "ZohoCRM.modules.contacts.READ"
    ));
    assert!(covers(
        "zohocrm.MODULES.Contacts.all",
        "ZohoCRM.modules.contacts.CUSTOM"
    ));
    assert!(!covers(
        "ZohoCRM.modules.contacts.READ",
        "ZohoCRM.modules.READ"
    ));
    assert!(!covers(
        "ZohoCRM.modules.READ",
        "ZohoCRM.modules.contacts.CREATE"
    ));
    assert!(!covers("ZohoCRM.modules.ALL", "ZohoBooks.modules.READ"));
    assert!(!covers(
        "ZohoCRM.modules.ALL",
        "ZohoCRM.settings.fields.READ"
    ));
}

#[test]
fn write_is_create_update_and_delete() {
    assert!(covers(
        "ZohoCRM.modules.WRITE",
        "ZohoCRM.modules.leads.UPDATE"
    ));
    assert!(!covers(
        "ZohoCRM.modules.WRITE",
        "ZohoCRM.modules.leads.READ"
    ));
    assert!(covers("a.b.CREATE a.b.UPDATE a.DELETE", "a.b.WRITE"));
}

#[test]
fn all_answered_as_four_operations_is_still_all() {
    let expanded =
        "Site24x7.admin.READ Site24x7.admin.CREATE Site24x7.admin.UPDATE Site24x7.admin.DELETE";
    assert!(covers(expanded, "Site24x7.Admin.All"));
}

#[test]
fn scopes_without_operation_cover_themselves() {
    assert!(covers("openid email", "email"));
    assert!(!covers("openid", "email"));
}

#[test]
fn lists_are_read_with_any_separator() {
    let list = scopes("ZohoCRM.modules.ALL, ZohoCRM.users.READ  zohocrm.users.read,,openid\n");
    assert_eq!(
        list.to_console_string(),
        "ZohoCRM.modules.ALL,ZohoCRM.users.READ,openid"
    );
    assert_eq!(
        list.to_string(),
        "ZohoCRM.modules.ALL ZohoCRM.users.READ openid"
    );
    assert!(scopes(" , ").is_empty());
    assert!(Scopes::parse("ZohoCRM..READ").is_err());
    assert!(Scopes::parse("ZohoCRM.{modules}").is_err());
}

#[test]
fn what_is_missing_keeps_its_order_and_writing() {
    let granted = scopes("ZohoCRM.modules.contacts.ALL");
    let required =
        scopes("ZohoCRM.Modules.Leads.READ ZohoCRM.modules.contacts.READ ZohoCRM.org.READ");
    assert_eq!(
        granted.missing(&required).to_console_string(),
        "ZohoCRM.Modules.Leads.READ,ZohoCRM.org.READ"
    );
}

#[test]
fn bundles_stand_for_their_scopes() {
    let list =
        Scopes::parse_with_bundles("@contacts-export, ZohoCRM.org.READ @customers-import").unwrap();
    assert_eq!(
        list.to_console_string(),
        "ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ,ZohoCRM.modules.contacts.CREATE,\
         ZohoCRM.modules.contacts.UPDATE,ZohoSearch.securesearch.READ"
    );
    let error = Scopes::parse_with_bundles("@nothing")
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("there is no bundle @nothing: use one of @contacts-export, "),
        "{error}"
    );
    for known in bundles() {
        assert_eq!(
            Scopes::parse(&known.scopes().to_string()).unwrap(),
            known.scopes()
        );
        assert_eq!(bundle(known.name), Some(known));
    }
}

fn any_scope() -> impl Strategy<Value = Scope> {
    // Few words, so that scopes meet often.
    "[aA]?[ab](\\.[ab]){0,2}(\\.(ALL|READ|CREATE|UPDATE|delete|WRITE|CUSTOM))?"
        .prop_map(|text| text.parse().unwrap())
}

fn any_scopes() -> impl Strategy<Value = Scopes> {
    prop::collection::vec(any_scope(), 0..5).prop_map(|list| list.into_iter().collect())
}

#[test]
fn what_is_there_stays_when_more_is_asked_for() {
    let all = scopes("ZohoCRM.modules.ALL")
        .with(&scopes("ZohoCRM.modules.contacts.READ,ZohoCRM.org.READ"));
    assert_eq!(
        all.to_console_string(),
        "ZohoCRM.modules.ALL,ZohoCRM.org.READ"
    );
}

proptest! {
    #[test]
    fn covering_is_reflexive(list in any_scopes()) {
        prop_assert!(list.covers(&list));
        prop_assert!(list.missing(&list).is_empty());
    }

    #[test]
    fn covering_is_transitive(a in any_scope(), b in any_scope(), c in any_scope()) {
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
    }

    #[test]
    fn covering_is_transitive_for_lists(a in any_scopes(), b in any_scopes(), c in any_scopes()) {
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
    }

    #[test]
    fn more_scopes_never_cover_less(a in any_scopes(), more in any_scopes(), needed in any_scopes()) {
        let both: Scopes = a.iter().chain(more.iter()).cloned().collect();
        prop_assert!(!a.covers(&needed) || both.covers(&needed));
    }

    #[test]
    fn what_is_missing_is_all_that_is_lacking(a in any_scopes(), needed in any_scopes()) {
        let missing = a.missing(&needed);
        let filled: Scopes = a.iter().chain(missing.iter()).cloned().collect();
        prop_assert!(filled.covers(&needed));
        prop_assert_eq!(missing.is_empty(), a.covers(&needed));
    }

    #[test]
    fn parsing_never_panics_and_round_trips(text in "(.{0,60}|([a-zA-Z.]{1,12}[, ]){0,5})") {
        if let Ok(list) = Scopes::parse(&text) {
            prop_assert_eq!(Scopes::parse(&list.to_console_string()), Ok(list.clone()));
            prop_assert_eq!(Scopes::parse(&list.to_string()), Ok(list));
        }
        let _ = Scopes::parse_with_bundles(&text);
    }
}
