//! `.env` files, read as they stand: nothing is expanded, nothing is run.
//!
//! `NAME=value`, `export NAME='value'`, `NAME="value"`, `# a comment`. A quoted value may go over several lines, as
//! keys of other programs do.

use std::path::Path;

use zeroize::Zeroizing;

use super::{Held, member};
use crate::{
    cli::error::CliError,
    inputs::{
        json_file::invalid,
        source::{Sourced, Text},
    },
};

const ACCOUNTS_DOMAIN: &[&str] = &["ZOHO_ACCOUNTS_DOMAIN", "ZOHO_ACCOUNTS_URL", "ZOHO_REGION"];
const API_DOMAIN: &[&str] = &["ZOHO_API_DOMAIN"];
const CLIENT_ID: &[&str] = &["ZOHO_CLIENT_ID"];
const CLIENT_SECRET: &[&str] = &["ZOHO_CLIENT_SECRET"];
const REFRESH_TOKEN: &[&str] = &["ZOHO_REFRESH_TOKEN"];
const ACCESS_TOKEN: &[&str] = &["ZOHO_ACCESS_TOKEN"];
const GRANT_TOKEN: &[&str] = &["ZOHO_GRANT_TOKEN"];

/// One assignment, and the line that it begins on.
struct Assignment<'a> {
    name: &'a str,
    value: Zeroizing<String>,
    /// Whether a shell would put something else in the place of a part of it.
    is_expanded: bool,
    line: usize,
}

/// Tells whether a line assigns a value to a name.
pub(super) fn is_assignment(line: &str) -> bool {
    split(line).is_some()
}

/// Parses a file's text.
pub(super) fn parse(text: &str, path: &Path) -> Result<Held, CliError> {
    let assignments = assignments(text, path)?;
    let take = |names: &[&'static str]| take(&assignments, names, path);
    Ok(Held {
        accounts_domain: take(ACCOUNTS_DOMAIN)?,
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
    assignments: &[Assignment<'_>],
    names: &[&'static str],
    path: &Path,
) -> Result<Vec<Text>, CliError> {
    let mut texts = Vec::new();
    for &name in names {
        for one in assignments.iter().filter(|one| one.name == name) {
            if one.is_expanded {
                let cause = format!(
                    "line {}: {name} refers to something else by $ or `, which is not looked up",
                    one.line
                );
                return Err(invalid(path, &cause).next("write the value itself there"));
            }
            texts.push(Sourced::new(one.value.clone(), member(path, name)));
        }
    }
    Ok(texts)
}

fn assignments<'a>(text: &'a str, path: &Path) -> Result<Vec<Assignment<'a>>, CliError> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let bare = first.trim();
        if bare.is_empty() || bare.starts_with('#') || is_name(without_export(bare)) {
            (rest, line) = (after, line + 1);
            continue;
        }
        let Some((name, value)) = split(first) else {
            return Err(invalid(path, &format!("line {line} is no NAME=value")));
        };
        // From here the value may go beyond this line.
        let value = &rest[first.len() - value.len()..];
        let (taken, used, is_expanded) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(value, quote).ok_or_else(|| {
                let cause = format!("line {line}: {name} begins with {quote} and has no end");
                invalid(path, &cause)
            })?,
            _ => plain(value),
        };
        let tail = value[used..].split('\n').next().unwrap_or_default();
        if !tail.trim().is_empty() && !tail.trim_start().starts_with('#') {
            let cause = format!("line {line}: something stands behind the end of {name}");
            return Err(invalid(path, &cause));
        }
        found.push(Assignment {
            name,
            value: taken,
            is_expanded,
            line,
        });
        line += 1 + value[..used].matches('\n').count();
        rest = value[used..]
            .split_once('\n')
            .map_or("", |(_, after)| after);
    }
    Ok(found)
}

/// Splits a line into name and value; `None` if it is no assignment.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = without_export(name.trim()).trim();
    is_name(name).then(|| (name, value.trim_start_matches([' ', '\t'])))
}

fn without_export(text: &str) -> &str {
    let rest = text.strip_prefix("export");
    let rest = rest.filter(|rest| rest.starts_with([' ', '\t']));
    rest.map_or(text, str::trim_start)
}

fn is_name(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(part) && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Reads a value without quotes: to the end of the line, or to a comment.
fn plain(text: &str) -> (Zeroizing<String>, usize, bool) {
    let line = text.split('\n').next().unwrap_or_default();
    let comment = line
        .char_indices()
        .find(|&(at, c)| c == '#' && (at == 0 || line[..at].ends_with(char::is_whitespace)));
    let end = comment.map_or(line.len(), |(at, _)| at);
    let value = line[..end].trim();
    let is_expanded = value.contains(['$', '`']);
    (Zeroizing::new(value.to_owned()), end, is_expanded)
}

/// Reads a value in quotes; `None` if they have no end.
fn quoted(text: &str, quote: char) -> Option<(Zeroizing<String>, usize, bool)> {
    // Room for all of it: a buffer that grows leaves copies of a secret behind.
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut is_expanded = false;
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            _ if c == quote => return Some((value, at + 1, is_expanded)),
            '\\' if quote == '"' => match characters.next()?.1 {
                escaped @ ('"' | '\\' | '$' | '`') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            _ => {
                is_expanded |= quote == '"' && matches!(c, '$' | '`');
                value.push(c);
            }
        }
    }
    None
}
