//! What is worth a warning although there is a token.

use std::borrow::Cow;

use evergrant::{
    broker::{BrokerError, TokenWarning},
    connection::ConnectionName,
};
use serde::{Deserialize, Serialize};

use super::broker::{in_general, life_of};
use crate::time::{rfc3339, span};

/// Something worth knowing that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable word.
    pub code: Cow<'static, str>,
    /// A sentence.
    pub message: String,
}

impl Warning {
    /// Makes a warning: a stable word and a sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// Words a warning about a token.
pub fn warning(found: &TokenWarning, name: &ConnectionName) -> Warning {
    match found {
        TokenWarning::Stale(why) => {
            let until = match why.retry_at() {
                Some(at) => format!("; the next refresh is possible at {}", rfc3339(at)),
                None => String::new(),
            };
            let message = why_stale(why, name);
            Warning::new(
                "stale",
                format!("{name}: this token lives less long than wanted: {message}{until}"),
            )
        }
        TokenWarning::MinValidCut { wanted, cut_to } => Warning::new(
            "min_valid_cut",
            format!(
                "a token lives {}; {} is the most that can be wanted, and stands in for {}",
                span(life_of(*cut_to)),
                span(*cut_to),
                span(*wanted)
            ),
        ),
        TokenWarning::ClockSkew(skew) => {
            let by = span(skew.difference());
            let side = if skew.ahead_millis > 0 {
                "behind"
            } else {
                "ahead of"
            };
            Warning::new(
                "clock_skew",
                format!(
                    "this machine's clock is {by} {side} Zoho's: times of day in messages are off by that"
                ),
            )
        }
        TokenWarning::LiveTokensFull {
            alive,
            oldest_expires_at,
        } => Warning::new(
            "live_tokens_full",
            format!(
                "{name}: {alive} access tokens live, which is all that Zoho keeps: the next refresh ends the oldest, \
                 which would live until {}",
                rfc3339(*oldest_expires_at)
            ),
        ),
        TokenWarning::NotKept(error) => Warning::new(
            "not_kept",
            format!("{name}: the new token could not be kept for others: {error}"),
        ),
        other => Warning::new("token", format!("{name}: {other:?}")),
    }
}

fn why_stale(why: &BrokerError, name: &ConnectionName) -> String {
    match why {
        BrokerError::NewGrantNeeded { .. } => format!(
            "the refresh token is dead, and a new grant is needed: evergrant exchange {name} --replace"
        ),
        BrokerError::Vault(error) => error.to_string(),
        error => in_general(error, name).told().message.into_owned(),
    }
}
