//! The administrators' key.

use std::{io::ErrorKind, path::Path};

use evergrant::vault::master_key::KeyError;
use evergrant_server::AdminKey;

use crate::cli::{error::CliError, vault};

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
