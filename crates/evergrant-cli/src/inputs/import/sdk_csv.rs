//! The token stores of Zoho's SDKs, `sdk_tokens.txt`: CSV with one row for every user and app.
//!
//! The columns are named by the first row. A store whose first row was lost, as happens when two processes write it
//! at once, is read in the order in which the SDKs write.
//!
//! <https://github.com/zoho/zohocrm-python-sdk-8.0>

use std::path::Path;

use csv::{Position, ReaderBuilder, StringRecord};
use zeroize::Zeroizing;

use super::{Held, member};
use crate::{
    cli::{error::CliError, redact::hide_tokens},
    inputs::{
        json_file::invalid,
        source::{Sourced, Text},
    },
};

/// The columns as the SDKs write them; older ones have no API domain.
const COLUMNS: [&str; 10] = [
    "id",
    "user_name",
    "client_id",
    "client_secret",
    "refresh_token",
    "access_token",
    "grant_token",
    "expiry_time",
    "redirect_uri",
    "api_domain",
];

/// More than an id or a user's name has.
const SHOWN: usize = 80;

/// Tells whether a line looks like the first row of a store.
pub(super) fn is_row(line: &str) -> bool {
    let named = |name| line.split(',').any(|cell| cell.trim_matches('"') == name);
    named("refresh_token") && named("client_id") || line.matches(',').count() + 1 >= COLUMNS.len()
}

/// A table whose columns have names.
struct Table<'a> {
    path: &'a Path,
    text: &'a str,
    columns: Vec<String>,
    rows: Vec<StringRecord>,
}

/// Parses a file's text and takes the row of this id, or the only one.
pub(super) fn parse(text: &str, path: &Path, id: Option<&str>) -> Result<Held, CliError> {
    let table = Table::read(text, path)?;
    let row = match id {
        Some(id) => table.find(id)?,
        None => table.only()?,
    };
    let take = |name: &'static str| -> Vec<Text> {
        let cell = table.cell(row, name).trim();
        // The SDKs' languages write their word for nothing.
        let nothing = ["", "null", "None", "undefined"].contains(&cell);
        let text = (!nothing).then(|| Zeroizing::new(cell.to_owned()));
        Vec::from_iter(text.map(|text| Sourced::new(text, member(path, name))))
    };
    Ok(Held {
        api_domain: take("api_domain"),
        client_id: take("client_id"),
        client_secret: take("client_secret"),
        refresh_token: take("refresh_token"),
        has_grant_token: !take("grant_token").is_empty(),
        has_access_token: !take("access_token").is_empty(),
        ..Held::default()
    })
}

impl<'a> Table<'a> {
    fn read(text: &'a str, path: &'a Path) -> Result<Self, CliError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let rows: Result<Vec<StringRecord>, csv::Error> = reader.records().collect();
        let mut rows = rows.map_err(|error| {
            let line = line_of(text, error.position());
            invalid(path, &format!("it is no CSV: line {line}"))
        })?;
        let named = rows
            .first()
            .is_some_and(|row| row.iter().any(|cell| cell.trim() == "refresh_token"));
        let columns: Vec<String> = match named {
            true => rows
                .remove(0)
                .iter()
                .map(|cell| cell.trim().to_owned())
                .collect(),
            false => COLUMNS.map(str::to_owned).into(),
        };
        let table = Self {
            path,
            text,
            columns,
            rows,
        };
        table.check()?;
        Ok(table)
    }

    /// Fails if a row has another number of cells: then its secrets stand in other columns.
    fn check(&self) -> Result<(), CliError> {
        let wanted = self.columns.len();
        let odd = self.rows.iter().find(|row| row.len() != wanted);
        match odd {
            None => Ok(()),
            Some(row) => {
                let line = line_of(self.text, row.position());
                let cause = format!("line {line} has {} columns instead of {wanted}", row.len());
                Err(invalid(self.path, &cause))
            }
        }
    }

    fn cell<'r>(&self, row: &'r StringRecord, name: &str) -> &'r str {
        let column = self.columns.iter().position(|column| column == name);
        column
            .and_then(|column| row.get(column))
            .unwrap_or_default()
    }

    fn find(&self, id: &str) -> Result<&StringRecord, CliError> {
        let mut found = self.rows.iter().filter(|row| self.cell(row, "id") == id);
        match (found.next(), found.next()) {
            (Some(row), None) => Ok(row),
            (Some(_), Some(_)) => Err(self.choose("several rows have that id")),
            (None, _) => Err(self.choose("no row has that id")),
        }
    }

    fn only(&self) -> Result<&StringRecord, CliError> {
        match self.rows.as_slice() {
            [] => Err(invalid(
                self.path,
                "it has no row: no token was ever kept there",
            )),
            [row] => Ok(row),
            _ => Err(self.choose("it holds several connections")),
        }
    }

    /// Says which rows there are, and none of their secrets.
    fn choose(&self, cause: &str) -> CliError {
        let error = CliError::usage(
            "which_row",
            format!("which row of {} is meant?", self.path.display()),
        );
        let error = self.rows.iter().fold(error.cause(cause), |error, row| {
            let without = match self.cell(row, "refresh_token").trim().is_empty() {
                true => ", without a refresh token",
                false => "",
            };
            let (id, user) = (
                shown(self.cell(row, "id")),
                shown(self.cell(row, "user_name")),
            );
            error.cause(format!("row {id}, user {user}{without}"))
        });
        error.next("choose one by its id: --row ID")
    }
}

/// Counts the line that a row begins on. The reader's own count is one too low where lines end as the SDKs end
/// them: it comes to a row before the second half of the line end.
fn line_of(text: &str, position: Option<&Position>) -> usize {
    let byte = position.and_then(|position| usize::try_from(position.byte()).ok());
    let (before, row) = text.as_bytes().split_at(byte.unwrap_or(0).min(text.len()));
    let skipped = row.iter().take_while(|byte| b"\r\n".contains(byte));
    let breaks = before.iter().chain(skipped).filter(|byte| **byte == b'\n');
    1 + breaks.count()
}

/// Cuts a cell to what may be shown: another column's secret may have slipped into it.
fn shown(cell: &str) -> String {
    let plain: String = cell
        .chars()
        .filter(|c| !c.is_control())
        .take(SHOWN)
        .collect();
    match hide_tokens(&plain) {
        text if text.trim().is_empty() => "-".to_owned(),
        text => text,
    }
}
