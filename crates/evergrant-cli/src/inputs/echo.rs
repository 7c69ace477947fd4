//! A terminal that does not show what is typed.
//!
//! Done by hand, because a program that dies of Ctrl-C must not leave the person's shell without echo: so Ctrl-C
//! comes as a character here, and as a signal only when the terminal is itself again.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::fd::AsFd,
};

use rustix::process::Signal;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

const CTRL_C: u8 = 3;

/// Reads one line that is not shown. Ctrl-C ends the program as usual, or is an error where it is caught.
pub(super) fn hidden_line(terminal: &File) -> io::Result<Zeroizing<String>> {
    let line = {
        let _hidden = Hidden::start(terminal)?;
        line(terminal)?
    };
    match line.last() {
        None => Err(ErrorKind::UnexpectedEof.into()),
        Some(&CTRL_C) => {
            rustix::process::kill_process(rustix::process::getpid(), Signal::INT)?;
            Err(ErrorKind::Interrupted.into())
        }
        Some(_) => {
            let text = std::str::from_utf8(&line).map_err(|_| ErrorKind::InvalidData)?;
            Ok(Zeroizing::new(
                text.trim_end_matches(['\n', '\r']).to_owned(),
            ))
        }
    }
}

/// Reads to the end of the line, to Ctrl-C, or to the end of all.
fn line(mut terminal: &File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(8192));
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        let length = terminal.read(piece.as_mut_slice())?;
        line.extend_from_slice(&piece[..length]);
        if length == 0 || line.ends_with(b"\n") || line.ends_with(&[CTRL_C]) {
            return Ok(line);
        }
    }
}

/// A terminal without echo and signals, until dropped. The kernel's line editing stays.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn start(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal.as_fd())?;
        let mut hidden = before.clone();
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        // Ctrl-C ends the line, so that it is read at once.
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(terminal.as_fd(), OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that is gone needs no mending.
        let _ = tcsetattr(self.terminal.as_fd(), OptionalActions::Now, &self.before);
    }
}
