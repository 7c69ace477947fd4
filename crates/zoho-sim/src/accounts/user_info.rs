//! `GET /oauth/user/info`: who gave consent.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::Asked;
use crate::authorization::access_token;
use crate::hash::sha256_hex;
use crate::reply::{self, Reply};
use crate::requests::Entry;
use crate::scope;
use crate::state::State;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    #[serde(rename = "First_Name")]
    first_name: String,
    #[serde(rename = "Last_Name")]
    last_name: &'static str,
    #[serde(rename = "Display_Name")]
    display_name: String,
    email: String,
    #[serde(rename = "ZUID")]
    zuid: u64,
}

/// Answers with the user of an access token that has the scope `AaaServer.profile.READ`.
/// Source: captured in <https://github.com/bk-rs/oauth2-rs>
pub(crate) fn answer(state: &State, asked: &Asked<'_>, entry: &mut Entry) -> Reply {
    let token = access_token(asked.request, state.manners.bearer);
    entry.tokens.access_token = token.map(sha256_hex);
    let here = asked.door.data_center;
    let access = token
        .and_then(|token| state.find_live_access_token(token))
        .filter(|access| access.data_center == here);
    let Some(access) = access else {
        return refuse(entry, "INVALID_OAUTHTOKEN");
    };
    if !access
        .scopes
        .iter()
        .any(|granted| scope::covers(granted, "AaaServer.profile.READ"))
    {
        return refuse(entry, "INVALID_OAUTHSCOPE");
    }
    let body = Body {
        first_name: access.user.clone(),
        last_name: "Simulated",
        display_name: access.user.clone(),
        email: format!("{}@example.com", access.user),
        zuid: 600_000_001,
    };
    reply::json(StatusCode::OK, &body)
}

fn refuse(entry: &mut Entry, cause: &str) -> Reply {
    entry.error = Some(cause.to_owned());
    reply::json(
        StatusCode::UNAUTHORIZED,
        &json!({"cause": cause, "response": "error"}),
    )
}
