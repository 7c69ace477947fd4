//! The short way of `evergrant token`: one question to a running server, before anything else has started.
//!
//! It takes the plain forms only. Whatever else is asked for, whatever is odd: the usual way begins anew, which asks
//! the same server.

use std::{
    ffi::OsString,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    time::Duration,
};

use evergrant::connection::ConnectionName;

use crate::{
    cli::{
        GlobalOptions,
        error::CliError,
        output::{Output, Streams},
        token::format::Format,
    },
    duration,
    environment::Environment,
    socket::{self, Found, Given, Wish},
};

/// What a plain command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Plain {
    name: ConnectionName,
    min_valid: Option<Duration>,
    format: Format,
    json: bool,
}

/// Answers a plain `evergrant token` by asking a running server; `None` if that is not what was asked for, or if no
/// server answers.
pub fn short_way(arguments: &[OsString], environment: &Environment) -> Option<ExitCode> {
    let plain = Plain::of(arguments)?;
    // What is to be logged is logged the usual way.
    if environment.path("EVERGRANT_LOG").is_some() {
        return None;
    }
    for place in socket::places(None, environment) {
        let stream = match socket::connect(&place) {
            Found::Server(stream) => stream,
            Found::Nobody => continue,
            // The usual way says so.
            Found::Untrusted => return None,
        };
        let wish = Wish {
            name: &plain.name,
            min_valid: plain.min_valid,
            strict: false,
        };
        match socket::token(stream, &wish).transpose() {
            Some(answer) => return Some(plain.end(answer)),
            None => continue,
        }
    }
    None
}

impl Plain {
    /// Reads `token NAME` with `--json`, `--format plain|header|json` and `--min-valid D`, each at most once; `None`
    /// for anything else.
    fn of(arguments: &[OsString]) -> Option<Self> {
        let mut words = arguments.iter().skip(1).map(|word| word.to_str());
        if words.next()? != Some("token") {
            return None;
        }
        let (mut name, mut min_valid, mut format, mut json) = (None, None, None, false);
        while let Some(word) = words.next() {
            let word = word?;
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
                _ => (word, None),
            };
            match flag {
                "--json" if value.is_none() && !json => json = true,
                "--format" if format.is_none() => {
                    format = Some(match value.or_else(|| words.next().flatten())? {
                        "plain" => Format::Plain,
                        "header" => Format::Header,
                        "json" => Format::Json,
                        _ => return None,
                    });
                }
                "--min-valid" if min_valid.is_none() => {
                    let value = value.or_else(|| words.next().flatten())?;
                    min_valid = Some(duration::parse(value).ok()?);
                }
                _ if name.is_none() => name = Some(word.parse().ok()?),
                _ => return None,
            }
        }
        let format = match (format, json) {
            (None | Some(Format::Json), true) => Format::Json,
            (Some(_), true) => return None,
            (format, false) => format.unwrap_or(Format::Plain),
        };
        Some(Self {
            name: name?,
            min_valid,
            format,
            json,
        })
    }

    /// Prints what the server said.
    fn end(&self, answer: Result<Given, CliError>) -> ExitCode {
        let text = answer.as_ref().ok().and_then(|given| {
            let token = given.token()?;
            given
                .warnings()
                .is_empty()
                .then(|| self.format.text(&token).ok())?
        });
        let written = text.map(|text| write(&text));
        match written {
            Some(Ok(())) => ExitCode::SUCCESS,
            _ => self.end_with_words(answer),
        }
    }

    /// Prints what there is more to say, as the usual way does.
    fn end_with_words(&self, answer: Result<Given, CliError>) -> ExitCode {
        let options = GlobalOptions {
            json: self.json,
            ..GlobalOptions::default()
        };
        let Streams { stdout, stderr, .. } = Streams::of_process();
        let mut output = Output::new(stdout, stderr, &options);
        let printed = answer.and_then(|given| {
            given.warnings().iter().for_each(|found| output.warn(found));
            // Unwrap safety: what is no token was not given.
            let token = given.token().expect("a token");
            let text = self.format.text(&token)?;
            output.data(&text)
        });
        match printed {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                output.error(&error);
                ExitCode::from(error.exit_code())
            }
        }
    }
}

/// Writes to standard output; a reader that has gone away has what it wanted.
fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &str) -> Option<Plain> {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        Plain::of(&words)
    }

    #[test]
    fn plain_forms_are_read() {
        let plain = |format, min_valid, json| {
            Some(Plain {
                name: "acme".parse().unwrap(),
                min_valid: Option::map(min_valid, Duration::from_secs),
                format,
                json,
            })
        };
        assert_eq!(
            of("evergrant token acme"),
            plain(Format::Plain, None, false)
        );
        assert_eq!(
            of("evergrant token --json acme"),
            plain(Format::Json, None, true)
        );
        assert_eq!(
            of("evergrant token acme --format=header --min-valid 30m"),
            plain(Format::Header, Some(1800), false)
        );
        assert_eq!(
            of("x token acme --json --format json --min-valid=5"),
            plain(Format::Json, Some(5), true)
        );
    }

    #[test]
    fn everything_else_goes_the_usual_way() {
        for line in [
            "evergrant",
            "evergrant status acme",
            "evergrant token",
            "evergrant --json token acme",
            "evergrant token acme other",
            "evergrant token Acme",
            "evergrant token acme --help",
            "evergrant token acme --json --json",
            "evergrant token acme --json=yes",
            "evergrant token acme --json --format plain",
            "evergrant token acme --format shell",
            "evergrant token acme --format",
            "evergrant token acme --min-valid soon",
            "evergrant token acme --strict",
            "evergrant token acme --home /elsewhere",
            "evergrant token -- acme",
            "evergrant token acme -v",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read_or_not(words in proptest::collection::vec(".{0,12}", 0..6)) {
            let words: Vec<OsString> = words.into_iter().map(Into::into).collect();
            let _ = Plain::of(&words);
        }
    }
}
