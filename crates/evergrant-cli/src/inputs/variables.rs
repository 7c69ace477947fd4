//! Process variables in a JSON file: `{"AccountsDomain":"https://…"}`, or as the Frends platform exports them,
//! `{"AccountsDomain":{"Value":"\"https://…\"","IsSecret":false}}`.
//!
//! The names are those of the published templates, <https://github.com/FrendsPlatform/FrendsTemplates>.

use std::path::Path;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{
    json_file::{invalid, object, take_text},
    source::{Source, Sourced, Text},
};
use crate::cli::error::CliError;

/// The names of the accounts domain.
const ACCOUNTS_DOMAIN: &[&str] = &["AccountsDomain", "ZohoAccountUrl", "ZohoAccountsUrl"];
const API_DOMAIN: &[&str] = &["ApiDomain", "ZohoApiUrl"];
const CLIENT_ID: &[&str] = &["ZohoClientId"];
const CLIENT_SECRET: &[&str] = &["ZohoClientSecret"];
const GRANT_TOKEN: &[&str] = &["ZohoGrantToken"];
const REFRESH_TOKEN: &[&str] = &["ZohoRefreshToken"];

const NAMES: [&[&str]; 6] = [
    ACCOUNTS_DOMAIN,
    API_DOMAIN,
    CLIENT_ID,
    CLIENT_SECRET,
    GRANT_TOKEN,
    REFRESH_TOKEN,
];

/// What a variables file holds of an exchange or of a connection; every value may stand under several names.
#[derive(Default)]
pub(crate) struct Variables {
    pub(crate) accounts_domain: Vec<Text>,
    pub(crate) api_domain: Vec<Text>,
    pub(crate) client_id: Vec<Text>,
    pub(crate) client_secret: Vec<Text>,
    pub(crate) grant_token: Vec<Text>,
    pub(crate) refresh_token: Vec<Text>,
}

impl Variables {
    /// Parses a file's text. Fails if it is no JSON object, or has none of the names: then it is another file.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, CliError> {
        let mut members = object(text, path)?;
        let mut known = 0;
        let mut take = |names: &[&'static str]| -> Result<Vec<Text>, CliError> {
            let mut texts = Vec::new();
            for &name in names {
                known += usize::from(members.contains_key(name));
                let text = take_variable(&mut members, name, path)?;
                texts.extend(
                    text.map(|text| Sourced::new(text, Source::Member(path.to_path_buf(), name))),
                );
            }
            Ok(texts)
        };
        let variables = Self {
            accounts_domain: take(ACCOUNTS_DOMAIN)?,
            api_domain: take(API_DOMAIN)?,
            client_id: take(CLIENT_ID)?,
            client_secret: take(CLIENT_SECRET)?,
            grant_token: take(GRANT_TOKEN)?,
            refresh_token: take(REFRESH_TOKEN)?,
        };
        if known == 0 {
            let names = NAMES.concat().join(", ");
            return Err(invalid(
                path,
                &format!("it has none of the variables {names}"),
            ));
        }
        Ok(variables)
    }
}

/// Tells whether a JSON object has one of the names.
pub(crate) fn are_in(members: &Map<String, Value>) -> bool {
    NAMES
        .concat()
        .iter()
        .any(|name| members.contains_key(*name))
}

/// Takes one variable in either shape. An exported secret is left empty by the platform: that is none.
fn take_variable(
    members: &mut Map<String, Value>,
    name: &'static str,
    path: &Path,
) -> Result<Option<Zeroizing<String>>, CliError> {
    let Some(Value::Object(exported)) = members.get_mut(name) else {
        return take_text(members, name, path);
    };
    let is_secret = exported.get("IsSecret") == Some(&Value::Bool(true));
    let text = take_text(exported, "Value", path)?.map(|text| {
        // The exported value is JSON in its turn; a text that is none stands for itself.
        serde_json::from_str::<String>(&text).map_or(text, Zeroizing::new)
    });
    Ok(text.filter(|text| !(is_secret && text.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Variables, String> {
        Variables::parse(text, Path::new("vars.json")).map_err(|error| error.to_text())
    }

    fn shown(texts: &[Text]) -> Vec<(&str, String)> {
        texts
            .iter()
            .map(|text| (text.value.as_str(), text.source.to_string()))
            .collect()
    }

    #[test]
    fn the_templates_names_are_taken() {
        let variables = parse(
            r#"{"AccountsDomain":"https://accounts.zoho.eu","ZohoClientId":"1000.A","ZohoClientSecret":"s",
                "ZohoGrantToken":"1000.g","FilePath":"/tmp/contacts.json"}"#,
        )
        .unwrap();
        assert_eq!(
            shown(&variables.accounts_domain),
            [(
                "https://accounts.zoho.eu",
                "AccountsDomain in vars.json".to_owned()
            )]
        );
        assert_eq!(variables.client_id[0].value.as_str(), "1000.A");
        assert_eq!(variables.client_secret[0].value.as_str(), "s");
        assert_eq!(variables.grant_token[0].value.as_str(), "1000.g");
    }

    #[test]
    fn the_sisters_spellings_are_taken() {
        for name in ["AccountsDomain", "ZohoAccountUrl", "ZohoAccountsUrl"] {
            assert_eq!(
                parse(&format!(r#"{{"{name}":"eu"}}"#))
                    .unwrap()
                    .accounts_domain
                    .len(),
                1,
                "{name}"
            );
        }
        let variables =
            parse(r#"{"ZohoApiUrl":"https://www.zohoapis.eu","ApiDomain":null}"#).unwrap();
        assert_eq!(
            shown(&variables.api_domain),
            [(
                "https://www.zohoapis.eu",
                "ZohoApiUrl in vars.json".to_owned()
            )]
        );
    }

    #[test]
    fn the_exported_shape_is_taken() {
        let variables = parse(
            r#"{"AccountsDomain":{"Value":"\"https://accounts.zoho.eu\"","IsSecret":false},
                "ZohoClientId":{"Value":"1000.A","IsSecret":false},
                "ZohoClientSecret":{"Value":"\"\"","IsSecret":true},"ZohoGrantToken":{"Value":null,"IsSecret":true}}"#,
        )
        .unwrap();
        assert_eq!(
            variables.accounts_domain[0].value.as_str(),
            "https://accounts.zoho.eu"
        );
        assert_eq!(variables.client_id[0].value.as_str(), "1000.A");
        assert!(variables.client_secret.is_empty() && variables.grant_token.is_empty());
    }

    #[test]
    fn another_file_is_refused_without_showing_it() {
        for text in [
            "",
            "s3cret",
            "[\"s3cret\"]",
            r#"{"s3cret":1}"#,
            r#"{"ZohoClientSecret":["s3cret"]}"#,
        ] {
            let error = parse(text).err().unwrap();
            assert!(
                error.contains("vars.json") && !error.contains("s3cret"),
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
        fn any_value_comes_back_from_both_shapes(value in "[^\"]{1,80}") {
            let plain = serde_json::json!({ "ZohoClientSecret": value });
            let inner = serde_json::to_string(&value).unwrap();
            let exported = serde_json::json!({ "ZohoClientSecret": { "Value": inner, "IsSecret": true } });
            for file in [plain, exported] {
                let variables = parse(&file.to_string()).unwrap();
                prop_assert_eq!(variables.client_secret[0].value.as_str(), &value);
            }
        }
    }
}
