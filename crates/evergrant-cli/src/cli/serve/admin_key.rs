//! The administrators' key.

use std::{fs, io::ErrorKind, path::Path};

use evergrant::vault::master_key::KeyError;
use evergrant_server::AdminKey;
use zeroize::Zeroizing;

use crate::{
    cli::{error::CliError, vault},
    environment::Environment,
};

/// The name of systemd's credential that is the key.
const CREDENTIAL: &str = "evergrant.admin-key";

/// Reads the key from what systemd hands to the service; None if that is not among it.
pub(super) fn handed(environment: &Environment) -> Result<Option<AdminKey>, CliError> {
    let folder = environment.path("CREDENTIALS_DIRECTORY");
    let Some(path) = folder.map(|folder| folder.join(CREDENTIAL)) else {
        return Ok(None);
    };
    // Whom it lets read is systemd's affair.
    let text = match fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("cannot read {}", path.display());
            return Err(CliError::config("admin_key", message).cause(error));
        }
    };
    let key = AdminKey::parse(&text, &path);
    key.map(Some).map_err(|error| {
        CliError::config("admin_key", "the server has no admin key")
            .causes_of(&error)
            .next(
                "let LoadCredential= name a file with a key: eva_ and 43 letters, digits, - and _",
            )
    })
}

/// Reads the key from its file, and makes it on first use. A service whose configuration is not its own to write has
/// none, unless it is `named`.
pub(super) fn read_or_make(
    named: Option<&Path>,
    usual: &Path,
) -> Result<Option<AdminKey>, CliError> {
    let path = named.unwrap_or(usual);
    match AdminKey::read_or_make(path, &mut vault::rng()) {
        Ok(key) => Ok(Some(key)),
        Err(error) if named.is_none() && is_unwritable(&error) => {
            tracing::warn!(%error, "there is no admin key: the JSON API is for the Unix socket only");
            Ok(None)
        }
        Err(error) => Err(explain(&error, path)),
    }
}

/// Reads the key again. Where the file has gone there is no new one: a server that runs goes on with the key that it
/// has.
pub(super) fn read_again(named: Option<&Path>, usual: &Path) -> Result<Option<AdminKey>, CliError> {
    let path = named.unwrap_or(usual);
    match AdminKey::read(path) {
        Ok(key) => Ok(Some(key)),
        Err(error @ KeyError::Missing { .. }) => {
            tracing::warn!(%error, "the admin key, if there was one, stays what it was");
            Ok(None)
        }
        Err(error) => Err(explain(&error, path)),
    }
}

fn is_unwritable(error: &KeyError) -> bool {
    let refused = [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem];
    matches!(error, KeyError::File { source, .. } if refused.contains(&source.kind()))
}

fn explain(error: &KeyError, path: &Path) -> CliError {
    let next = match error {
        KeyError::ReadableByOthers { .. } => format!("chmod 600 {}", path.display()),
        KeyError::NotAKey { .. } => format!("remove {}: a new one is made", path.display()),
        _ => "see that the file and its folder are yours to read and write".to_owned(),
    };
    CliError::config("admin_key", "the server has no admin key")
        .causes_of(error)
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_systemd_hands_over_is_taken_and_anything_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let environment = Environment::from_iter([("CREDENTIALS_DIRECTORY", path)]);
        assert!(handed(&Environment::default()).unwrap().is_none());
        assert!(handed(&environment).unwrap().is_none());
        let key = format!("eva_{}", "A".repeat(43));
        fs::write(folder.path().join(CREDENTIAL), format!("{key}\n")).unwrap();
        let read = handed(&environment).unwrap().unwrap();
        assert_eq!(read.expose_secret(), key);
        fs::write(folder.path().join(CREDENTIAL), "hunter2").unwrap();
        let refused = format!("{:?}", handed(&environment).unwrap_err());
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}
