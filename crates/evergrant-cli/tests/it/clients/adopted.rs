//! Software that goes on with the refresh token, client ID and client secret that it has: only its addresses change.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use super::{Estate, MODES, templates::Process};
use crate::{connections::done, flow::SCOPE};

#[test]
fn it_refreshes_here_with_what_it_has_and_never_again_at_zoho() {
    for mode in MODES {
        let estate = Estate::new();
        let flow = &estate.flow;
        // What the software got from Zoho long ago, by another program.
        flow.grant(json!({ "scope": SCOPE }));
        let line = format!(
            "exchange --print-refresh-token --self-client self_client.json --accounts-domain {}",
            flow.accounts_domain()
        );
        let refresh_token = done(&flow.world, &line).stdout.trim().to_owned();
        let (id, secret) = (flow.secret("client_id"), flow.secret("client_secret"));
        flow.world.file("secret", &secret);
        flow.world.file("token", &refresh_token);
        done(
            &flow.world,
            &format!(
                "callers adopt legacy --connection acme --client-id {id} --client-secret-file secret \
                 --refresh-token-file token {mode}"
            ),
        );
        let settings = json!({
            "AccountsDomain": estate.url, "ApiDomain": estate.api_domain(mode), "ZohoClientId": id,
            "ZohoClientSecret": secret, "ZohoRefreshToken": refresh_token,
        });
        let estate = estate.serve();
        estate
            .flow
            .simulator
            .control("DELETE", "/requests", &Value::Null);
        let process = Process::new(&settings);
        for _ in 0..3 {
            let token = process.refresh();
            let (status, contacts) = process.get(&token, "/crm/v2/Contacts?page=1");
            assert_eq!((status, &contacts["info"]["count"]), (200, &json!(8)));
        }
        assert_eq!(estate.asked_for_tokens(), (0, 0));

        // Revoked, it is refused as Zoho would refuse it; the connection lives.
        done(&estate.flow.world, "callers revoke legacy --yes");
        thread::sleep(Duration::from_millis(800));
        assert_eq!(process.refused(), "invalid_code");
        done(&estate.flow.world, "token acme");
    }
}
