//! `GET /crm/v8/MODULE`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::error::CrmError;
use super::module::Module;
use super::page_token::PageToken;
use super::settings::user_reference;
use crate::accounts::Asked;
use crate::clock::{crm_time, rfc3339};
use crate::reply::{self, Reply};
use crate::state::{AccessToken, Record, State};

/// Source of these four: <https://github.com/zoho/crm-oas>, getRecords.
const MOST_FIELDS: usize = 50;
const MOST_PER_PAGE: usize = 200;
const MOST_BY_PAGE: usize = 2_000;
const MOST_BY_TOKEN: usize = 100_000;

/// What a list is asked for with.
#[derive(Debug)]
struct Wanted {
    fields: Vec<String>,
    per_page: usize,
    page: usize,
    offset: usize,
    sort_by: String,
    ascending: bool,
    /// What page tokens are bound to.
    bound_to: String,
}

/// Lists records; none at all is 204 without a body.
pub(crate) fn list(
    state: &State,
    asked: &Asked<'_>,
    access: &AccessToken,
    module: Module,
    version: u8,
) -> Result<Reply, CrmError> {
    let wanted = read(state, asked, access, module, version)?;
    let all = state.records(module);
    let end = (wanted.offset + wanted.per_page).min(all.len());
    let page: Vec<&Record> = match wanted.ascending {
        true => all
            .iter()
            .skip(wanted.offset)
            .take(wanted.per_page)
            .collect(),
        false => all
            .iter()
            .rev()
            .skip(wanted.offset)
            .take(wanted.per_page)
            .collect(),
    };
    if page.is_empty() {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let data: Vec<Value> = page
        .iter()
        .map(|record| shown(record, access, &wanted.fields))
        .collect();
    let info = info(state, &wanted, data.len(), end < all.len());
    Ok(super::found(&json!({"data": data, "info": info})))
}

fn read(
    state: &State,
    asked: &Asked<'_>,
    access: &AccessToken,
    module: Module,
    version: u8,
) -> Result<Wanted, CrmError> {
    let find = |name| asked.parameters.find(name);
    let fields = fields(find("fields"), module, version)?;
    let per_page = number(find("per_page"), "per_page", MOST_PER_PAGE, MOST_PER_PAGE)?;
    let sort_by = one_of(
        find("sort_by"),
        "sort_by",
        &["id", "Created_Time", "Modified_Time"],
    )?;
    let ascending = one_of(find("sort_order"), "sort_order", &["desc", "asc"])? == "asc";
    let bound_to = format!(
        "{module:?} {fields:?} {per_page} {sort_by} {ascending} {}",
        access.user
    );
    let (page, offset) = match (find("page_token"), find("page")) {
        (Some(_), Some(_)) => {
            let message = "page and page_token cannot be used together";
            return Err(CrmError::bad(
                "AMBIGUITY_DURING_PROCESSING",
                message,
                json!({"param": ["page", "page_token"]}),
            ));
        }
        (Some(token), None) => {
            let offset = PageToken::read(token, state.now(), &bound_to)?.offset;
            (offset / per_page + 1, offset)
        }
        (None, page) => {
            let page = number(page, "page", 1, usize::MAX / MOST_PER_PAGE)?;
            (page, (page - 1) * per_page)
        }
    };
    check_depth(find("page_token").is_some(), offset + per_page)?;
    Ok(Wanted {
        fields,
        per_page,
        page,
        offset,
        sort_by,
        ascending,
        bound_to,
    })
}

/// Fields must be named since version 3.
fn fields(text: Option<&str>, module: Module, version: u8) -> Result<Vec<String>, CrmError> {
    let Some(text) = text else {
        let all = || {
            module
                .fields()
                .map(|field| field.api_name.to_owned())
                .collect()
        };
        return if version >= 3 {
            Err(CrmError::missing_parameter("fields"))
        } else {
            Ok(all())
        };
    };
    let fields: Vec<String> = text
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if fields.len() > MOST_FIELDS {
        let message = "the number of fields exceeds the limit";
        return Err(CrmError::bad(
            "LIMIT_EXCEEDED",
            message,
            json!({"param": "fields", "limit": MOST_FIELDS}),
        ));
    }
    Ok(fields)
}

/// Reads a number from 1 to `most`.
pub(super) fn number(
    text: Option<&str>,
    name: &str,
    default: usize,
    most: usize,
) -> Result<usize, CrmError> {
    let Some(text) = text else { return Ok(default) };
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| CrmError::pattern_not_matched(name))
}

/// Returns the value if it is allowed, the first of the allowed ones if there is none.
fn one_of(text: Option<&str>, name: &str, allowed: &[&str]) -> Result<String, CrmError> {
    let value = text.unwrap_or(allowed[0]);
    if allowed.contains(&value) {
        Ok(value.to_owned())
    } else {
        Err(CrmError::pattern_not_matched(name))
    }
}

fn check_depth(by_token: bool, end: usize) -> Result<(), CrmError> {
    let (limit, code) = match by_token {
        true => (MOST_BY_TOKEN, "PAGINATION_LIMIT_EXCEEDED"),
        false => (MOST_BY_PAGE, "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
    };
    if end <= limit {
        return Ok(());
    }
    Err(CrmError::bad(
        code,
        "the list cannot be read further this way",
        json!({"limit": limit}),
    ))
}

/// Returns what a list shows of a record.
pub(super) fn shown(record: &Record, access: &AccessToken, fields: &[String]) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(record.id.to_string()));
    for name in fields {
        let value = match name.as_str() {
            "Created_Time" => json!(crm_time(record.created_at)),
            "Modified_Time" => json!(crm_time(record.modified_at)),
            "Owner" | "Created_By" | "Modified_By" => user_reference(access),
            "id" => continue,
            _ => record.fields.get(name).cloned().unwrap_or(Value::Null),
        };
        shown.insert(name.clone(), value);
    }
    Value::Object(shown)
}

fn info(state: &State, wanted: &Wanted, count: usize, more_records: bool) -> Value {
    let token = |offset| PageToken::new(offset, state.now(), &wanted.bound_to);
    let next = more_records.then(|| token(wanted.offset + wanted.per_page));
    let previous =
        (wanted.offset > 0).then(|| token(wanted.offset.saturating_sub(wanted.per_page)));
    json!({
        "call": false, "email": false, "per_page": wanted.per_page, "count": count, "page": wanted.page,
        "sort_by": wanted.sort_by, "sort_order": if wanted.ascending { "asc" } else { "desc" },
        "more_records": more_records,
        "next_page_token": next.as_ref().map(PageToken::to_text),
        "previous_page_token": previous.map(|token| token.to_text()),
        "page_token_expiry": next.map(|token| rfc3339(token.expires_at)),
    })
}
