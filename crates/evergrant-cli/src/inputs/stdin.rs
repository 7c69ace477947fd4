//! Standard input, from which no secret is read while it is a terminal: what is typed there is shown.

use std::io::{self, Read};

/// Standard input.
pub(crate) struct Stdin {
    source: Box<dyn Read>,
    /// What is read in its place where it is a terminal.
    typed: Option<Typed>,
}

/// Fails whenever it is read, with [`IsTyped`].
struct Typed;

/// Why it fails.
#[derive(Debug, thiserror::Error)]
#[error("standard input is a terminal, which shows what is typed")]
pub(crate) struct IsTyped;

impl Stdin {
    /// Wraps a stream.
    pub(crate) fn new(source: Box<dyn Read>, is_terminal: bool) -> Self {
        Self {
            source,
            typed: is_terminal.then_some(Typed),
        }
    }

    /// Returns the stream for what everybody may see.
    pub(crate) fn open(&mut self) -> &mut dyn Read {
        &mut self.source
    }

    /// Returns the stream for a secret, which fails at a terminal with [`IsTyped`].
    pub(crate) fn secret(&mut self) -> &mut dyn Read {
        match &mut self.typed {
            Some(typed) => typed,
            None => &mut self.source,
        }
    }
}

impl Read for Typed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other(IsTyped))
    }
}

impl IsTyped {
    /// Tells whether a failure to read is this one.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|error| error.is::<Self>())
    }
}
