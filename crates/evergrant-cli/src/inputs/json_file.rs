//! JSON objects with known members, as people save and edit them.

use std::path::Path;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::cli::error::CliError;

/// Parses a file's text as one JSON object. The error tells the place, never the text, which may be a secret.
pub(crate) fn object(text: &str, path: &Path) -> Result<Map<String, Value>, CliError> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(invalid(path, "it holds no JSON object")),
        Err(error) => Err(invalid(
            path,
            &format!(
                "it is no JSON: line {}, column {}",
                error.line(),
                error.column()
            ),
        )),
    }
}

/// Makes the error of a file whose content is not what it should be.
pub(crate) fn invalid(path: &Path, cause: &str) -> CliError {
    CliError::config("file_invalid", format!("cannot use {}", path.display())).cause(cause)
}

/// Adds what the files of an exchange are.
pub(crate) fn with_files_of_an_exchange(error: CliError) -> CliError {
    error.next("--self-client takes the file that the API console saves, --variables a JSON object of process variables")
}

/// Takes a text member; `null` and an absent member are none.
pub(crate) fn take_text(
    members: &mut Map<String, Value>,
    name: &'static str,
    path: &Path,
) -> Result<Option<Zeroizing<String>>, CliError> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Zeroizing::new(text))),
        Some(_) => Err(invalid(path, &format!("its {name} is no text"))),
    }
}
