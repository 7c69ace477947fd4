//! The CRM's errors.

use http::StatusCode;
use serde_json::{Value, json};

use crate::manners::ScopeMismatchStatus;
use crate::reply::{self, Reply};
use crate::requests::Entry;

/// An error as the CRM writes it: `{"code", "details", "message", "status": "error"}`.
/// Source: <https://github.com/zoho/crm-oas>
#[derive(Debug)]
pub(crate) struct CrmError {
    status: StatusCode,
    code: String,
    message: String,
    details: Value,
}

impl CrmError {
    fn new(status: StatusCode, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            details: json!({}),
        }
    }

    fn with_details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// Source: <https://github.com/googleworkspace/apps-script-oauth2/issues/197>
    pub(crate) fn invalid_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "INVALID_TOKEN",
            "invalid oauth token",
        )
    }

    pub(crate) fn authentication_failure() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "AUTHENTICATION_FAILURE",
            "Authentication failed",
        )
    }

    pub(crate) fn scope_mismatch(status: ScopeMismatchStatus) -> Self {
        let status = match status {
            ScopeMismatchStatus::Unauthorized => StatusCode::UNAUTHORIZED,
            ScopeMismatchStatus::Forbidden => StatusCode::FORBIDDEN,
        };
        Self::new(
            status,
            "OAUTH_SCOPE_MISMATCH",
            "invalid oauth scope to access this URL",
        )
    }

    pub(crate) fn invalid_url() -> Self {
        let message = "Please check if the URL trying to access is a correct one";
        Self::new(StatusCode::NOT_FOUND, "INVALID_URL_PATTERN", message)
    }

    pub(crate) fn invalid_method() -> Self {
        let message = "The http request method type is not a valid one";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST_METHOD", message)
    }

    pub(crate) fn invalid_module() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_MODULE",
            "the module name given seems to be invalid",
        )
    }

    pub(crate) fn missing_parameter(name: &str) -> Self {
        Self::bad(
            "REQUIRED_PARAM_MISSING",
            "One of the expected parameter is missing",
            json!({"param": name}),
        )
    }

    pub(crate) fn pattern_not_matched(name: &str) -> Self {
        let message = "Please check whether the input values are correct";
        Self::bad("PATTERN_NOT_MATCHED", message, json!({"param": name}))
    }

    /// Returns an error with status 400.
    pub(crate) fn bad(code: &str, message: &str, details: Value) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message).with_details(details)
    }

    /// Returns an error by its word, with the status that goes with it as far as one is known.
    pub(crate) fn by_word(word: &str) -> Self {
        match word {
            "INVALID_TOKEN" => Self::invalid_token(),
            "AUTHENTICATION_FAILURE" => Self::authentication_failure(),
            "OAUTH_SCOPE_MISMATCH" => Self::scope_mismatch(ScopeMismatchStatus::Unauthorized),
            "NO_PERMISSION" => Self::new(StatusCode::FORBIDDEN, word, "Permission denied"),
            "TOO_MANY_REQUESTS" => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, word, "Too many requests")
            }
            "INTERNAL_ERROR" => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                word,
                "Internal Server Error",
            ),
            _ => Self::bad(word, "refused by a fault", json!({})),
        }
    }

    /// Lists the error and returns its reply.
    pub(crate) fn answer(self, entry: &mut Entry) -> Reply {
        let Self {
            status,
            code,
            message,
            details,
        } = self;
        let body = json!({"code": code, "details": details, "message": message, "status": "error"});
        entry.error = Some(code);
        reply::json(status, &body)
    }
}
