//! The forms in which a token is printed.

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _};

use clap::ValueEnum;
use evergrant_server::shown::{SCHEME, Token};

use crate::cli::{Context, error::CliError, exit_code::Kind};

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

/// Returns what a program finds in its environment, by name.
pub(crate) fn variables<'a>(token: &'a Token<'_>) -> Vec<(&'static str, &'a str)> {
    let mut variables = vec![("ZOHO_ACCESS_TOKEN", &*token.access_token)];
    let api_domain = token.api_domain.as_deref();
    variables.extend(api_domain.map(|domain| ("ZOHO_API_DOMAIN", domain)));
    variables.push(("ZOHO_ACCESS_TOKEN_EXPIRES_AT", &token.expires_at));
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
    pub(crate) fn print(
        self,
        token: &Token<'_>,
        context: &mut Context<'_>,
    ) -> Result<(), CliError> {
        match self {
            Self::Github => to_job(token, context),
            format => context.output.data(&format.text(token)?),
        }
    }

    /// Writes a token as it is printed.
    pub(crate) fn text(self, token: &Token<'_>) -> Result<String, CliError> {
        let secret = &token.access_token;
        Ok(match self {
            Self::Plain => format!("{secret}\n"),
            Self::Header => format!("Authorization: {SCHEME} {secret}\n"),
            Self::Json => serde_json::to_string(token).map_err(unwritable)? + "\n",
            Self::Env => lines("", token, quoted),
            Self::Shell => lines("export ", token, quoted),
            Self::Github => format!("::add-mask::{secret}\n"),
        })
    }
}

fn unwritable(error: serde_json::Error) -> CliError {
    let message = "the token cannot be written as JSON";
    CliError::new(Kind::Internal, "json", message).cause(error)
}

fn lines(before: &str, token: &Token<'_>, written: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    for (name, value) in variables(token) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{before}{name}={}", written(value));
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
fn to_job(token: &Token<'_>, context: &mut Context<'_>) -> Result<(), CliError> {
    context.output.data(&Format::Github.text(token)?)?;
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
