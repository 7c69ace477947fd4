//! The streams: standard output is what was asked for, standard error is all the rest.

use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal, Read, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, MetadataExt},
    },
};

use anstyle::{AnsiColor, Style};
pub(crate) use evergrant_server::explain::Warning;
use serde::Serialize;

use super::{GlobalOptions, error::CliError, exit_code::Kind};

/// The three standard streams of a run.
pub struct Streams {
    /// What secrets are read from where a flag says so.
    pub stdin: Box<dyn Read>,
    /// Whether it is a terminal, where what is typed is shown.
    pub typed: bool,
    /// What was asked for.
    pub stdout: Box<dyn Write>,
    /// Everything else.
    pub stderr: Box<dyn Write>,
    /// Whether a person sees standard error, and can be asked.
    pub attended: bool,
    /// Whether what goes to standard output is lost.
    pub discarded: bool,
}

impl Streams {
    /// Takes the streams of this process; colour goes only to a terminal.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            stdin: Box::new(io::stdin()),
            typed: io::stdin().is_terminal(),
            stdout: Box::new(anstream::stdout()),
            stderr: Box::new(anstream::stderr()),
            attended: io::stderr().is_terminal(),
            discarded: is_null(&io::stdout()).unwrap_or(false),
        }
    }
}

/// Tells whether a stream leads to the null device: also where it was closed, for then the standard
/// library has put the null device in its place, opened for reading and writing. That is how Python's
/// `subprocess.DEVNULL` and libuv's `ignore` open it too, so that the two cannot be told apart: a closed
/// stream is no failure, or every monitor that looks at the exit code only would see one.
fn is_null(stream: &impl AsFd) -> io::Result<bool> {
    let file = File::from(stream.as_fd().try_clone_to_owned()?).metadata()?;
    let null = std::fs::metadata("/dev/null")?;
    Ok(file.file_type().is_char_device() && file.rdev() == null.rdev())
}

/// Where a command writes, in the form that the person chose.
pub(crate) struct Output {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    json: bool,
    quiet: bool,
}

impl Output {
    /// Wraps the streams.
    pub(crate) fn new(
        stdout: Box<dyn Write>,
        stderr: Box<dyn Write>,
        options: &GlobalOptions,
    ) -> Self {
        Self {
            stdout,
            stderr,
            json: options.json,
            quiet: options.quiet,
        }
    }

    /// Returns whether JSON was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the result: one line of JSON with `--json`, else the text that `human` makes.
    pub(crate) fn result<T: Serialize>(
        &mut self,
        value: &T,
        human: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        if self.json {
            let line = serde_json::to_string(value)
                .map_err(|error| unwritable(&io::Error::other(error)))?;
            self.data(&(line + "\n"))
        } else {
            self.data(&human(value))
        }
    }

    /// Prints data. A reader that has gone away has what it wanted: that is no failure.
    pub(crate) fn data(&mut self, text: &str) -> Result<(), CliError> {
        self.part(text).map(drop)
    }

    /// Prints a part of the data; tells whether anybody is left who reads more.
    pub(crate) fn part(&mut self, text: &str) -> Result<bool, CliError> {
        match self.write_through(text) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            Err(error) => {
                Err(unwritable(&error).next("see that what standard output leads to takes it"))
            }
        }
    }

    /// Hands over data that exists nowhere else: every failure counts, also a reader that has gone away.
    pub(crate) fn hand_over(&mut self, text: &str) -> Result<(), CliError> {
        self.write_through(text).map_err(|error| unwritable(&error))
    }

    /// Tells the person how things go; nothing with `--json` or `--quiet`.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.json && !self.quiet {
            let _ = writeln!(self.stderr, "{text}");
        }
    }

    /// Warns; nothing with `--quiet`.
    pub(crate) fn warn(&mut self, warning: &Warning) {
        #[derive(Serialize)]
        struct Line<'a> {
            warning: &'a Warning,
        }
        if self.quiet {
            return;
        }
        let _ = match serde_json::to_string(&Line { warning }) {
            Ok(line) if self.json => writeln!(self.stderr, "{line}"),
            _ => {
                let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
                writeln!(
                    self.stderr,
                    "{yellow}warning:{yellow:#} {}",
                    warning.message
                )
            }
        };
    }

    /// Says why the command failed, last of all.
    pub(crate) fn error(&mut self, error: &CliError) {
        // Nothing is left to tell when standard error itself fails.
        let _ = if self.json {
            writeln!(self.stderr, "{}", error.to_json())
        } else {
            write!(self.stderr, "{}", error.to_text())
        };
    }

    fn write_through(&mut self, text: &str) -> io::Result<()> {
        self.stdout.write_all(text.as_bytes())?;
        self.stdout.flush()
    }
}

fn unwritable(error: &io::Error) -> CliError {
    CliError::new(
        Kind::Internal,
        "stdout_unwritable",
        "cannot write to standard output",
    )
    .cause(error)
}

/// Lays out rows in columns that are as wide as their widest cell, under headings.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut columns = Columns::default();
    let headings = headings.map(str::to_owned);
    columns.fit(&headings);
    rows.iter().for_each(|row| columns.fit(row));
    let heading = columns.line(&headings);
    rows.iter()
        .fold(heading, |text, row| text + &columns.line(row))
}

/// The widths of columns, for a table whose rows do not come all at once.
pub(crate) struct Columns<const N: usize>([usize; N]);

impl<const N: usize> Default for Columns<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Columns<N> {
    /// Makes room for a row.
    pub(crate) fn fit(&mut self, row: &[String; N]) {
        for (width, cell) in self.0.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }

    /// Lays out a row.
    pub(crate) fn line(&self, row: &[String; N]) -> String {
        let padded: Vec<String> = row
            .iter()
            .zip(self.0)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, rc::Rc};

    /// A stream that can be read back, or that nobody reads.
    #[derive(Clone, Default)]
    struct Pipe {
        text: Rc<RefCell<Vec<u8>>>,
        closed: bool,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.closed {
                Err(ErrorKind::BrokenPipe.into())
            } else {
                self.text.borrow_mut().write(bytes)
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(stdout: &Pipe, stderr: &Pipe, json: bool, quiet: bool) -> Output {
        let options = GlobalOptions {
            json,
            quiet,
            ..GlobalOptions::default()
        };
        Output::new(Box::new(stdout.clone()), Box::new(stderr.clone()), &options)
    }

    fn text(pipe: &Pipe) -> String {
        anstream::adapter::strip_str(std::str::from_utf8(&pipe.text.borrow()).unwrap()).to_string()
    }

    #[test]
    fn people_see_notes_and_warnings_beside_the_data() {
        let (stdout, stderr) = (Pipe::default(), Pipe::default());
        let mut output = output(&stdout, &stderr, false, false);
        output.note("checks: fine");
        output.warn(&Warning::new(
            "readable_by_others",
            "s can be read by others",
        ));
        output
            .result(&7, |seven| format!("{seven} places\n"))
            .unwrap();
        assert_eq!(text(&stdout), "7 places\n");
        assert_eq!(
            text(&stderr),
            "checks: fine\nwarning: s can be read by others\n"
        );
    }

    #[test]
    fn json_is_one_value_out_and_a_line_for_each_warning() {
        let (stdout, stderr) = (Pipe::default(), Pipe::default());
        let mut output = output(&stdout, &stderr, true, false);
        output.note("checks: fine");
        output.warn(&Warning::new(
            "readable_by_others",
            "s can be read by others",
        ));
        output.result(&[1, 2], |_| unreachable!()).unwrap();
        assert_eq!(text(&stdout), "[1,2]\n");
        assert_eq!(
            text(&stderr),
            "{\"warning\":{\"code\":\"readable_by_others\",\"message\":\"s can be read by others\"}}\n"
        );
    }

    #[test]
    fn quiet_leaves_only_data_and_errors() {
        let (stdout, stderr) = (Pipe::default(), Pipe::default());
        let mut output = output(&stdout, &stderr, false, true);
        output.note("checks: fine");
        output.warn(&Warning::new(
            "readable_by_others",
            "s can be read by others",
        ));
        output.error(&CliError::usage(
            "missing_input",
            "the client ID is missing",
        ));
        assert_eq!(text(&stderr), "error: the client ID is missing\n");
    }

    #[test]
    fn a_reader_that_left_matters_only_for_what_exists_nowhere_else() {
        let closed = Pipe {
            closed: true,
            ..Pipe::default()
        };
        let mut output = output(&closed, &Pipe::default(), false, false);
        output.data("a table").unwrap();
        assert_eq!(
            output.hand_over("a token").unwrap_err().kind(),
            Kind::Internal
        );
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["eu".to_owned(), "EU".to_owned()],
            ["sandbox".to_owned(), String::new()],
        ];
        assert_eq!(
            table(["code", "name"], &rows),
            "code     name\neu       EU\nsandbox\n"
        );
    }
}
