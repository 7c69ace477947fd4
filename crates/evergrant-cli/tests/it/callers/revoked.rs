//! Callers that get no token any more.

use super::*;

#[test]
fn a_revoked_caller_is_listed_only_on_request() {
    let flow = acme();
    add(&flow, "--connection acme --direct");
    let revoked = done(&flow.world, "callers revoke nightly --yes --json").answer();
    assert_eq!(revoked["state"], "revoked");
    let error = fails(
        &flow.world,
        "callers revoke nightly --yes",
        3,
        "already_revoked",
    );
    assert!(error["next"].to_string().contains("--now"), "{error}");
    assert_eq!(done(&flow.world, "callers list --json").answer(), json!([]));
    assert_eq!(
        done(&flow.world, "callers list --all --json").answer(),
        json!([revoked])
    );
    add(&flow, "--connection acme");
    let events = flow.rows("SELECT event FROM audit WHERE caller_id IS NOT NULL");
    assert_eq!(events, "caller_added\ncaller_revoked\ncaller_added");
    done(&flow.world, "audit --verify");
}

#[test]
fn a_direct_callers_access_token_ends_now_if_that_is_wanted() {
    let flow = acme();
    add(&flow, "--connection acme --direct");
    let token = |flow: &Flow| done(&flow.world, "token acme").stdout;
    let held = token(&flow);
    let revoked = done(&flow.world, "callers revoke nightly --yes --now");
    assert!(
        revoked
            .stderr
            .contains("acme: 1 access token is revoked at Zoho"),
        "{revoked:?}"
    );
    let refreshes = |flow: &Flow| {
        let requests = flow.simulator.requests().into_iter();
        requests
            .filter(|one| one["grant_type"] == "refresh_token")
            .count()
    };
    assert_eq!(refreshes(&flow), 1, "the others have another already");
    assert_ne!(token(&flow), held);
    assert_eq!(refreshes(&flow), 1);
    assert_eq!(
        flow.simulator.control("GET", "/stats", &Value::Null)["revoked"],
        1
    );

    // It may be said later, too; and Zoho may know the other path only.
    let path = json!({ "revoke_path": "/oauth/v2/revoke/token" });
    flow.simulator.control("PATCH", "/manners", &path);
    done(&flow.world, "callers revoke nightly --yes --now");
    let stats = flow.simulator.control("GET", "/stats", &Value::Null);
    assert_eq!(stats["revoked"], 2, "{stats}");
    fails(
        &flow.world,
        "callers revoke nobody --yes --now",
        3,
        "no_such_caller",
    );
    let proxied = done(&flow.world, "callers add other --connection acme");
    assert_eq!(proxied.exit_code, 0);
    let revoked = done(&flow.world, "callers revoke other --yes --now");
    assert!(
        !revoked.stderr.contains("access token"),
        "a proxied one holds none: {revoked:?}"
    );
}

#[test]
fn an_access_token_that_zoho_did_not_revoke_is_told() {
    let flow = acme();
    add(&flow, "--connection acme --direct");
    let vault = flow
        .rows("UPDATE apps SET accounts_domain = 'http://127.0.0.1:1'; SELECT count(*) FROM apps");
    assert_eq!(vault, "1");
    let error = fails(
        &flow.world,
        "callers revoke nightly --yes --now",
        7,
        "not_ended",
    );
    assert!(
        error["causes"].to_string().contains("itself is revoked"),
        "{error}"
    );
    assert_eq!(done(&flow.world, "callers list --json").answer(), json!([]));
}

#[test]
fn a_caller_without_any_handle_is_not_listed_as_one_that_works() {
    let flow = acme();
    done(&flow.world, "callers add nightly --connection acme");
    let listed = || done(&flow.world, "callers list").stdout;
    assert!(!listed().contains("no handle"), "{}", listed());
    flow.rows("UPDATE caller_connections SET revoked_at = 1");
    assert!(listed().contains("no handle"), "{}", listed());
}
