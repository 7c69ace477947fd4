//! What keeps a caller from what it was added for.

use evergrant::{
    caller::Caller,
    connection::{self, ConnectionName},
    vault::{Vault, VaultError},
};
use zoho_oauth::Scopes;

use super::Warning;

/// Returns what a caller that is narrowed to `wanted` gets at a connection that has `held`; `None` if that is all of
/// it, as far as is known: of scopes that nobody told, none is known to lack.
pub(crate) fn lacking(wanted: &Scopes, held: &Scopes) -> Option<Scopes> {
    let lacks = !held.is_empty() && !held.missing(wanted).is_empty();
    lacks.then(|| held.common(wanted))
}

/// Warns of each of these connections that lacks a scope which the caller is narrowed to.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn missing_scopes(
    caller: &Caller,
    connections: &[ConnectionName],
    vault: &Vault,
) -> Result<Vec<Warning>, VaultError> {
    let name = &caller.name;
    let mut warnings = Vec::new();
    for connection in connections {
        let Some(found) = connection::find(vault, connection).await? else {
            continue;
        };
        let Some(left) = lacking(&caller.scopes, &found.scopes) else {
            continue;
        };
        let gets = match left.is_empty() {
            true => "nothing".to_owned(),
            false => left.to_console_string(),
        };
        let message = format!(
            "{connection} has no scope {}: of its scopes, {name} gets {gets} there, until a grant token with more is exchanged: evergrant exchange {connection} --replace",
            found.scopes.missing(&caller.scopes).to_console_string()
        );
        warnings.push(Warning::new("scope_missing", message));
    }
    Ok(warnings)
}
