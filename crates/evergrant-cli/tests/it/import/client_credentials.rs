//! Client credentials, which need no refresh token.

use serde_json::json;

use super::Foreign;
use crate::connections::{done, fails};

#[test]
fn client_credentials_need_no_refresh_token() {
    let foreign = Foreign::new();
    let world = &foreign.flow.world;
    world.file("secret", &foreign.client_secret);
    let app = format!(
        "--client-credentials --scope ZohoCRM.modules.READ,ZohoCRM.users.READ --client-id {} --client-secret-file secret \
         --accounts-domain {}",
        foreign.client_id,
        foreign.flow.accounts_domain()
    );
    let shown = done(world, &format!("connections add robot {app} --json")).answer();
    assert_eq!(shown["grant_type"], "client_credentials");
    assert_eq!(
        shown["scopes"],
        json!(["ZohoCRM.modules.READ", "ZohoCRM.users.READ"])
    );
    let token = done(world, "token robot --json").answer();
    assert_eq!(token["expires_at"], shown["access_token"]["expires_at"]);
    assert_eq!(foreign.calls("client_credentials"), 1);
    let row = "SELECT refresh_token_sealed IS NULL, soid IS NULL FROM connections";
    assert_eq!(foreign.flow.rows(row), "1|1");

    // The same in another order is the same; with an organisation it is not.
    let swapped = app.replace(
        "ZohoCRM.modules.READ,ZohoCRM.users.READ",
        "ZohoCRM.users.READ,ZohoCRM.modules.READ",
    );
    fails(
        world,
        &format!("connections add other {swapped}"),
        3,
        "known_already",
    );
    done(
        world,
        &format!("connections add other {app} --soid ZohoCRM.123"),
    );
    assert_eq!(
        foreign
            .flow
            .rows("SELECT soid FROM connections WHERE name = 'other'"),
        "ZohoCRM.123"
    );
    done(world, "token robot --force-new --reserve");
    assert_eq!(foreign.calls("client_credentials"), 3);
}

#[test]
fn zoho_that_wants_an_organisation_is_understood() {
    let foreign = Foreign::new();
    let flow = &foreign.flow;
    flow.simulator
        .control("PATCH", "/manners", &json!({ "soid": "required" }));
    flow.world.file("secret", &foreign.client_secret);
    let line = format!(
        "connections add robot --client-credentials --scope ZohoCRM.modules.READ --client-id {} --client-secret-file secret \
         --accounts-domain {}",
        foreign.client_id,
        flow.accounts_domain()
    );
    let error = fails(&flow.world, &line, 3, "app_refused");
    assert!(error["next"].to_string().contains("--soid"), "{error}");
    foreign.is_as_it_was();
    done(&flow.world, &format!("{line} --soid ZohoCRM.123"));
    assert_eq!(foreign.calls("client_credentials"), 2);
}

#[test]
fn an_app_of_the_vault_may_be_used_again() {
    let foreign = Foreign::new();
    let world = &foreign.flow.world;
    foreign.env_file(&foreign.client_secret, &foreign.refresh_token);
    foreign.taken_over("--from .env");
    done(
        world,
        "connections add robot --client-credentials --scope ZohoCRM.modules.READ --app acme",
    );
    fails(
        world,
        "connections add other --client-credentials --scope ZohoCRM.modules.READ --app nobody",
        3,
        "no_such_connection",
    );
    assert_eq!(foreign.flow.rows("SELECT count(*) FROM apps"), "1");
}
