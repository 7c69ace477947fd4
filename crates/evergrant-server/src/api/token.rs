//! `GET /connections/NAME/token`, and the report that Zoho's API refused one.

use std::time::Duration;

use axum::response::Response;
use evergrant::{
    broker::{BrokerError, Report, Token, TokenWarning, Wanted},
    connection::ConnectionName,
};
use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    answer::json,
    input::{Json, Name, Query, unreadable},
    who::{Admin, Asked},
};
use crate::{
    explain::{min_valid_too_long, no_token, warning},
    problem::{Code, Problem, retry_after},
    shown,
    time::rfc3339,
};

/// What is worth a warning although there is a token: `{"code", "message"}`, once for each.
pub const WARNING_HEADER: HeaderName = HeaderName::from_static("evergrant-warning");

/// What is wanted of a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// How many seconds it shall live at least.
    min_valid: Option<String>,
    #[serde(default)]
    strict: bool,
}

/// Reads how long a token shall live; what was sent is not repeated.
fn seconds(text: &str) -> Result<Duration, Problem> {
    text.parse().map(Duration::from_secs).map_err(|_| {
        unreadable("invalid_query", "min_valid is no whole number of seconds")
            .next("ask for a number of seconds, as ?min_valid=600, or leave it out")
    })
}

/// Gives a token.
pub(super) async fn show(
    asked: Asked,
    Name(name): Name<ConnectionName>,
    Query(wish): Query<Wish>,
) -> Result<Response, Problem> {
    asked.may(&name)?;
    let wanted = Wanted {
        min_valid: wish.min_valid.as_deref().map(seconds).transpose()?,
        strict: wish.strict,
        new: false,
        reserve: false,
    };
    let token = match token(&asked, &name, &wanted).await {
        Ok(token) => token,
        Err(error) => return Err(refusal(&error, &name, &asked).await),
    };
    tracing::debug!(actor = asked.actor, connection = %name, "a token was given");
    let mut response = json(&shown::Token::from(&token));
    for found in token.warnings() {
        if let (true, TokenWarning::MinValidCut { wanted, cut_to }) = (wish.strict, found) {
            return Err(min_valid_too_long((*wanted, *cut_to), &name));
        }
        let written = serde_json::to_vec(&warning(found, &name)).unwrap_or_default();
        if let Ok(value) = HeaderValue::from_bytes(&written) {
            response.headers_mut().append(WARNING_HEADER, value);
        }
    }
    Ok(response)
}

/// Returns a token from memory, if that has one that will do.
async fn token(
    asked: &Asked,
    name: &ConnectionName,
    wanted: &Wanted,
) -> Result<Token, BrokerError> {
    let broker = &asked.state.broker;
    match broker.token_in_memory(name, wanted) {
        Some(token) => Ok(token),
        None => broker.token(name, wanted).await,
    }
}

async fn refusal(error: &BrokerError, name: &ConnectionName, asked: &Asked) -> Problem {
    let problem = no_token(error, name, asked.state.broker.vault().vault()).await;
    match error.retry_at() {
        Some(at) => problem.retry_after(retry_after(asked.state.now().until(at))),
        None => problem,
    }
}

/// A token that Zoho's API refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refused {
    access_token: Zeroizing<String>,
}

/// What became of the report.
#[derive(Serialize)]
struct Reported<'a> {
    connection: &'a str,
    /// `dropped`, `not_current`, `too_many` or `unknown`.
    report: &'static str,
    /// When the next report is believed, if this was one too many.
    believed_at: Option<String>,
}

/// Takes the report that Zoho's API refused a token.
pub(super) async fn refused(
    Admin(asked): Admin,
    Name(name): Name<ConnectionName>,
    Json(refused): Json<Refused>,
) -> Result<Response, Problem> {
    let token = refused.access_token.parse().map_err(|_| {
        unreadable("invalid_input", "access_token is no access token")
            .next("send the token that Zoho's API refused, and nothing else")
    })?;
    let report = match asked.state.broker.report_refused(&name, &token).await {
        Ok(report) => report,
        Err(error) => return Err(refusal(&error, &name, &asked).await),
    };
    tracing::info!(actor = asked.actor, connection = %name, ?report, "a token was reported as refused");
    let (word, believed_at) = match report {
        Report::Dropped => ("dropped", None),
        Report::NotCurrent => ("not_current", None),
        Report::TooMany { believed_at } => ("too_many", Some(rfc3339(believed_at))),
        Report::Unknown => ("unknown", None),
        _ => {
            let message = "what became of the report cannot be said";
            return Err(Problem::new(Code::Internal, "unexpected", message));
        }
    };
    Ok(json(&Reported {
        connection: name.as_str(),
        report: word,
        believed_at,
    }))
}
