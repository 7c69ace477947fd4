//! Reading values from files, standard input and commands: bounded, and without the newline at the end.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use super::stdin::IsTyped;
use crate::{
    cli::{error::CliError, output::Warning, redact::hide_token_as_path},
    environment::Environment,
};

/// More than any secret, variables file or self_client.json has.
const LIMIT: u64 = 64 * 1024;

/// Reads a whole file, and warns if others can read it too.
pub(crate) fn file(
    path: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: io::Error| {
        CliError::config(
            "file_unreadable",
            format!("cannot read {}", hide_token_as_path(path)),
        )
        .cause(error)
        .next("see that the path is right, and that the file is yours to read")
    };
    let mut opened = File::open(path).map_err(failed)?;
    let metadata = opened.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if others_can_read(&metadata) {
        warnings.push(Warning::new(
            "readable_by_others",
            format!(
                "others can read {}: chmod 600 keeps it to you",
                path.display()
            ),
        ));
    }
    bounded(&mut opened).map_err(failed)
}

/// Reads one secret from a file.
pub(crate) fn secret_file(
    path: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<Zeroizing<String>, CliError> {
    file(path, warnings).map(without_newline)
}

/// Reads one secret from standard input, to its end. `instead` says what to do where it would have to be typed.
pub(crate) fn secret_stdin(
    stdin: &mut dyn Read,
    flag: &str,
    instead: &str,
) -> Result<Zeroizing<String>, CliError> {
    let text = bounded(stdin).map_err(|error| match IsTyped::is(&error) {
        true => CliError::usage(
            "stdin_is_terminal",
            format!("nothing is piped into standard input, from which {flag} reads"),
        )
        .cause(error)
        .next(instead),
        false => CliError::config("stdin_unreadable", "cannot read standard input")
            .cause(error)
            .next("give the value in a file"),
    })?;
    Ok(without_newline(text))
}

/// Takes what a shell command prints as one secret. The command sees this environment and an empty standard input.
pub(crate) fn secret_command(
    command: &str,
    environment: &Environment,
) -> Result<Zeroizing<String>, CliError> {
    let failed = |cause: String| {
        CliError::config(
            "command_failed",
            "the command that should print a secret failed",
        )
        .cause(cause)
        .next("run the command by hand and see what it says")
    };
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env_clear()
        .envs(environment.iter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("/bin/sh: {error}")))?;
    // Unwrap safety: `Stdio::piped` above is what makes it `Some`, and nobody took it before.
    #[expect(clippy::unwrap_used, reason = "it was piped, and is taken once")]
    let printed = bounded(&mut child.stdout.take().unwrap());
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    printed
        .map(without_newline)
        .map_err(|error| failed(error.to_string()))
}

fn bounded(source: &mut dyn Read) -> io::Result<Zeroizing<String>> {
    // Room for all of it from the start: a buffer that grows leaves copies of a secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT as usize + 1));
    source.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::Error::other("it is no UTF-8 text"))?;
    Ok(Zeroizing::new(
        text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
    ))
}

fn without_newline(text: Zeroizing<String>) -> Zeroizing<String> {
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn others_can_read(metadata: &Metadata) -> bool {
    // Pipes, such as a shell's `<(…)`, have modes that say nothing.
    metadata.is_file() && metadata.permissions().mode() & 0o077 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    fn written(content: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        file
    }

    fn secret(content: &[u8]) -> Result<String, String> {
        let read = secret_file(written(content, 0o600).path(), &mut Vec::new());
        read.map(|text| text.to_string())
            .map_err(|error| error.to_text())
    }

    #[test]
    fn one_newline_at_the_end_is_not_part_of_a_secret() {
        for content in ["s3cret", "s3cret\n", "s3cret\r\n", "\u{feff}s3cret\n"] {
            assert_eq!(secret(content.as_bytes()).unwrap(), "s3cret");
        }
        assert_eq!(secret(b"s3cret\n\n").unwrap(), "s3cret\n");
        let mut stdin = "s3cret\n".as_bytes();
        assert_eq!(secret_stdin(&mut stdin, "", "").unwrap().as_str(), "s3cret");
    }

    #[test]
    fn a_file_that_cannot_be_a_secret_is_refused() {
        assert!(
            secret(&vec![b'a'; 65 * 1024])
                .unwrap_err()
                .contains("larger than 64 KiB")
        );
        assert!(secret(b"\xff\xfe").unwrap_err().contains("no UTF-8"));
        let error = file(Path::new("/nowhere/secret"), &mut Vec::new())
            .unwrap_err()
            .to_text();
        assert!(
            error.contains("cannot read /nowhere/secret\n  No such file"),
            "{error}"
        );
        assert!(file(Path::new("/"), &mut Vec::new()).is_err());
    }

    #[test]
    fn a_secret_in_the_place_of_a_file_is_not_shown() {
        let token = format!("1000.{}.{}", "ab".repeat(16), "cd".repeat(16));
        for secret in [token, "9f".repeat(21)] {
            let error = file(Path::new(&secret), &mut Vec::new()).unwrap_err();
            assert!(error.to_text().contains("cannot read [hidden]"), "{error}");
            assert!(!error.to_json().contains(&secret));
        }
    }

    #[test]
    fn a_file_that_others_can_read_brings_a_warning() {
        for (mode, warned) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)] {
            let mut warnings = Vec::new();
            file(written(b"x", mode).path(), &mut warnings).unwrap();
            assert_eq!(warnings.len(), warned, "{mode:o}");
        }
    }

    #[test]
    fn a_command_prints_a_secret() {
        let environment = Environment::from_iter([("NAME", "anna")]);
        let printed = secret_command("echo \"$NAME[$HOME]$(cat)\"", &environment).unwrap();
        assert_eq!(printed.as_str(), "anna[]");
        let error = secret_command("echo s3cret; exit 3", &environment).unwrap_err();
        assert!(error.to_text().contains("exit status: 3") && !error.to_text().contains("s3cret"));
        assert!(error.to_text().contains("run the command by hand"));
    }

    #[test]
    fn a_command_that_never_stops_printing_is_cut_off() {
        let error = secret_command("exec cat /dev/zero", &Environment::default()).unwrap_err();
        assert!(
            error
                .to_text()
                .contains("the command that should print a secret failed")
        );
    }
}
