//! Errors of the server's own, as problem+json ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), marked
//! so that nobody takes them for Zoho's.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;

use crate::body::Body;

/// The header that tells an error of this server from one of Zoho's; its value is the [`Code`].
pub const ERROR_HEADER: HeaderName = HeaderName::from_static("evergrant-error");

/// What kind of error it is: the words that the command line's exit codes stand for, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// A mistake of this program.
    Internal,
    /// The request is wrong.
    Usage,
    /// A setting is wrong, or something named is not there.
    Config,
    /// A person has to make a new grant.
    NewGrantNeeded,
    /// The grant token is dead.
    GrantDead,
    /// Zoho, or this server, takes no more for now.
    Throttled,
    /// Zoho cannot be reached.
    Unavailable,
    /// The vault does not answer.
    Vault,
    /// A scope is missing.
    ScopeMissing,
    /// Who asks may not.
    Denied,
}

impl Code {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::NewGrantNeeded => "new_grant_needed",
            Self::GrantDead => "grant_dead",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Vault => "vault",
            Self::ScopeMissing => "scope_missing",
            Self::Denied => "denied",
        }
    }

    /// Returns the exit code with which the command line ends for the same reason.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::NewGrantNeeded => 4,
            Self::GrantDead => 5,
            Self::Throttled => 6,
            Self::Unavailable => 7,
            Self::Vault => 8,
            Self::ScopeMissing => 9,
            Self::Denied => 10,
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Usage => StatusCode::BAD_REQUEST,
            Self::Config => StatusCode::NOT_FOUND,
            Self::NewGrantNeeded => StatusCode::CONFLICT,
            Self::GrantDead => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::Vault => StatusCode::SERVICE_UNAVAILABLE,
            Self::ScopeMissing | Self::Denied => StatusCode::FORBIDDEN,
        }
    }
}

/// An error, as a caller sees it.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    status: StatusCode,
    reason: &'static str,
    message: Cow<'static, str>,
    next: Vec<Cow<'static, str>>,
    retry_after: Option<u64>,
    retry_at: Option<String>,
    connection: Option<String>,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: Code,
    exit_code: u8,
    reason: &'a str,
    message: &'a str,
    next: &'a [Cow<'static, str>],
    retry_at: Option<&'a str>,
    connection: Option<&'a str>,
    request_id: Option<&'a str>,
}

impl Problem {
    /// Starts an error: its kind, a stable word for the reason, what happened in one sentence without
    /// any secret.
    pub(crate) fn new(
        code: Code,
        reason: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            status: code.status(),
            reason,
            message: message.into(),
            next: Vec::new(),
            retry_after: None,
            retry_at: None,
            connection: None,
            request_id: None,
        }
    }

    /// Answers with another status than the kind's.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Adds what to do next.
    pub(crate) fn next(mut self, step: impl Into<Cow<'static, str>>) -> Self {
        self.next.push(step.into());
        self
    }

    /// Says in how many seconds trying again makes sense.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Says when trying again makes sense, as RFC 3339.
    pub(crate) fn retry_at(mut self, time: String) -> Self {
        self.retry_at = Some(time);
        self
    }

    /// Names the connection it is about.
    pub(crate) fn connection(mut self, name: impl Into<String>) -> Self {
        self.connection = Some(name.into());
        self
    }

    /// Names the request, so that whoever reads the log finds it.
    pub(crate) fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = Some(id.into());
        self
    }

    /// Returns what kind of error it is.
    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Writes the answer.
    pub(crate) fn into_response(self) -> Response<Body> {
        let written = Written {
            kind: format!("urn:evergrant:error:{}", self.code.as_str()),
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            exit_code: self.code.exit_code(),
            reason: self.reason,
            message: &self.message,
            next: &self.next,
            retry_at: self.retry_at.as_deref(),
            connection: self.connection.as_deref(),
            request_id: self.request_id.as_deref(),
        };
        // Unwrap safety: text and numbers are always JSON.
        let json = serde_json::to_vec(&written).expect("json");
        let mut response = Response::new(Body::from(Bytes::from(json)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR_HEADER, HeaderValue::from_static(self.code.as_str()));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
