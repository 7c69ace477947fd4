//! `POST /grants`: what the API console's Generate Code tab does.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::json::{Body, Refused};
use crate::clock::Millis;
use crate::data_center::Environment;
use crate::state::{
    self, Client, ClientKind, CodeChallenge, DEFAULT_USER, Method, NewGrant, Shared,
};

/// What a grant token is asked for with.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    scope: Scope,
    /// 1 to 10; the console offers 3, 5, 7 and 10.
    minutes: Option<u64>,
    data_center: Option<String>,
    client_id: Option<String>,
    user: Option<String>,
    environment: Environment,
    access_type: AccessType,
    code_challenge: Option<String>,
    code_challenge_method: Method,
}

impl Wanted {
    /// Returns the wish that the console's form expresses.
    pub(crate) fn from_form(
        scope: String,
        minutes: u64,
        client_id: String,
        environment: Environment,
    ) -> Self {
        Self {
            scope: Scope::Text(scope),
            minutes: Some(minutes),
            client_id: Some(client_id).filter(|id| !id.is_empty()),
            environment,
            ..Self::default()
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scope {
    Text(String),
    List(Vec<String>),
}

impl Default for Scope {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Scope {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::List(list) => list,
            Self::Text(text) => text
                .split([',', ' '])
                .filter(|scope| !scope.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// Without offline access the exchange brings no refresh token.
/// Source: <https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AccessType {
    #[default]
    Offline,
    Online,
}

/// The file that the API console lets people download, in its key order.
/// Source: <https://www.bigin.com/developer/docs/apis/self-client-generate-code.html>
#[derive(Debug, Serialize)]
pub(crate) struct SelfClientFile {
    pub(super) scope: Vec<String>,
    pub(super) expiry_time: Millis,
    client_id: String,
    client_secret: String,
    pub(super) code: String,
    grant_type: &'static str,
}

/// Makes a grant token and answers with a `self_client.json`.
pub(crate) async fn make(
    State(shared): State<Arc<Shared>>,
    Body(wanted): Body<Wanted>,
) -> Result<Json<SelfClientFile>, Refused> {
    make_grant(&mut shared.lock(), wanted).map(Json)
}

/// Makes a grant token, unless the wish names something that is not there or the client made too many.
pub(crate) fn make_grant(
    state: &mut state::State,
    wanted: Wanted,
) -> Result<SelfClientFile, Refused> {
    let client = find_client(state, &wanted)?;
    let life_seconds = life_seconds(state, &client, wanted.minutes)?;
    let scope = wanted.scope.into_list();
    if scope.is_empty() {
        return Err(Refused(
            "scope is missing; for example \"ZohoCRM.modules.ALL\"".to_owned(),
        ));
    }
    count_grant(state, &client)?;
    let (code, expiry_time) = state.add_grant(NewGrant {
        client_id: client.id.clone(),
        data_center: client.data_center,
        scopes: scope.clone(),
        user: wanted.user.unwrap_or_else(|| DEFAULT_USER.to_owned()),
        environment: wanted.environment,
        offline: wanted.access_type == AccessType::Offline,
        code_challenge: wanted.code_challenge.map(|text| CodeChallenge {
            method: wanted.code_challenge_method,
            text,
        }),
        life_seconds,
    });
    Ok(SelfClientFile {
        scope,
        expiry_time,
        client_id: client.id,
        client_secret: client.secret,
        code,
        grant_type: "authorization_code",
    })
}

/// Returns the client that was named, else the default one, else the first of the data center that was named.
fn find_client(state: &state::State, wanted: &Wanted) -> Result<Client, Refused> {
    let in_data_center = |client: &&Client| {
        wanted
            .data_center
            .as_deref()
            .is_none_or(|code| client.data_center == code)
    };
    let found = match &wanted.client_id {
        Some(id) => state.clients.get(id).filter(in_data_center),
        None => state
            .clients
            .get(&state.default_client)
            .filter(in_data_center)
            .or_else(|| state.clients.values().find(in_data_center)),
    };
    found.cloned().ok_or_else(|| {
        Refused("no such client in this data center; POST /clients registers one".to_owned())
    })
}

fn life_seconds(
    state: &state::State,
    client: &Client,
    minutes: Option<u64>,
) -> Result<u64, Refused> {
    match minutes {
        Some(minutes @ 1..=10) => Ok(minutes * 60),
        Some(minutes) => Err(Refused(format!("minutes is 1 to 10, not {minutes}"))),
        None if client.kind == ClientKind::SelfClient => Ok(state.limits.grant_token_seconds),
        None => Ok(state.limits.redirect_grant_token_seconds),
    }
}

fn count_grant(state: &mut state::State, client: &Client) -> Result<(), Refused> {
    let (now, allowance, manners) = (
        state.now(),
        state.limits.grant_token_allowance(),
        state.manners,
    );
    if state
        .grant_windows
        .entry(client.id.clone())
        .or_default()
        .admit(now, allowance, &manners)
    {
        return Ok(());
    }
    Err(Refused(format!(
        "access_denied: {} grant tokens in {} seconds, as at Zoho; advance the clock or raise the limit grant_tokens",
        allowance.requests, allowance.window_seconds
    )))
}
