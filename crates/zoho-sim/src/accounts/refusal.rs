//! How the accounts server says no.

use http::StatusCode;
use serde::Serialize;

use crate::manners::{ErrorStatus, ThrottleStatus};
use crate::reply::{self, Reply};
use crate::requests::Entry;
use crate::state::State;

/// A refusal of the accounts server.
/// Source of the words: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    InvalidClient,
    InvalidClientSecret,
    InvalidRedirectUri,
    InvalidCode,
    InvalidScope,
    MissingOrgInfo,
    /// The throttle, which words itself differently from all the others.
    /// Source: <https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html>
    AccessDenied,
    /// Wrong method or no grant type at all: a page instead of JSON.
    BadRequest,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'static str>,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
}

impl Refusal {
    /// Returns the word that stands in `error`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientSecret => "invalid_client_secret",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidCode => "invalid_code",
            Self::InvalidScope => "invalid_scope",
            Self::MissingOrgInfo => "missing_org_info",
            Self::AccessDenied => ACCESS_DENIED,
            Self::BadRequest => "bad request",
        }
    }

    /// Counts and lists the refusal and returns its reply.
    pub(crate) fn answer(self, state: &mut State, entry: &mut Entry) -> Reply {
        if self == Self::BadRequest {
            state.stats.count_refusal(self.word());
            entry.error = Some(self.word().to_owned());
            return reply::html(StatusCode::BAD_REQUEST, "Bad Request");
        }
        refuse(state, entry, self.word())
    }
}

/// Counts and lists a refusal by any word, Zoho's or one of a tester's making, and returns its reply.
pub(crate) fn refuse(state: &mut State, entry: &mut Entry, word: &str) -> Reply {
    state.stats.count_refusal(word);
    entry.error = Some(word.to_owned());
    if word != ACCESS_DENIED {
        let body = Body {
            error_description: None,
            error: word,
            status: None,
        };
        return reply::json(status(state.manners.error_status == ErrorStatus::Ok), &body);
    }
    state.stats.throttled += 1;
    let body = Body {
        error_description: Some(TOO_MANY),
        error: word,
        status: Some("failure"),
    };
    reply::json(
        status(state.manners.throttle_status == ThrottleStatus::Ok),
        &body,
    )
}

fn status(ok: bool) -> StatusCode {
    if ok {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    }
}

const ACCESS_DENIED: &str = "Access Denied";
const TOO_MANY: &str =
    "You have made too many requests continuously. Please try again after some time.";
