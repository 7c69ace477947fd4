//! The reply that brings tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::json;

use crate::manners::{
    ApiDomainForm, ApiDomainSlash, ExpiresIn, ExtraFields, IdTokenInReply, ScopeInReply,
};
use crate::scope;
use crate::state::{AccessToken, State};

/// A successful reply, in Zoho's key order.
/// Source: <https://zoho.com/developer/docs/vertical-solutions/api/v6/refresh.html>
#[derive(Debug, Serialize)]
pub(crate) struct TokenReply {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    api_domain: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in_sec: Option<u64>,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_simulated: Option<serde_json::Value>,
}

impl TokenReply {
    /// Makes the access token and returns the reply that brings it.
    pub(crate) fn issue(
        state: &mut State,
        access: AccessToken,
        refresh_token: Option<String>,
    ) -> Self {
        let manners = state.manners;
        let seconds = state.limits.access_token_seconds;
        let in_milliseconds = manners.expires_in == ExpiresIn::Milliseconds;
        let extra =
            || json!({"note": "a client leaves alone what it does not know", "list": [1, null]});
        Self {
            refresh_token,
            scope: scope_text(manners.scope, &access.scopes),
            api_domain: api_domain(state, &access),
            token_type: "Bearer",
            id_token: (manners.id_token == IdTokenInReply::Present).then(|| id_token(&access)),
            expires_in_sec: in_milliseconds.then_some(seconds),
            expires_in: if in_milliseconds {
                seconds.saturating_mul(1000)
            } else {
                seconds
            },
            x_simulated: (manners.extra_fields == ExtraFields::Present).then(extra),
            access_token: state.add_access_token(access),
        }
    }
}

fn scope_text(manner: ScopeInReply, scopes: &[String]) -> Option<String> {
    match manner {
        ScopeInReply::Present => Some(scopes.join(" ")),
        ScopeInReply::Absent => None,
        ScopeInReply::Expanded => Some(scope::expand(scopes).join(" ")),
    }
}

fn api_domain(state: &State, access: &AccessToken) -> String {
    let Some(data_center) = state.find_data_center(access.data_center) else {
        return String::new();
    };
    let ending = data_center.known.api_ending;
    let mut url = match state.manners.api_domain {
        ApiDomainForm::Own => data_center.base_url(access.environment).to_owned(),
        ApiDomainForm::ZohoApis => format!(
            "https://{}.zohoapis.{ending}",
            access.environment.host_label()
        ),
        ApiDomainForm::ApiZoho => format!("https://api.zoho.{ending}"),
    };
    if state.manners.api_domain_slash == ApiDomainSlash::With {
        url.push('/');
    }
    url
}

/// Returns a token with three parts like a signed one; the signature is none, nobody can check it.
fn id_token(access: &AccessToken) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let claims =
        json!({"sub": access.user, "aud": access.client_id, "exp": access.expires_at / 1000});
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("simulated"))
}
