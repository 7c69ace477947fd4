//! `exchange --replace --revoke-old`: what was replaced goes once the new refresh token is safe.

use evergrant::{
    connection::{self, ConnectionName},
    exchange::Kept,
    revoke,
    vault::UnlockedVault,
};
use zoho_oauth::{Transport, TransportConfig};

use super::amount;
use crate::{
    cli::{Context, output::Warning},
    lifecycle::StopSignals,
};

/// Revokes what the connection had before. The exchange is done, so that nothing here can fail it.
pub(crate) async fn old(
    vault: &UnlockedVault,
    transport: TransportConfig,
    kept: &Kept,
    context: &mut Context<'_>,
) {
    let Some(name) = kept.name.as_ref().filter(|_| kept.replaced) else {
        return;
    };
    let outcome = if kept.missing_scopes.is_empty() {
        revoke_former(vault, transport, name).await
    } else {
        // Whoever needs those scopes may have nothing but the old one.
        Err("the new refresh token lacks scopes".to_owned())
    };
    match outcome {
        Ok(revoked) => context.output.note(&format!("{name}: {}", amount(revoked))),
        Err(why) => {
            let text = format!(
                "the old refresh token is not revoked: {why}; to do it: evergrant revoke {name} --former"
            );
            context.output.warn(&Warning::new("old_not_revoked", text));
        }
    }
}

async fn revoke_former(
    vault: &UnlockedVault,
    transport: TransportConfig,
    name: &ConnectionName,
) -> Result<u32, String> {
    let found = connection::find(vault.vault(), name).await;
    let found = found.map_err(|error| error.to_string())?;
    let connection = found.ok_or("the connection was renamed or removed meanwhile")?;
    // The exchange took the signals over: without this, nobody could stop what comes after it.
    let mut signals = StopSignals::listen().map_err(|error| error.to_string())?;
    let transport = Transport::new(transport);
    let former = tokio::select! {
        former = revoke::revoke_former(vault, &transport, &connection.id) => former,
        _ = signals.next() => return Err("stopped".to_owned()),
    };
    let former = former.map_err(|error| error.to_string())?;
    match former.error {
        None => Ok(former.revoked),
        Some(error) => Err(error.to_string()),
    }
}
