//! Master keys: where they come from, and the file that is made on first use.

use std::{
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fs_err as fs;
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    key_file,
    seal::{Keyring, MasterKey},
};

/// How a written key begins; the rest are 64 hexadecimal digits.
const PREFIX: &str = "evergrant-master-key:";

/// A place where a master key is kept.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A file that only its owner can read.
    File(PathBuf),
    /// A value somebody else fetched, from an environment variable for example.
    Value {
        /// What to call it in a message.
        origin: String,
        /// The key as text.
        text: SecretString,
    },
    /// A program; the key is what it prints.
    Command(KeyCommand),
}

/// A program that prints a master key.
#[derive(Clone)]
pub struct KeyCommand {
    /// Its name and its arguments.
    pub words: Vec<String>,
    /// The environment variables that it sees, and no others.
    pub environment: Vec<(OsString, OsString)>,
}

impl fmt::Debug for KeyCommand {
    /// Leaves the environment out, which may hold a proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyCommand")
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Value { origin, .. } => f.write_str(origin),
            Self::Command(command) => {
                let program = command.words.first().map_or("", String::as_str);
                write!(f, "command `{program}`")
            }
        }
    }
}

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Others than its owner can read the file.
    #[error("others can read the key file {path} (mode {mode:03o})")]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file belongs to another user.
    #[error("the key file {path} belongs to another user")]
    OwnedByOther {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("there is no key file {path}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The text is no key.
    #[error("{origin} does not hold {kind}")]
    NotAKey {
        /// Where the text came from.
        origin: String,
        /// What it should be.
        kind: &'static str,
    },
    /// The command could not be run, or failed.
    #[error("the master key's {origin} failed: {reason}")]
    Command {
        /// The command's name.
        origin: String,
        /// Its exit status, or why it did not start.
        reason: String,
    },
    /// The file cannot be read or made.
    #[error("cannot read or make the key file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No source was named.
    #[error("no master key is configured")]
    NoSource,
}

/// Reads the keys of all sources: the first seals, every one opens.
///
/// # Errors
///
/// If there is no source, or if one of them brings no key.
pub fn read(sources: &[KeySource]) -> Result<Keyring, KeyError> {
    let mut keys = sources
        .iter()
        .map(read_one)
        .collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err(KeyError::NoSource);
    }
    let first = keys.remove(0);
    Ok(Keyring::new(first, keys))
}

/// Makes the key file `path` unless it is there, durably, and returns what is there afterwards.
///
/// Of two processes that make it at once, both use the winner's.
pub(crate) fn make_file(path: &Path, rng: &mut dyn CryptoRng) -> Result<MasterKey, KeyError> {
    let key = MasterKey::generate(rng);
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 64));
    text.push_str(PREFIX);
    text.push_str(&Zeroizing::new(base16ct::lower::encode_string(
        key.expose_bytes(),
    )));
    key_file::make(path, &text)?;
    read_file(path)
}

fn read_one(source: &KeySource) -> Result<MasterKey, KeyError> {
    match source {
        KeySource::File(path) => read_file(path),
        KeySource::Value { origin, text } => parse(text.expose_secret(), origin),
        KeySource::Command(command) => read_command(source, command),
    }
}

fn read_file(path: &Path) -> Result<MasterKey, KeyError> {
    parse(&key_file::read(path)?, &path.display().to_string())
}

fn read_command(source: &KeySource, command: &KeyCommand) -> Result<MasterKey, KeyError> {
    let failed = |reason: String| KeyError::Command {
        origin: source.to_string(),
        reason,
    };
    let (program, arguments) = command
        .words
        .split_first()
        .ok_or_else(|| failed("no command".into()))?;
    let environment = command
        .environment
        .iter()
        .map(|(name, value)| (name, value));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let stdout = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    parse(&String::from_utf8_lossy(&stdout), &source.to_string())
}

fn parse(text: &str, origin: &str) -> Result<MasterKey, KeyError> {
    let text = text.trim();
    let digits = text.strip_prefix(PREFIX).unwrap_or(text);
    let mut bytes = Zeroizing::new([0; 32]);
    match base16ct::mixed::decode(digits, &mut *bytes) {
        Ok(decoded) if decoded.len() == 32 => Ok(MasterKey::new(bytes)),
        _ => Err(KeyError::NotAKey {
            origin: origin.to_owned(),
            kind: "a master key",
        }),
    }
}

/// Tells whether a key file is there, without reading it.
pub(crate) fn exists(path: &Path) -> Result<bool, KeyError> {
    let found = fs::symlink_metadata(path);
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(KeyError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::vault::seal::{Label, Place};

    fn source(text: &str) -> KeySource {
        KeySource::Value {
            origin: "EVERGRANT_MASTER_KEY".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_made_key_is_read_back_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evergrant").join("master.key");
        let made = make_file(&path, &mut StdRng::seed_from_u64(1)).unwrap();
        let again = make_file(&path, &mut StdRng::seed_from_u64(2)).unwrap();
        assert_eq!(made.id(), again.id());
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let keyring = read(&[KeySource::File(path)]).unwrap();
        assert_eq!(keyring.sealing_key().id(), made.id());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        make_file(&path, &mut StdRng::seed_from_u64(1)).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let refused = read(&[KeySource::File(path)]).unwrap_err();
        assert!(
            matches!(refused, KeyError::ReadableByOthers { mode: 0o640, .. }),
            "{refused}"
        );
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        make_file(&path, &mut StdRng::seed_from_u64(1)).unwrap();
        let link = folder.path().join("link.key");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(
            read(&[KeySource::File(link)]),
            Err(KeyError::File { .. })
        ));
    }

    #[test]
    fn text_is_a_key_with_and_without_its_prefix() {
        let digits = "0f".repeat(32);
        let plain = read(&[source(&digits)]).unwrap();
        let prefixed = read(&[source(&format!("{PREFIX}{}\n", digits.to_uppercase()))]).unwrap();
        assert_eq!(plain.sealing_key().id(), prefixed.sealing_key().id());
        for wrong in ["", "0f0f", &"zz".repeat(32), &"0f".repeat(33)] {
            let refused = read(&[source(wrong)]).unwrap_err().to_string();
            assert_eq!(refused, "EVERGRANT_MASTER_KEY does not hold a master key");
        }
    }

    #[test]
    fn a_command_prints_the_key() {
        let words = |script: &str| {
            KeySource::Command(KeyCommand {
                words: ["sh", "-c", script].map(str::to_owned).to_vec(),
                environment: vec![("DIGITS".into(), "0a".repeat(32).into())],
            })
        };
        let digits = "0a".repeat(32);
        let keyring = read(&[words("echo $DIGITS$HOME")]).unwrap();
        assert_eq!(
            keyring.sealing_key().id(),
            read(&[source(&digits)]).unwrap().sealing_key().id()
        );
        let failed = read(&[words("echo secret-canary; exit 3")])
            .unwrap_err()
            .to_string();
        assert!(
            failed.contains("exit status: 3") && !failed.contains("canary"),
            "{failed}"
        );
    }

    #[test]
    fn the_first_source_seals() {
        let keyring = read(&[source(&"01".repeat(32)), source(&"02".repeat(32))]).unwrap();
        let [first, second] = ["01", "02"].map(|key| read(&[source(&key.repeat(32))]).unwrap());
        assert_eq!(keyring.sealing_key().id(), first.sealing_key().id());
        let place = Place::new(Label::Vault, [b"place".as_slice()]);
        let sealed = second.seal(&place, b"secret", &mut StdRng::seed_from_u64(1));
        assert_eq!(*keyring.open(&place, &sealed).unwrap(), b"secret");
        assert!(matches!(read(&[]), Err(KeyError::NoSource)));
    }
}
