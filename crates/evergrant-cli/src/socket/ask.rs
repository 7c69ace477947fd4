//! Asking a server for a token, and telling it that one was refused.

use std::{os::unix::net::UnixStream, time::Duration};

use evergrant::{broker::Report, clock::Timestamp, connection::ConnectionName};
use evergrant_server::{explain::Warning, shown::Token};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;
use zoho_oauth::AccessToken;

use super::http::{Reply, exchange, exchange_within};
use crate::cli::error::CliError;

/// How long a server may take to look at the vault, which it does in a millisecond.
const LOOK: Duration = Duration::from_millis(500);

/// What is wanted of a token.
pub(crate) struct Wish<'a> {
    pub(crate) name: &'a ConnectionName,
    pub(crate) min_valid: Option<Duration>,
    pub(crate) strict: bool,
}

/// A token that a server gave.
pub(crate) struct Given(Reply);

impl Given {
    /// Returns the token; `None` if it is none after all.
    pub(crate) fn token(&self) -> Option<Token<'_>> {
        serde_json::from_slice(self.0.body()).ok()
    }

    /// Returns what is worth a warning.
    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.0.warnings
    }
}

/// Asks for a token; `None` if what answers is no server of ours.
///
/// # Errors
///
/// The server's.
pub(crate) fn token(stream: UnixStream, wish: &Wish<'_>) -> Result<Option<Given>, CliError> {
    let mut path = format!("/evergrant/v1/connections/{}/token", wish.name);
    let mut mark = '?';
    if let Some(wanted) = wish.min_valid {
        // Less than a second more than wanted does not matter.
        let seconds = wanted.as_millis().div_ceil(1000);
        path += &format!("{mark}min_valid={seconds}");
        mark = '&';
    }
    if wish.strict {
        path += &format!("{mark}strict=true");
    }
    let reply = exchange(stream, "GET", &path, "").ok();
    let given = answered(reply)?.map(Given);
    Ok(given.filter(|given| given.token().is_some()))
}

/// Tells the server that Zoho's API refused a token; `None` if what answers is no server of ours.
///
/// # Errors
///
/// The server's.
pub(crate) fn report(
    stream: UnixStream,
    name: &ConnectionName,
    refused: &AccessToken,
) -> Result<Option<Report>, CliError> {
    let path = format!("/evergrant/v1/connections/{name}/token/refused");
    let body = Zeroizing::new(json!({ "access_token": refused.expose_secret() }).to_string());
    let reply = exchange(stream, "POST", &path, &body).ok();
    Ok(answered(reply)?.and_then(|reply| read_report(reply.body())))
}

/// Has a server take in what was changed in the vault. One that is slow notices by itself.
pub(crate) fn look(stream: UnixStream) {
    // Whatever it answers, if anything.
    let _ = exchange_within(LOOK, stream, "POST", "/evergrant/v1/look", "");
}

/// Looks whether the server answers this user.
///
/// # Errors
///
/// The server's, or that what answers is no server of ours.
pub(crate) fn may_ask(stream: UnixStream) -> Result<(), CliError> {
    let reply = exchange(stream, "GET", "/evergrant/v1/status", "").ok();
    match answered(reply)? {
        Some(_) => Ok(()),
        None => Err(
            CliError::config("no_evergrant", "what answers there is no Evergrant")
                .next("see who put it there, or name another: EVERGRANT_SOCKET=PATH"),
        ),
    }
}

fn answered(reply: Option<Reply>) -> Result<Option<Reply>, CliError> {
    match reply {
        Some(reply) if reply.status == 200 => Ok(Some(reply)),
        Some(reply) => CliError::from_problem(reply.body()).map_or(Ok(None), Err),
        None => Ok(None),
    }
}

fn read_report(body: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    struct Reported<'a> {
        report: &'a str,
        believed_at: Option<jiff::Timestamp>,
    }
    let reported: Reported<'_> = serde_json::from_slice(body).ok()?;
    let believed_at = reported.believed_at.map(jiff::Timestamp::as_millisecond);
    match (reported.report, believed_at) {
        ("dropped", _) => Some(Report::Dropped),
        ("not_current", _) => Some(Report::NotCurrent),
        ("unknown", _) => Some(Report::Unknown),
        ("too_many", Some(at)) => Some(Report::TooMany {
            believed_at: Timestamp::from_millis(at),
        }),
        _ => None,
    }
}
