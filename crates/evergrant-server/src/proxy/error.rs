//! What is answered when a request did not get as far as Zoho, or no reply came back.

use std::{borrow::Cow, time::Duration};

use evergrant::{broker::BrokerError, clock::Timestamp};
use http::StatusCode;
use zoho_oauth::ConnectError;

use super::measure::Outcome;
use crate::problem::{Problem, retry_after};

/// An answer of our own. Zoho's errors are none: they are passed on as they are.
#[derive(Debug)]
pub(crate) struct ProxyError {
    outcome: Outcome,
    status: StatusCode,
    reason: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl ProxyError {
    fn new(
        outcome: Outcome,
        status: StatusCode,
        reason: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            outcome,
            status,
            reason,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The request is none that can be passed on.
    pub(super) fn usage(reason: &'static str, detail: &'static str) -> Self {
        Self::new(Outcome::Usage, StatusCode::BAD_REQUEST, reason, detail)
    }

    pub(super) fn too_long(detail: &'static str) -> Self {
        Self::new(Outcome::Usage, StatusCode::URI_TOO_LONG, "too_long", detail)
    }

    /// The body is coded for this hop in a way that is not undone here.
    pub(super) fn coding() -> Self {
        let detail = "the only transfer coding that is taken is chunked";
        let status = StatusCode::NOT_IMPLEMENTED;
        Self::new(Outcome::Usage, status, "transfer_coding", detail)
    }

    pub(super) fn method() -> Self {
        let detail = "methods are GET, HEAD, OPTIONS, POST, PUT, PATCH and DELETE";
        Self::new(
            Outcome::Usage,
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            detail,
        )
    }

    /// The caller sent a part of a body and then nothing more.
    pub(super) fn body_silent() -> Self {
        let detail = "the request's body stopped coming";
        Self::new(
            Outcome::Usage,
            StatusCode::REQUEST_TIMEOUT,
            "body_silent",
            detail,
        )
    }

    /// The caller sends its body, but too little of it in too long a time.
    pub(super) fn body_slow() -> Self {
        let detail = "the request's body came too slowly: others wait for its turn";
        Self::new(
            Outcome::Usage,
            StatusCode::REQUEST_TIMEOUT,
            "body_slow",
            detail,
        )
    }

    pub(super) fn body_cut() -> Self {
        Self::usage("body_cut", "the request's body broke off")
    }

    /// A rule of ours does not allow it.
    pub(super) fn denied(reason: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::Denied, StatusCode::FORBIDDEN, reason, detail)
    }

    /// There is no such product where the connection is.
    pub(super) fn no_product() -> Self {
        let detail = "no product of this name is known where the connection's data is";
        Self::new(Outcome::Config, StatusCode::NOT_FOUND, "no_product", detail)
    }

    pub(super) fn no_api_domain() -> Self {
        let detail = "nobody has said where the connection's access tokens may be sent";
        Self::new(
            Outcome::Config,
            StatusCode::CONFLICT,
            "no_api_domain",
            detail,
        )
    }

    /// Too many requests of the connection are under way or wait.
    pub(super) fn busy(reason: &'static str, retry_after: Duration) -> Self {
        let detail =
            "as many calls of this connection are under way as Zoho may take, and others wait";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(Outcome::Busy, status, reason, detail).retry_after(retry_after)
    }

    /// Zoho was not reached: nothing was sent.
    pub(super) fn unreached(error: &ConnectError) -> Self {
        let reason = match error {
            ConnectError::Timeout { .. } => "connect_timeout",
            _ => "not_reached",
        };
        let detail = format!("nothing was sent: {error}");
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(Outcome::Unavailable, status, reason, detail)
    }

    /// The request was sent, at least in part, and no reply came: what became of it is unknown.
    pub(super) fn no_reply() -> Self {
        let detail = "the connection ended without a reply: what became of the request is unknown";
        Self::new(
            Outcome::Unavailable,
            // Not 503: whoever tries again on that may do twice what was done.
            StatusCode::BAD_GATEWAY,
            "no_reply",
            detail,
        )
    }

    pub(super) fn reply_late() -> Self {
        let detail = "no reply came in time: what became of the request is unknown";
        Self::new(
            Outcome::Unavailable,
            StatusCode::GATEWAY_TIMEOUT,
            "reply_late",
            detail,
        )
    }

    /// There is no token to send.
    pub(super) fn broker(error: &BrokerError, now: Timestamp) -> Self {
        let (outcome, status, reason) = match error {
            BrokerError::NotFound(_) => (Outcome::Config, StatusCode::NOT_FOUND, "no_connection"),
            BrokerError::AppRefused { .. } => {
                (Outcome::Config, StatusCode::CONFLICT, "app_refused")
            }
            BrokerError::Throttled { .. } => (
                Outcome::Throttled,
                StatusCode::TOO_MANY_REQUESTS,
                "access_denied",
            ),
            BrokerError::NewGrantNeeded { .. } => (
                Outcome::NewGrantNeeded,
                StatusCode::CONFLICT,
                "refresh_token_dead",
            ),
            BrokerError::Revoked { .. } => {
                (Outcome::NewGrantNeeded, StatusCode::CONFLICT, "revoked")
            }
            BrokerError::Vault(_) => (Outcome::Vault, StatusCode::SERVICE_UNAVAILABLE, "vault"),
            BrokerError::StillRefreshing => (
                Outcome::Unavailable,
                StatusCode::SERVICE_UNAVAILABLE,
                "still_refreshing",
            ),
            _ => (
                Outcome::Unavailable,
                StatusCode::SERVICE_UNAVAILABLE,
                "no_token",
            ),
        };
        let detail = match error {
            // What a vault says names files of this machine.
            BrokerError::Vault(_) => Cow::Borrowed("the vault cannot be read"),
            other => Cow::Owned(other.to_string()),
        };
        let mut answer = Self::new(outcome, status, reason, detail);
        answer.retry_after = match error {
            BrokerError::StillRefreshing => Some(Duration::from_secs(1)),
            other => other.retry_at().map(|retry_at| now.until(retry_at)),
        };
        answer
    }

    fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome
    }

    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Makes the reply.
    pub(super) fn into_problem(self) -> Problem {
        let problem = Problem::new(self.outcome.code(), self.reason, self.detail);
        let mut problem = problem.status(self.status);
        if let Some(step) = next_step(self.reason) {
            problem = problem.next(step);
        }
        match self.retry_after {
            Some(time) => problem.retry_after(retry_after(time)),
            None => problem,
        }
    }
}

fn next_step(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "rule" | "scope" | "scope_unknown" => {
            "ask whoever runs this server for a caller with such a rule or scope"
        }
        "queue_full" | "queue_late" => {
            "try again after Retry-After; how many calls go at once is `simultaneous` under [server] in config.toml"
        }
        "no_reply" | "reply_late" => {
            "look whether Zoho has done it before you send it again, unless it may be done twice"
        }
        "not_reached" | "connect_timeout" => {
            "try again: Zoho has not seen it; if that goes on, whoever runs this server looks with evergrant doctor"
        }
        "ambiguous_path" | "ambiguous_query" => {
            "send the address in its plain form, as Zoho's documentation has it"
        }
        "no_product" => {
            "products: GET /evergrant/to/PRODUCT/..., as docs/clients names them; most of Zoho's APIs need none"
        }
        "access_denied" => "try again after Retry-After: Zoho takes no more refreshes until then",
        _ => return None,
    })
}
