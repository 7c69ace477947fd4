//! Answers in Zoho's words, in one line: an SDK takes the last line of what comes for the whole answer.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER},
};
use serde::Serialize;

use super::parameters::Unreadable;
use crate::{body::Body, request_log::Refused};

/// A refusal, as Zoho would say it
/// (<https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The client ID is not known here.
    InvalidClient,
    /// The client secret is wrong.
    InvalidClientSecret,
    /// The handle, or the grant token, is wrong or dead.
    InvalidCode,
    /// Whoever asks may not exchange grant tokens, or has no use for this grant type.
    UnsupportedGrantType,
    /// The redirect URI is not the registered one.
    InvalidRedirectUri,
    /// The request cannot be read.
    Unreadable(Unreadable),
    /// Too many, too fast; more is taken after so many seconds.
    Throttled(u64),
    /// Zoho or the vault cannot be asked for now.
    Unavailable,
}

/// How an answer is worded, by what speaks to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As Zoho: most refusals with status 200, which its SDKs expect.
    Zoho,
    /// As [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749#section-5.2): what asks by client credentials is no SDK
    /// of Zoho's.
    Standard,
}

#[derive(Serialize)]
struct Written<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
}

impl Refusal {
    /// Returns the word, which also counts it in the metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientSecret => "invalid_client_secret",
            Self::InvalidCode => "invalid_code",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::Unreadable(_) => "invalid_request",
            Self::Throttled(_) => "Access Denied",
            Self::Unavailable => "general_error",
        }
    }

    fn status(&self, dialect: Dialect) -> StatusCode {
        match (self, dialect) {
            (Self::Unreadable(_) | Self::Throttled(_), _) => StatusCode::BAD_REQUEST,
            (Self::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
            (_, Dialect::Zoho) => StatusCode::OK,
            (Self::InvalidClient | Self::InvalidClientSecret, Dialect::Standard) => {
                StatusCode::UNAUTHORIZED
            }
            (_, Dialect::Standard) => StatusCode::BAD_REQUEST,
        }
    }

    /// Writes the answer.
    pub(crate) fn into_response(self, dialect: Dialect) -> Response<Body> {
        let unreadable = match self {
            Self::Unreadable(why) => Some(why.message()),
            _ => None,
        };
        let (description, status) = match &self {
            Self::Throttled(_) => (
                Some(
                    "You have made too many requests continuously. Please try again after some time.",
                ),
                Some("failure"),
            ),
            _ => (unreadable.as_deref(), None),
        };
        let word = match (&self, dialect) {
            (Self::InvalidClientSecret, Dialect::Standard) => "invalid_client",
            _ => self.word(),
        };
        let written = Written {
            error: word,
            error_description: description,
            status,
        };
        // Unwrap safety: text is always JSON.
        let json = serde_json::to_vec(&written).expect("json");
        let mut response = json_response(json);
        *response.status_mut() = self.status(dialect);
        response.extensions_mut().insert(Refused(self.word()));
        if let Self::Throttled(seconds) = self {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Makes an answer of JSON that nobody keeps.
pub(crate) fn json_response(json: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(json)));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
