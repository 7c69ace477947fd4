//! Scopes: what Zoho granted, what is required, and by which algebra they are compared.

use serde_json::json;

use crate::{
    connections::{acme, done, fails},
    flow::{Flow, SCOPE},
    world::Outcome,
};

#[test]
fn scopes_that_zoho_does_not_name_are_those_of_the_file() {
    let flow = Flow::new().manners(json!({ "scope": "absent" }));
    assert_eq!(
        flow.kept("--require-scope ZohoCRM.modules.contacts.READ")["scopes"],
        json!([SCOPE])
    );
}

#[test]
fn scopes_that_nobody_names_cannot_be_checked() {
    let flow = Flow::new().manners(json!({ "scope": "absent" }));
    flow.world.file("grant", &flow.secret("code"));
    let outcome = flow.exchange("--grant-token-file grant --require-scope ZohoCRM.users.READ");
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(outcome.answer()["scopes"], json!([]));
    assert!(outcome.warning("scopes_unknown").is_some(), "{outcome:?}");
}

#[test]
fn missing_scopes_cost_nothing_and_are_listed_exactly() {
    let flow = Flow::new().new_grant("ZohoCRM.modules.contacts.ALL");
    let outcome = flow.exchange(
        "--require-scope zohocrm.modules.CONTACTS.read,ZohoCRM.users.READ --require-scope @products-export",
    );
    assert_eq!(outcome.exit_code, 9, "{outcome:?}");
    let (answer, error) = (outcome.answer(), outcome.error());
    assert_eq!(
        answer["missing_scopes"],
        json!(["ZohoCRM.users.READ", "ZohoCRM.modules.products.READ"])
    );
    assert_eq!(
        (&error["code"], &error["connection"]),
        (&json!("scope_missing"), &json!("acme"))
    );
    assert!(
        error["next"][0]
            .as_str()
            .unwrap()
            .contains("ZohoCRM.users.READ,"),
        "{error}"
    );
    assert_eq!(flow.world.run("connections show acme").exit_code, 0);
    assert_eq!(flow.escrow(), 0);
}

#[test]
fn scopes_are_compared_by_zohos_algebra() {
    let flow = acme();
    for scopes in [
        "ZohoCRM.modules.contacts.READ",
        "zohocrm.MODULES.contacts.read,ZohoCRM.modules.ALL",
        "@contacts-export",
        "@contacts-export,@products-export",
    ] {
        let checked = done(
            &flow.world,
            &format!("scopes check acme --json --require-scope {scopes}"),
        );
        assert_eq!(checked.answer()["missing_scopes"], json!([]), "{scopes}");
    }
    let error = fails(
        &flow.world,
        "scopes check acme --require-scope @nothing",
        2,
        "invalid_scope",
    );
    assert!(
        error["next"][0]
            .as_str()
            .unwrap()
            .contains("@contacts-export"),
        "{error}"
    );
}

#[test]
fn a_list_that_is_empty_by_mistake_lets_nothing_pass() {
    let flow = acme();
    for lists in [["--require-scope", ""], ["--require-scope", " , "]] {
        for command in ["scopes check acme", "exchange other"] {
            let words = command.split(' ').chain(lists).chain(["--json"]);
            let outcome = Outcome::of(&mut flow.world.command(words));
            assert_eq!(outcome.exit_code, 2, "{outcome:?}");
            assert_eq!(outcome.error()["reason"], "invalid_scope");
        }
    }
}

#[test]
fn missing_scopes_are_listed_with_exit_code_9() {
    let flow = acme();
    let outcome = flow.world.run(
        "scopes check acme --json --require-scope ZohoCRM.users.READ,ZohoCRM.modules.deals.READ",
    );
    assert_eq!(outcome.exit_code, 9, "{outcome:?}");
    assert_eq!(
        outcome.answer()["missing_scopes"],
        json!(["ZohoCRM.users.READ"])
    );
    let error = outcome.error();
    assert_eq!(
        (&error["code"], &error["reason"]),
        (&json!("scope_missing"), &json!("scope_missing"))
    );
    assert!(
        error["next"]
            .to_string()
            .contains("evergrant exchange acme --replace"),
        "{error}"
    );
}
