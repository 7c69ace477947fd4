//! An access token.

use std::borrow::Cow;

use evergrant::broker;
use serde::{Deserialize, Serialize};

use crate::time::rfc3339;

/// How Zoho's APIs want a token to be called
/// (<https://www.zoho.com/crm/developer/docs/api/v8/access-refresh.html>).
pub const SCHEME: &str = "Zoho-oauthtoken";

/// An access token, as it is handed out. Has no `Debug`: it is a secret.
#[derive(Serialize, Deserialize)]
pub struct Token<'a> {
    /// The token itself.
    #[serde(borrow)]
    pub access_token: Cow<'a, str>,
    /// What stands before it in the header `Authorization`.
    #[serde(borrow)]
    pub token_type: Cow<'a, str>,
    /// When it dies.
    #[serde(borrow)]
    pub expires_at: Cow<'a, str>,
    /// How many seconds it lives from when it was given.
    pub expires_in: u64,
    /// Where it is to be sent, and nowhere else.
    #[serde(borrow)]
    pub api_domain: Option<Cow<'a, str>>,
    /// The connection that it belongs to.
    #[serde(borrow)]
    pub connection: Cow<'a, str>,
    /// What it may do.
    #[serde(borrow)]
    pub scopes: Vec<Cow<'a, str>>,
    /// Whether it lives less long than wanted.
    pub stale: bool,
}

impl<'a> From<&'a broker::Token> for Token<'a> {
    fn from(token: &'a broker::Token) -> Self {
        Self {
            access_token: token.access_token().expose_secret().into(),
            token_type: SCHEME.into(),
            expires_at: rfc3339(token.expires_at()).into(),
            expires_in: token.left().as_secs(),
            api_domain: token.api_domain().map(|domain| domain.as_str().into()),
            connection: token.connection().as_str().into(),
            scopes: token
                .scopes()
                .iter()
                .map(|scope| scope.as_str().into())
                .collect(),
            stale: token.is_stale(),
        }
    }
}
