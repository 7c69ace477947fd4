//! What keeps a caller from a token although its credentials are new.

use evergrant::{
    caller::{Caller, CallerConnection},
    clock::Timestamp,
    connection::ConnectionName,
    vault::Vault,
};
use evergrant_server::{explain::missing_scopes, time::rfc3339};

use crate::cli::{Context, error::CliError, output::Warning, vault};

/// Warns that a caller has expired, which new credentials do not change.
pub(super) fn warn_of_expired(caller: &Caller, now: Timestamp, context: &mut Context<'_>) {
    let Some(end) = caller.expires_at.filter(|end| *end <= now) else {
        return;
    };
    let name = &caller.name;
    let message = format!(
        "{name} expired at {} and stays so: it gets no token with these credentials either. To let it go on, add it anew: evergrant callers revoke {name}, then evergrant callers add {name} with what `evergrant callers show {name}` says, and another --expires",
        rfc3339(end)
    );
    context.output.warn(&Warning::new("expired", message));
}

/// Warns of each connection whose handle was revoked, so that the caller gets no token of it.
pub(super) fn warn_of_revoked(caller: &Caller, context: &mut Context<'_>) {
    let name = &caller.name;
    let mut lost: Vec<&ConnectionName> = Vec::new();
    for own in caller.connections.iter().filter(|own| !own.is_removed) {
        let works = |other: &&CallerConnection| {
            other.connection == own.connection && other.revoked_at.is_none() && !other.is_removed
        };
        if !caller.connections.iter().any(|other| works(&other)) && !lost.contains(&&own.connection)
        {
            lost.push(&own.connection);
        }
    }
    for connection in lost {
        let message = format!(
            "the handle of {name} for {connection} was revoked, and stays so: it gets no token of {connection} before a new one is made: evergrant callers connect {name} --connection {connection}"
        );
        context
            .output
            .warn(&Warning::new("handle_revoked", message));
    }
}

/// Warns of each of these connections that lacks a scope which the caller is narrowed to.
pub(super) async fn warn_of_scopes(
    caller: &Caller,
    connections: &[ConnectionName],
    vault: &Vault,
    context: &mut Context<'_>,
) -> Result<(), CliError> {
    let found = missing_scopes(caller, connections, vault).await;
    for warning in found.map_err(|error| vault::explain(&error))? {
        context.output.warn(&warning);
    }
    Ok(())
}
