//! The list of what was done, as text that grows by pages.

use evergrant_server::shown::AuditRow;

use crate::cli::{error::CliError, exit_code::Kind, output::Columns};

const HEADINGS: [&str; 6] = ["time", "event", "connection", "caller", "actor", "detail"];

/// What a page needs to know of those before it.
pub(super) struct List {
    /// Whether it was told where to begin.
    has_beginning: bool,
    json: bool,
    begun: bool,
    /// Each page may make columns wider than the one before it.
    columns: Columns<6>,
}

impl List {
    /// Begins a list.
    pub(super) fn new(has_beginning: bool, json: bool) -> Self {
        Self {
            has_beginning,
            json,
            begun: false,
            columns: Columns::default(),
        }
    }

    /// Writes a page.
    pub(super) fn page(&mut self, rows: &[AuditRow]) -> Result<String, CliError> {
        let is_first = !std::mem::replace(&mut self.begun, true);
        match self.json {
            true => json(rows, is_first),
            false => Ok(self.lines(rows, is_first)),
        }
    }

    /// Writes what comes after the last page.
    pub(super) fn end(&self) -> &'static str {
        match (self.json, self.begun, self.has_beginning) {
            (true, true, _) => "]\n",
            (true, false, _) => "[]\n",
            (false, true, _) => "",
            (false, false, true) => "nothing was done since then\n",
            (false, false, false) => "nothing was done yet\n",
        }
    }

    fn lines(&mut self, rows: &[AuditRow], is_first: bool) -> String {
        let heading = is_first.then(|| HEADINGS.map(str::to_owned));
        let cells: Vec<_> = heading.into_iter().chain(rows.iter().map(cells)).collect();
        cells.iter().for_each(|row| self.columns.fit(row));
        cells.iter().map(|row| self.columns.line(row)).collect()
    }
}

/// Writes the elements of the array; only the first page opens it.
fn json(rows: &[AuditRow], is_first: bool) -> Result<String, CliError> {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text.push(if is_first && index == 0 { '[' } else { ',' });
        text += &serde_json::to_string(row).map_err(|error| {
            CliError::new(Kind::Internal, "json", "a row cannot be written").cause(error)
        })?;
    }
    Ok(text)
}

fn cells(row: &AuditRow) -> [String; 6] {
    [
        row.at.clone(),
        harmless(&row.event),
        row.connection.as_deref().map_or("-".to_owned(), harmless),
        row.caller.as_deref().map_or("-".to_owned(), harmless),
        harmless(&row.actor),
        harmless(&row.detail),
    ]
}

/// Takes away what would move a terminal: whoever can edit a row could hide others by it.
fn harmless(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_cannot_move_the_terminal() {
        assert_eq!(
            harmless("a\u{1b}[1Ab\r\nü"),
            "a\u{fffd}[1Ab\u{fffd}\u{fffd}ü"
        );
    }
}
