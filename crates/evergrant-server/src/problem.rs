//! Errors of the server's own, as problem+json ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), marked
//! so that nobody takes them for Zoho's.

use std::{borrow::Cow, error::Error, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;

use crate::{asking, body::Body};

/// The header that tells an error of this server from one of Zoho's; its value is the [`Code`].
pub const ERROR_HEADER: HeaderName = HeaderName::from_static("evergrant-error");

/// Returns the seconds for `Retry-After`, rounded up: nobody shall come back too early.
pub(crate) fn retry_after(wait: Duration) -> u64 {
    let seconds = wait.as_millis().div_ceil(1000);
    u64::try_from(seconds).unwrap_or(u64::MAX).max(1)
}

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

/// An error, as a caller or a person sees it.
#[derive(Clone, Debug)]
pub struct Problem(pub(crate) Box<Told>);

/// What an error tells.
#[derive(Clone, Debug)]
pub struct Told {
    /// What kind of error it is.
    pub code: Code,
    /// A stable word for the reason.
    pub reason: &'static str,
    /// What happened, in one sentence without any secret.
    pub message: Cow<'static, str>,
    /// Why it happened, a line for each cause.
    pub causes: Vec<String>,
    /// What to do next: sentences, or commands to type.
    pub next: Vec<Cow<'static, str>>,
    /// The same for whoever speaks HTTP: sentences, or requests.
    next_by_http: Vec<Cow<'static, str>>,
    /// When trying again makes sense, as RFC 3339.
    pub retry_at: Option<String>,
    /// The connection that it is about.
    pub connection: Option<String>,
    status: StatusCode,
    retry_after: Option<u64>,
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
    causes: &'a [String],
    next: &'a [Cow<'static, str>],
    /// The same for whoever sits at a terminal, where that is something else: `evergrant token` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_at_terminal: Option<&'a [Cow<'static, str>]>,
    /// Nothing here says what became of a grant token, or what Zoho answered: the command line's object does.
    grant: (),
    zoho: (),
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
        Self(Box::new(Told {
            code,
            reason,
            message: message.into(),
            causes: Vec::new(),
            next: Vec::new(),
            next_by_http: Vec::new(),
            retry_at: None,
            connection: None,
            status: code.status(),
            retry_after: None,
            request_id: None,
        }))
    }

    /// Answers with another status than the kind's.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// Returns all that it tells.
    pub fn told(self) -> Told {
        *self.0
    }

    /// Adds why it happened.
    pub(crate) fn cause(mut self, cause: impl ToString) -> Self {
        self.0.causes.push(cause.to_string());
        self
    }

    /// Adds an error and everything that caused it, as [`links`] lists them.
    pub(crate) fn causes_of(mut self, error: &dyn Error) -> Self {
        self.0.causes.extend(links(error));
        self
    }

    /// Adds what to do next, wherever one is.
    pub(crate) fn next(self, step: impl Into<Cow<'static, str>>) -> Self {
        let step = step.into();
        self.next_by(step.clone(), step)
    }

    /// Adds what to do next: at the terminal, and for whoever speaks HTTP.
    pub(crate) fn next_by(
        mut self,
        terminal: impl Into<Cow<'static, str>>,
        http: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.0.next.push(terminal.into());
        self.0.next_by_http.push(http.into());
        self
    }

    /// Adds what no request does, such as a command: whoever speaks HTTP learns where to do it.
    pub(crate) fn next_at_server(self, step: impl Into<Cow<'static, str>>) -> Self {
        let step = step.into();
        let there = format!("on the server's machine: {step}");
        self.next_by(step, there)
    }

    /// Says in how many seconds trying again makes sense.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Says when trying again makes sense, as RFC 3339.
    pub(crate) fn retry_at(mut self, time: String) -> Self {
        self.0.retry_at = Some(time);
        self
    }

    /// Names the connection it is about.
    pub(crate) fn connection(mut self, name: impl Into<String>) -> Self {
        self.0.connection = Some(name.into());
        self
    }

    /// Names the request, so that whoever reads the log finds it.
    pub(crate) fn request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Writes the answer.
    pub(crate) fn into_response(self) -> Response<Body> {
        let id = || asking::id().map(|id| id.to_string());
        let request_id = self.0.request_id.clone().or_else(id);
        let written = Written {
            kind: format!("urn:evergrant:error:{}", self.0.code.as_str()),
            title: self.0.status.canonical_reason().unwrap_or_default(),
            status: self.0.status.as_u16(),
            code: self.0.code,
            exit_code: self.0.code.exit_code(),
            reason: self.0.reason,
            message: &self.0.message,
            causes: &self.0.causes,
            next: &self.0.next_by_http,
            next_at_terminal: (self.0.next != self.0.next_by_http).then_some(&self.0.next),
            grant: (),
            zoho: (),
            retry_at: self.0.retry_at.as_deref(),
            connection: self.0.connection.as_deref(),
            request_id: request_id.as_deref(),
        };
        // Unwrap safety: text and numbers are always JSON.
        let json = serde_json::to_vec(&written).expect("json");
        let mut response = Response::new(Body::from(Bytes::from(json)));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(ERROR_HEADER, HeaderValue::from_static(self.0.code.as_str()));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Lists an error and everything that caused it, outermost first. What the one before has said already is not
/// said again.
pub fn links(error: &dyn Error) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut said = String::new();
    let mut link = Some(error);
    while let Some(error) = link {
        let text = error.to_string();
        if !said.ends_with(&text) {
            lines.push(text.clone());
        }
        said = text;
        link = error.source();
    }
    lines
}
