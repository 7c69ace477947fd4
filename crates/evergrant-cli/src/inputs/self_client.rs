//! Zoho's `self_client.json`, as the API console offers it for download after Generate Code:
//! `{"scope":["ZohoCRM.modules.ALL"],"expiry_time":1656472923084,"client_id":"…","client_secret":"…","code":"…","grant_type":"authorization_code"}`.
//!
//! <https://www.zoho.com/accounts/protocol/oauth/self-client/authorization-code-flow.html>

use std::path::Path;

use evergrant::clock::Timestamp;
use serde_json::Value;
use zoho_oauth::Scopes;

use super::{
    json_file::{invalid, object, take_text},
    source::{Source, Sourced, Text},
};
use crate::cli::error::CliError;

/// What the file holds of an exchange.
#[derive(Default)]
pub(crate) struct SelfClient {
    pub(crate) client_id: Option<Text>,
    pub(crate) client_secret: Option<Text>,
    pub(crate) grant_token: Option<Text>,
    /// The scopes that the grant was made with; none if they are not readable.
    pub(crate) scopes: Option<Scopes>,
    /// When the grant token dies; none if unknown, which hand-made files write as 0.
    pub(crate) grant_expires_at: Option<Timestamp>,
}

impl SelfClient {
    /// Parses a file's text. Fails if it is no JSON object, is made for another grant type, or has no member of
    /// an exchange: then it is another file.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, CliError> {
        let mut members = object(text, path)?;
        let grant_type = take_text(&mut members, "grant_type", path)?;
        if grant_type.is_some_and(|grant_type| grant_type.as_str() != "authorization_code") {
            return Err(invalid(
                path,
                "it was made for another grant type than authorization_code",
            ));
        }
        let scopes = members.remove("scope").and_then(|scope| scopes(&scope));
        let grant_expires_at = members.remove("expiry_time").and_then(|time| expiry(&time));
        let mut take = |name| -> Result<_, CliError> {
            let text = take_text(&mut members, name, path)?;
            Ok(text.map(|text| Sourced::new(text, Source::Member(path.to_path_buf(), name))))
        };
        let file = Self {
            client_id: take("client_id")?,
            client_secret: take("client_secret")?,
            grant_token: take("code")?,
            scopes,
            grant_expires_at,
        };
        if file.client_id.is_none() && file.client_secret.is_none() && file.grant_token.is_none() {
            return Err(invalid(
                path,
                "it has none of client_id, client_secret and code",
            ));
        }
        Ok(file)
    }
}

fn scopes(value: &Value) -> Option<Scopes> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(","),
        _ => return None,
    };
    Scopes::parse(&text)
        .ok()
        .filter(|scopes| !scopes.is_empty())
}

fn expiry(value: &Value) -> Option<Timestamp> {
    // Outside 2001 to 2100 it is no time: zero, or seconds by mistake. A grant is not refused for that.
    const PLAUSIBLE: std::ops::Range<i64> = 1_000_000_000_000..4_102_444_800_000;
    let millis = value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    PLAUSIBLE
        .contains(&millis)
        .then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOWNLOADED: &str = r#"{"scope":["ZohoCRM.modules.ALL","ZohoCRM.settings.READ"],"expiry_time":1656472923084,
        "client_id":"1000.A","client_secret":"s","code":"1000.g","grant_type":"authorization_code"}"#;

    fn parse(text: &str) -> Result<SelfClient, String> {
        SelfClient::parse(text, Path::new("self_client.json")).map_err(|error| error.to_text())
    }

    #[test]
    fn a_downloaded_file_has_it_all() {
        let file = parse(DOWNLOADED).unwrap();
        assert_eq!(file.client_id.unwrap().value.as_str(), "1000.A");
        assert_eq!(file.client_secret.unwrap().value.as_str(), "s");
        let code = file.grant_token.unwrap();
        assert_eq!(
            (code.value.as_str(), code.source.to_string().as_str()),
            ("1000.g", "code in self_client.json")
        );
        assert_eq!(
            file.scopes.unwrap().to_console_string(),
            "ZohoCRM.modules.ALL,ZohoCRM.settings.READ"
        );
        assert_eq!(
            file.grant_expires_at.unwrap().as_millis(),
            1_656_472_923_084
        );
    }

    #[test]
    fn what_is_not_a_time_or_a_scope_is_unknown() {
        for time in [
            "0",
            "1656472923",
            "-1",
            "null",
            "\"soon\"",
            "1e99",
            "9223372036854775807",
            "1.5",
            "[]",
        ] {
            let file = parse(&format!(r#"{{"code":"c","expiry_time":{time},"scope":7}}"#)).unwrap();
            assert_eq!((file.grant_expires_at, file.scopes), (None, None), "{time}");
        }
        let file =
            parse(r#"{"code":"c","expiry_time":"1656472923084","scope":"a.b.READ, a.c.READ"}"#)
                .unwrap();
        assert!(file.grant_expires_at.is_some());
        assert_eq!(file.scopes.unwrap().len(), 2);
    }

    #[test]
    fn another_file_is_refused_without_showing_it() {
        for text in [
            "",
            "s3cret",
            "[]",
            r#"{"s3cret":"s3cret"}"#,
            r#"{"code":{"s3cret":1}}"#,
            r#"{"code":"s3cret","grant_type":"s3cret"}"#,
        ] {
            let error = parse(text).err().unwrap();
            assert!(
                error.contains("self_client.json") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_members_are_parsed_or_refused(scope in ".{0,30}", time in any::<i64>(), code in ".{0,40}") {
            let file = serde_json::json!({ "scope": [scope], "expiry_time": time, "code": code });
            let parsed = parse(&file.to_string()).unwrap().grant_token.unwrap();
            prop_assert_eq!(parsed.value.as_str(), &code);
        }
    }
}
