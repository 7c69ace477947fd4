//! What other programs keep of a connection, read from their files as it is: nothing is written there.

mod env_file;
mod sdk_csv;
mod tokens_json;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{
    json_file::{invalid, object},
    read,
    source::Text,
    variables::{self, Variables},
};
use crate::cli::{error::CliError, output::Warning};

/// The files that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The token store of Zoho's SDKs, sdk_tokens.txt
    SdkCsv,
    /// Process variables in a JSON file, with ZohoRefreshToken
    Variables,
    /// An .env file with ZOHO_REFRESH_TOKEN
    Env,
    /// The tokens.json of zoho-cli, or another JSON file with a refreshToken or refresh_token
    ZohoCli,
}

impl Format {
    /// Tells whether a program wrote the file by itself: its API domain is what a server once answered, and not
    /// what a person chose.
    fn is_kept_by_a_program(self) -> bool {
        matches!(self, Self::SdkCsv | Self::ZohoCli)
    }
}

/// What a file holds of a connection; a value may stand under several names.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) accounts_domain: Vec<Text>,
    pub(crate) api_domain: Vec<Text>,
    pub(crate) client_id: Vec<Text>,
    pub(crate) client_secret: Vec<Text>,
    pub(crate) refresh_token: Vec<Text>,
    /// Whether it holds a grant token, which can still be exchanged.
    has_grant_token: bool,
    /// Whether it holds an access token.
    has_access_token: bool,
    /// Whether its API domain is what a server once answered.
    pub(crate) api_domain_is_an_answer: bool,
}

impl Held {
    /// Reads a file, in this format or in the one that its content shows. `row` chooses among several.
    pub(crate) fn read(
        path: &Path,
        format: Option<Format>,
        row: Option<&str>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, CliError> {
        let text = read::file(path, warnings)?;
        Self::parse(&text, path, format, row)
    }

    fn parse(
        text: &str,
        path: &Path,
        format: Option<Format>,
        row: Option<&str>,
    ) -> Result<Self, CliError> {
        let format = match format {
            Some(format) => format,
            None => recognise(text, path).map_err(with_next_step)?,
        };
        if row.is_some() && format != Format::SdkCsv {
            return Err(
                CliError::usage("no_rows", "--row is for the token stores of Zoho's SDKs")
                    .cause(format!(
                        "{} is none: it holds one connection",
                        path.display()
                    ))
                    .next("leave --row out"),
            );
        }
        let mut held = match format {
            Format::SdkCsv => sdk_csv::parse(text, path, row),
            Format::Variables => Variables::parse(text, path).map(Self::from),
            Format::Env => env_file::parse(text, path),
            Format::ZohoCli => tokens_json::parse(text, path),
        }
        .map_err(with_next_step)?;
        held.api_domain_is_an_answer = format.is_kept_by_a_program();
        // What stands there without a value is not there.
        for texts in held.texts() {
            texts.retain(|text| !text.value.trim().is_empty());
        }
        match held.refresh_token.is_empty() {
            true => Err(held.without_refresh_token(path)),
            false => Ok(held),
        }
    }

    /// Names what the file does not have.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let knows_center = !self.accounts_domain.is_empty() || !self.api_domain.is_empty();
        let parts = [
            (self.client_id.is_empty(), "client ID"),
            (self.client_secret.is_empty(), "client secret"),
            (!knows_center, "data center"),
        ];
        let missing = parts.into_iter().filter(|(missing, _)| *missing);
        missing.map(|(_, name)| name).collect()
    }

    fn texts(&mut self) -> [&mut Vec<Text>; 5] {
        [
            &mut self.accounts_domain,
            &mut self.api_domain,
            &mut self.client_id,
            &mut self.client_secret,
            &mut self.refresh_token,
        ]
    }

    fn without_refresh_token(&self, path: &Path) -> CliError {
        let message = format!("there is no refresh token in {}", path.display());
        let error = CliError::config("no_refresh_token", message);
        if self.has_grant_token {
            return error
                .cause("there is a grant token, which works once and for minutes")
                .next("evergrant exchange NAME     with that grant token, if it was not used, or with a new one");
        }
        let error = match self.has_access_token {
            true => error.cause("an access token alone dies within the hour and brings no other"),
            false => error,
        };
        error.next("evergrant exchange NAME     with a new grant token")
    }
}

impl From<Variables> for Held {
    fn from(variables: Variables) -> Self {
        Self {
            accounts_domain: variables.accounts_domain,
            api_domain: variables.api_domain,
            client_id: variables.client_id,
            client_secret: variables.client_secret,
            refresh_token: variables.refresh_token,
            has_grant_token: !variables.grant_token.is_empty(),
            ..Self::default()
        }
    }
}

fn with_next_step(error: CliError) -> CliError {
    match error.steps() {
        [] => error
            .next("mend the file, or say what it is: --format sdk-csv, variables, env or zoho-cli"),
        _ => error,
    }
}

/// Recognises a file by its content.
fn recognise(text: &str, path: &Path) -> Result<Format, CliError> {
    if text.trim_start().starts_with('{') {
        return Ok(match variables::are_in(&object(text, path)?) {
            true => Format::Variables,
            false => Format::ZohoCli,
        });
    }
    let lines = text.lines().map(str::trim);
    let first = lines
        .clone()
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    match first {
        Some(line) if env_file::is_assignment(line) => Ok(Format::Env),
        Some(line) if sdk_csv::is_row(line) => Ok(Format::SdkCsv),
        _ => Err(
            invalid(path, "it is none of the files that can be imported")
                .next("give the format: --format sdk-csv, variables, env or zoho-cli")
                .next("evergrant connections import --help"),
        ),
    }
}

/// Makes the source of a value that stands under a name in a file.
fn member(path: &Path, name: &'static str) -> super::source::Source {
    super::source::Source::Member(PathBuf::from(path), name)
}

#[cfg(test)]
mod tests;
