//! `GET /audit`: what was done, a page at a time.

use axum::response::Response;
use evergrant::{
    audit::{self, Since},
    clock::Timestamp,
};
use http::{HeaderValue, header::LINK};
use serde::Deserialize;

use super::{
    answer::json,
    input::{Query, unreadable},
    who::Admin,
};
use crate::{explain, problem::Problem, shown::AuditRow};

/// How many rows a page has, if nobody says otherwise.
const PAGE: usize = 100;

/// How many rows a page has at the most.
const LARGEST: usize = 1_000;

/// Which rows are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// A row's number or anchor, after which to begin; or the time with which to begin.
    since: Option<String>,
    limit: Option<usize>,
}

/// Lists rows, oldest first; the header `Link` leads to the next page, if there may be one.
pub(super) async fn list(
    Admin(asked): Admin,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let limit = which.limit.unwrap_or(PAGE);
    if !(1..=LARGEST).contains(&limit) {
        let message = format!("limit is 1 to {LARGEST}");
        return Err(unreadable("invalid_input", message));
    }
    let since = which.since.as_deref().map(since).transpose()?;
    let vault = asked.state.broker.vault().vault();
    let pages = audit::pages(vault, since.unwrap_or_default()).await;
    let mut pages = pages.map_err(|error| explain::vault(&error))?;
    let page = pages.next().await;
    let page = page.map_err(|error| explain::vault(&error))?;
    let rows: Vec<AuditRow> = page.into_iter().take(limit).map(Into::into).collect();
    let mut response = json(&rows);
    if let Some(last) = rows.last().filter(|_| rows.len() == limit) {
        let path = super::PREFIX;
        let next = format!(
            "<{path}/audit?since={}&limit={limit}>; rel=\"next\"",
            last.seq
        );
        if let Ok(next) = HeaderValue::from_str(&next) {
            response.headers_mut().insert(LINK, next);
        }
    }
    Ok(response)
}

fn since(text: &str) -> Result<Since, Problem> {
    if let Ok(seq) = text.parse() {
        return Ok(Since::After(seq));
    }
    if let Ok(anchor) = text.parse() {
        return Ok(Since::Anchor(anchor));
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        let message = "since is a row's number, an anchor, or a time by RFC 3339";
        unreadable("invalid_input", message)
    })?;
    Ok(Since::Time(Timestamp::from_millis(time.as_millisecond())))
}
