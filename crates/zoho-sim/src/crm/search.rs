//! `GET /crm/v8/MODULE/search`.

use serde_json::{Value, json};

use super::error::CrmError;
use super::list::{number, shown};
use super::module::Module;
use crate::accounts::Asked;
use crate::reply::{self, Reply};
use crate::state::{AccessToken, Record, State};
use http::StatusCode;

/// Source: <https://www.zoho.com/crm/developer/docs/api/v8/search-records.html>
const MOST_PER_PAGE: usize = 200;
const MOST_CONDITIONS: usize = 15;

/// One comparison.
#[derive(Debug, PartialEq, Eq)]
struct Condition {
    field: String,
    begins: bool,
    value: String,
}

/// What is searched for.
#[derive(Debug, PartialEq, Eq)]
enum Sought {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Word(String),
}

/// Searches records by `criteria`, `email`, `phone` or `word`; none at all is 204 without a body.
pub(crate) fn search(
    state: &State,
    asked: &Asked<'_>,
    access: &AccessToken,
    module: Module,
) -> Result<Reply, CrmError> {
    let find = |name| asked.parameters.find(name);
    let sought = read(asked)?;
    let per_page = number(find("per_page"), "per_page", MOST_PER_PAGE, MOST_PER_PAGE)?;
    let page = number(find("page"), "page", 1, usize::MAX / MOST_PER_PAGE)?;
    let fields: Vec<String> = match find("fields") {
        Some(names) => names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
        None => module
            .fields()
            .map(|field| field.api_name.to_owned())
            .collect(),
    };
    let all = state.records(module).iter().rev();
    let mut found = all
        .filter(|record| sought.is(record))
        .skip((page - 1) * per_page);
    let data: Vec<Value> = found
        .by_ref()
        .take(per_page)
        .map(|record| shown(record, access, &fields))
        .collect();
    if data.is_empty() {
        return Ok(reply::empty(StatusCode::NO_CONTENT));
    }
    let info = json!({
        "per_page": per_page, "count": data.len(), "page": page, "sort_by": "id", "sort_order": "desc",
        "more_records": found.next().is_some(),
    });
    Ok(super::found(&json!({"data": data, "info": info})))
}

fn read(asked: &Asked<'_>) -> Result<Sought, CrmError> {
    let find = |name| asked.parameters.find(name);
    let equals = |field: &str, value: &str| Condition {
        field: field.to_owned(),
        begins: false,
        value: value.to_owned(),
    };
    if let Some(criteria) = find("criteria") {
        let sought = parse(criteria);
        return sought.ok_or_else(|| {
            let details = json!({"reason": "invalid criteria", "api_name": "criteria"});
            CrmError::bad("INVALID_QUERY", "invalid query formed", details)
        });
    }
    match (find("email"), find("phone"), find("word")) {
        (Some(email), ..) => Ok(Sought::All(vec![equals("Email", email)])),
        (_, Some(phone), _) => Ok(Sought::All(vec![equals("Phone", phone)])),
        (.., Some(word)) => Ok(Sought::Word(word.to_lowercase())),
        _ => Err(CrmError::missing_parameter("criteria")),
    }
}

/// Reads `Field:equals:value`, with or without brackets, or several in brackets with `and` or `or` between them.
fn parse(criteria: &str) -> Option<Sought> {
    let mut inner = criteria.trim();
    while let Some(rest) = inner
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
    {
        inner = rest;
    }
    let both: Vec<&str> = inner.split(")and(").collect();
    let either: Vec<&str> = inner.split(")or(").collect();
    let (parts, any) = match (both.len(), either.len()) {
        (_, 1) => (both, false),
        (1, _) => (either, true),
        _ => return None,
    };
    let conditions: Vec<Condition> = parts.into_iter().map(condition).collect::<Option<_>>()?;
    match (conditions.len() <= MOST_CONDITIONS, any) {
        (false, _) => None,
        (true, false) => Some(Sought::All(conditions)),
        (true, true) => Some(Sought::Any(conditions)),
    }
}

fn condition(text: &str) -> Option<Condition> {
    let mut parts = text.splitn(3, ':');
    let (field, operator, value) = (parts.next()?, parts.next()?, parts.next()?);
    let begins = match operator {
        "equals" => false,
        "starts_with" => true,
        _ => return None,
    };
    Some(Condition {
        field: field.trim().to_owned(),
        begins,
        value: value.to_lowercase(),
    })
}

impl Sought {
    fn is(&self, record: &Record) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|one| one.is(record)),
            Self::Any(conditions) => conditions.iter().any(|one| one.is(record)),
            Self::Word(word) => record
                .fields
                .values()
                .any(|value| text(value).contains(word)),
        }
    }
}

impl Condition {
    fn is(&self, record: &Record) -> bool {
        let own = match self.field.as_str() {
            "id" => record.id.to_string(),
            name => record.fields.get(name).map(text).unwrap_or_default(),
        };
        match self.begins {
            true => own.starts_with(&self.value.to_lowercase()),
            false => own == self.value.to_lowercase(),
        }
    }
}

/// Returns a value as it is compared: in any case.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_lowercase(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_read_with_and_without_brackets() {
        let code = |value: &str| Condition {
            field: "Product_Code".to_owned(),
            begins: false,
            value: value.to_owned(),
        };
        let all = |values: &[&str]| Some(Sought::All(values.iter().map(|one| code(one)).collect()));
        assert_eq!(parse("Product_Code:equals:P:1"), all(&["p:1"]));
        assert_eq!(parse("(Product_Code:equals:A)"), all(&["a"]));
        assert_eq!(
            parse("((Product_Code:equals:A)and(Product_Code:equals:B))"),
            all(&["a", "b"])
        );
        assert_eq!(
            parse("((Product_Code:equals:A)or(Product_Code:equals:B))"),
            Some(Sought::Any(vec![code("a"), code("b")]))
        );
        for wrong in [
            "",
            "Product_Code",
            "Product_Code:is:A",
            "(A:equals:1)and(B:equals:2)or(C:equals:3)",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
