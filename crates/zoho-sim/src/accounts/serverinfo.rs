//! `GET /oauth/serverinfo`: which data centers there are.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use crate::manners::ApiDomainForm;
use crate::reply::{self, Reply};
use crate::state::State;

#[derive(Serialize)]
struct Body {
    result: &'static str,
    locations: BTreeMap<&'static str, String>,
}

/// Answers with the accounts domains by data center; with Zoho's own ones when `api_domain` is not `own`.
/// Source: <https://zoho.com/accounts/protocol/oauth/multi-dc.html>
pub(crate) fn answer(state: &State) -> Reply {
    let own = state.manners.api_domain == ApiDomainForm::Own;
    let locations = state.data_centers.iter().map(|data_center| {
        let zoho = || format!("https://{}", data_center.known.accounts_host);
        (
            data_center.code(),
            if own {
                data_center.accounts_domain().to_owned()
            } else {
                zoho()
            },
        )
    });
    reply::json(
        StatusCode::OK,
        &Body {
            result: "success",
            locations: locations.collect(),
        },
    )
}
