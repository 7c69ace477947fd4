//! The forms in which a token is printed.

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _};

use clap::ValueEnum;
use evergrant::broker::Token;
use serde::Serialize;

use crate::cli::{Context, error::CliError, time::rfc3339};

/// How Zoho's APIs want a token to be called
/// (<https://www.zoho.com/crm/developer/docs/api/v8/access-refresh.html>).
const SCHEME: &str = "Zoho-oauthtoken";

/// A form in which a token is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The token alone
    Plain,
    /// The header of an HTTP request
    Header,
    /// A JSON object, as with --json
    Json,
    /// Lines of names and values, as an `.env` file has them
    Env,
    /// Lines for a shell's `eval`, which programs that the shell starts find in their environment
    Shell,
    /// For a step of GitHub Actions
    Github,
}

/// The object of `--json`.
#[derive(Serialize)]
pub(crate) struct Shown<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_at: String,
    expires_in: u64,
    api_domain: Option<&'a str>,
    connection: &'a str,
    scopes: Vec<&'a str>,
    stale: bool,
}

impl<'a> From<&'a Token> for Shown<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            access_token: token.access_token().expose_secret(),
            token_type: SCHEME,
            expires_at: rfc3339(token.expires_at()),
            expires_in: token.left().as_secs(),
            api_domain: token.api_domain().map(zoho_oauth::ApiDomain::as_str),
            connection: token.connection().as_str(),
            scopes: token.scopes().iter().map(|scope| scope.as_str()).collect(),
            stale: token.is_stale(),
        }
    }
}

/// Returns what a program finds in its environment, by name.
pub(crate) fn variables(token: &Token) -> Vec<(&'static str, String)> {
    let secret = token.access_token().expose_secret().to_owned();
    let mut variables = vec![("ZOHO_ACCESS_TOKEN", secret)];
    let api_domain = token.api_domain().map(ToString::to_string);
    variables.extend(api_domain.map(|domain| ("ZOHO_API_DOMAIN", domain)));
    variables.push(("ZOHO_ACCESS_TOKEN_EXPIRES_AT", rfc3339(token.expires_at())));
    variables
}

impl Format {
    /// Chooses the form: a flag, else `--json`, else the token alone. Fails if two were asked for, or if
    /// there is no job to put the token into.
    pub(crate) fn choose(asked: Option<Self>, context: &Context<'_>) -> Result<Self, CliError> {
        match (asked, context.output.is_json()) {
            (None | Some(Self::Json), true) => Ok(Self::Json),
            (Some(_), true) => Err(CliError::usage(
                "two_formats",
                "--json and --format ask for two forms of the token",
            )
            .next("give one of them")),
            (Some(Self::Github), false) if context.environment.path("GITHUB_ENV").is_none() => {
                Err(CliError::usage(
                    "no_job",
                    "GITHUB_ENV is not set: this is no step of GitHub Actions",
                )
                .next("choose another --format"))
            }
            (asked, false) => Ok(asked.unwrap_or(Self::Plain)),
        }
    }

    /// Prints a token.
    pub(crate) fn print(self, token: &Token, context: &mut Context<'_>) -> Result<(), CliError> {
        let secret = token.access_token().expose_secret();
        let text = match self {
            Self::Plain => format!("{secret}\n"),
            Self::Header => format!("Authorization: {SCHEME} {secret}\n"),
            Self::Json => {
                let shown = Shown::from(token);
                let line = serde_json::to_string(&shown).map_err(|error| {
                    CliError::new(
                        crate::cli::exit_code::Kind::Internal,
                        "json",
                        "the token cannot be written as JSON",
                    )
                    .cause(error)
                })?;
                line + "\n"
            }
            Self::Env => lines("", token, quoted),
            Self::Shell => lines("export ", token, quoted),
            Self::Github => return to_job(token, context),
        };
        context.output.data(&text)
    }
}

fn lines(before: &str, token: &Token, written: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for (name, value) in variables(token) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{before}{name}={}", written(&value));
    }
    text
}

/// Quotes a value for a shell where it needs that.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    if value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// Masks the token in the job's log, and hands it to the next steps
/// (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).
fn to_job(token: &Token, context: &mut Context<'_>) -> Result<(), CliError> {
    let secret = token.access_token().expose_secret();
    context.output.data(&format!("::add-mask::{secret}\n"))?;
    let path = context.environment.path("GITHUB_ENV").unwrap_or_default();
    let failed = |error: std::io::Error| {
        CliError::config("job_unwritable", "cannot write the job's environment")
            .cause(format!("{}: {error}", path.display()))
    };
    // A line break would begin another variable.
    let text = lines("", token, |value| value.replace(['\n', '\r'], ""));
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_values_need_no_quotes() {
        assert_eq!(quoted("1000.ab-c_d"), "1000.ab-c_d");
        assert_eq!(quoted("https://www.zohoapis.eu"), "https://www.zohoapis.eu");
        assert_eq!(quoted("a'b; c"), r"'a'\''b; c'");
    }

    proptest! {
        #[test]
        fn a_shell_reads_back_any_value(value in "[^\0\r]{0,40}") {
            let script = format!("v={}; printf %s \"$v\"", quoted(&value));
            let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(output.stdout, value.into_bytes());
        }
    }
}
