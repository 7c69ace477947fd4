//! The members of a token reply, from whole JSON or from the pieces of a broken body.

use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::error::ErrorWord;

/// The members of a reply, wiped from memory when dropped.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body that is one whole JSON object; None if it is anything else.
    pub(crate) fn whole(body: &[u8]) -> Option<Self> {
        match serde_json::from_slice(body).ok()? {
            Value::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// Picks the members out of any bytes, each by its name, of which the value is there to its end.
    pub(crate) fn salvaged(body: &[u8]) -> Self {
        const NAMES: [&str; 8] = [
            "refresh_token",
            "access_token",
            "expires_in",
            "expires_in_sec",
            "scope",
            "api_domain",
            "token_type",
            "error",
        ];
        let found = NAMES
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), salvage(body, name)?)));
        Self(found.collect())
    }

    /// Returns a text that is not blank.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)?
            .as_str()
            .filter(|text| !text.trim().is_empty())
    }

    /// Returns a whole number, given as one or as the digits of a text.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_u64().or_else(|| whole_part(number.as_f64()?)),
            Value::String(digits) => digits.trim().parse().ok(),
            _ => None,
        }
    }

    /// Returns what went wrong; null, false and a blank text say that nothing did.
    pub(crate) fn error(&self) -> Option<ErrorWord> {
        match self.0.get("error")? {
            Value::Null | Value::Bool(false) => None,
            Value::String(word) if word.trim().is_empty() => None,
            Value::String(word) => Some(ErrorWord::of(word)),
            other => Some(ErrorWord::of(&other.to_string())),
        }
    }

    /// Says whether a member is there, whatever its type.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

/// Finds `"name": value` where the value is a text or a number that ends before the body does; the first one counts.
fn salvage(body: &[u8], name: &str) -> Option<Value> {
    let quoted = format!("\"{name}\"");
    let mut rest = body;
    while let Some(at) = rest
        .windows(quoted.len())
        .position(|window| window == quoted.as_bytes())
    {
        rest = &rest[at + quoted.len()..];
        let value = rest
            .trim_ascii_start()
            .strip_prefix(b":")
            .and_then(|after| scalar(after.trim_ascii_start()));
        if value.is_some() {
            return value;
        }
    }
    None
}

fn scalar(body: &[u8]) -> Option<Value> {
    let end = match body.first()? {
        b'"' => end_of_text(body)?,
        b'0'..=b'9' => body.iter().position(|byte| !byte.is_ascii_digit())?,
        _ => return None,
    };
    let value: Value = serde_json::from_slice(&body[..end]).ok()?;
    Some(value).filter(|value| value != &Value::String(String::new()))
}

/// Returns the length of the quoted text that the body begins with; None if its closing quote is not there.
fn end_of_text(body: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in body.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

fn whole_part(number: f64) -> Option<u64> {
    // u64::MAX is far past any life of a token; `as` would quietly turn a negative number into zero.
    (0.0..1e15).contains(&number).then_some(number as u64)
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
