//! Where a value came from.

use std::{fmt, path::PathBuf};

use zeroize::Zeroizing;

use crate::cli::error::CliError;

/// The place that gave a value, in words for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// A member of a file that a flag named.
    Member(PathBuf, &'static str),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, target: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => target.write_str(flag),
            Self::Member(path, member) => write!(target, "{member} in {}", path.display()),
            Self::Variable(name) => target.write_str(name),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) source: Source,
}

impl<T> Sourced<T> {
    /// Joins a value and its source.
    pub(crate) fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }
}

/// A text that may be a secret, not looked at yet.
pub(crate) type Text = Sourced<Zeroizing<String>>;

impl Text {
    /// Makes a typed value of the text; `parse` may fail, and its error never repeats the text.
    pub(crate) fn parsed<T>(
        self,
        parse: impl FnOnce(&str) -> Result<T, CliError>,
    ) -> Result<Sourced<T>, CliError> {
        match parse(&self.value) {
            Ok(value) => Ok(Sourced::new(value, self.source)),
            Err(error) => Err(error.cause(format!("it comes from {}", self.source))),
        }
    }
}
