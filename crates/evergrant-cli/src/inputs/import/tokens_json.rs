//! The `tokens.json` of zoho-cli, and files like it: one JSON object with the tokens of one user, in camelCase or
//! snake_case. A `self_client.json` to which somebody added the refresh token, or a saved reply of Zoho's token
//! endpoint, is read too.
//!
//! <https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token.html>

use std::path::Path;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::{Held, member};
use crate::{
    cli::error::CliError,
    inputs::{
        json_file::{object, take_text},
        source::{Sourced, Text},
    },
};

const ACCOUNTS_DOMAIN: &[&str] = &[
    "accountsDomain",
    "accounts_domain",
    "accountsUrl",
    "accounts_url",
    "accountsServer",
    "accounts_server",
];
const DATA_CENTER: &[&str] = &["region", "dc", "dataCenter", "data_center", "location"];
const API_DOMAIN: &[&str] = &["apiDomain", "api_domain"];
const CLIENT_ID: &[&str] = &["clientId", "client_id"];
const CLIENT_SECRET: &[&str] = &["clientSecret", "client_secret"];
const REFRESH_TOKEN: &[&str] = &["refreshToken", "refresh_token"];
const ACCESS_TOKEN: &[&str] = &["accessToken", "access_token"];
const GRANT_TOKEN: &[&str] = &["code", "grantToken", "grant_token"];

/// Ends of host names that programs write for a data center.
const ENDS: [(&str, &str); 4] = [
    ("com", "us"),
    ("com.au", "au"),
    ("com.cn", "cn"),
    ("zohocloud.ca", "ca"),
];

/// Parses a file's text.
pub(super) fn parse(text: &str, path: &Path) -> Result<Held, CliError> {
    let mut members = object(text, path)?;
    let mut take = |names: &[&'static str]| take(&mut members, names, path);
    let mut accounts_domain = take(ACCOUNTS_DOMAIN)?;
    accounts_domain.extend(take(DATA_CENTER)?.into_iter().map(code));
    Ok(Held {
        accounts_domain,
        api_domain: take(API_DOMAIN)?,
        client_id: take(CLIENT_ID)?,
        client_secret: take(CLIENT_SECRET)?,
        refresh_token: take(REFRESH_TOKEN)?,
        has_grant_token: !take(GRANT_TOKEN)?.is_empty(),
        has_access_token: !take(ACCESS_TOKEN)?.is_empty(),
        ..Held::default()
    })
}

fn take(
    members: &mut Map<String, Value>,
    names: &[&'static str],
    path: &Path,
) -> Result<Vec<Text>, CliError> {
    let mut texts = Vec::new();
    for &name in names {
        let text = take_text(members, name, path)?;
        texts.extend(text.map(|text| Sourced::new(text, member(path, name))));
    }
    Ok(texts)
}

fn code(mut text: Text) -> Text {
    let end = text
        .value
        .trim()
        .trim_start_matches('.')
        .to_ascii_lowercase();
    if let Some((_, code)) = ENDS.iter().find(|(known, _)| *known == end) {
        text.value = Zeroizing::new((*code).to_owned());
    }
    text
}
