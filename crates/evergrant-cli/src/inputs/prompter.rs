//! Asking a person.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, ErrorKind, Write},
};

use zeroize::Zeroizing;

use super::echo::hidden_line;

/// Someone who can be asked.
pub(crate) trait Prompter {
    /// Shows a text.
    fn say(&mut self, text: &str) -> io::Result<()>;

    /// Asks for a line that everybody may see.
    fn ask(&mut self, question: &str) -> io::Result<String>;

    /// Asks for a line that is not shown while it is typed.
    fn ask_hidden(&mut self, question: &str) -> io::Result<Zeroizing<String>>;

    /// Asks for a yes; anything else is a no.
    fn confirm(&mut self, question: &str) -> io::Result<bool> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }
}

/// The terminal that the program was started from, whatever its standard streams are.
pub(crate) struct Terminal {
    device: File,
}

impl Terminal {
    /// Opens the terminal; fails without one, as in a service or a scheduled job.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            device: OpenOptions::new().read(true).write(true).open("/dev/tty")?,
        })
    }
}

impl Prompter for Terminal {
    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.device, "{text}")
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        write!(self.device, "{question}")?;
        self.device.flush()?;
        // A terminal hands over one line at a time, so the buffer holds nothing that the next question needs.
        let mut line = String::new();
        match BufReader::new(&self.device).read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
        }
    }

    fn ask_hidden(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        write!(self.device, "{question}")?;
        self.device.flush()?;
        let answer = hidden_line(&self.device);
        // The person's own line break was hidden too.
        writeln!(self.device)?;
        answer
    }
}

/// A person who gives prepared answers, and a record of what they were shown.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: std::collections::VecDeque<&'static str>,
    pub(crate) shown: String,
}

#[cfg(test)]
impl Script {
    /// Makes a person with these answers; after the last one they leave.
    pub(crate) fn new(answers: &[&'static str]) -> Self {
        Self {
            answers: answers.iter().copied().collect(),
            shown: String::new(),
        }
    }

    fn answer(&mut self, question: &str, shows: bool) -> io::Result<String> {
        let answer = self.answers.pop_front().ok_or(ErrorKind::UnexpectedEof)?;
        let visible = if shows { answer } else { "" };
        self.shown += &format!("{question}{visible}\n");
        Ok(answer.to_owned())
    }
}

#[cfg(test)]
impl Prompter for Script {
    fn say(&mut self, text: &str) -> io::Result<()> {
        self.shown += &format!("{text}\n");
        Ok(())
    }

    fn ask(&mut self, question: &str) -> io::Result<String> {
        self.answer(question, true)
    }

    fn ask_hidden(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        self.answer(question, false).map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_yes_is_a_yes() {
        for (answer, agreed) in [
            ("y", true),
            (" YES ", true),
            ("", false),
            ("n", false),
            ("yep", false),
        ] {
            assert_eq!(
                Script::new(&[answer]).confirm("Delete it?").unwrap(),
                agreed,
                "{answer}"
            );
        }
    }

    /// Asks at a real terminal; `the_terminal_hides_what_is_hidden` starts it on one.
    #[test]
    #[ignore = "started by another test, on a terminal"]
    fn on_a_terminal() {
        let mut terminal = Terminal::open().unwrap();
        terminal.say("Hello").unwrap();
        let name = terminal.ask("Client ID: ").unwrap();
        let secret = terminal.ask_hidden("Client secret (hidden): ").unwrap();
        let again = terminal.ask("Again: ").unwrap();
        let left = terminal.ask("Nothing: ").unwrap_err();
        terminal
            .say(&format!(
                "[{name}] [{}] [{again}] [{:?}]",
                secret.len(),
                left.kind()
            ))
            .unwrap();
    }

    /// Runs `on_a_terminal` with a person who gives these answers; returns their screen and what was left of the
    /// terminal.
    fn screen(answers: &[&str]) -> (String, String) {
        let mut python = Command::new("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person.py"));
        python.args(answers).arg("--");
        python.arg(std::env::current_exe().unwrap());
        python.args([
            "--ignored",
            "--exact",
            "inputs::prompter::tests::on_a_terminal",
            "--nocapture",
        ]);
        let output = python.output().unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    const SECRET: &str = "!Client secret (hidden): =";

    #[test]
    fn the_terminal_hides_what_is_hidden() {
        let secret = format!("{SECRET}s3cret");
        let (screen, left) = screen(&[
            "Client ID: =1000.A",
            &secret,
            "Again: =x",
            "Nothing: =\u{4}",
        ]);
        assert!(
            screen.contains("[1000.A] [6] [x] [UnexpectedEof]"),
            "{screen}\n{left}"
        );
        assert!(!screen.contains("s3cret"), "{screen}");
        assert_eq!(left, "exit code 0, typing is shown\n");
    }

    #[test]
    fn a_hidden_line_can_be_edited() {
        let secret = format!("{SECRET}wrong\u{15}s3crett\u{7f}");
        let (screen, left) = screen(&[
            "Client ID: =1000.A",
            &secret,
            "Again: =x",
            "Nothing: =\u{4}",
        ]);
        assert!(screen.contains("[1000.A] [6] [x]"), "{screen}\n{left}");
    }

    #[test]
    fn ctrl_c_ends_the_program_and_leaves_the_terminal_as_it_was() {
        let secret = format!("{SECRET}s3\u{3}");
        let (screen, left) = screen(&["Client ID: =1000.A", &secret]);
        assert!(!screen.contains("Again"), "{screen}");
        assert_eq!(left, "exit code -2, typing is shown\n");
    }
}
