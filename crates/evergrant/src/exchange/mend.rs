//! Connections that the vault took and does not give back: their replies are still in escrow.

use super::journal;
use crate::{
    connection::ConnectionName,
    revoke::token,
    vault::{UnlockedVault, VaultError, escrow::ExchangeId},
};

/// Finds the connection that an exchange has brought, if the refresh token in its row does not open; `None` also if there
/// is no such connection any more.
///
/// # Errors
///
/// If the vault cannot be read.
pub(super) async fn damaged(
    vault: &UnlockedVault,
    id: ExchangeId,
) -> Result<Option<ConnectionName>, VaultError> {
    let Some((row, name)) = journal::brought(vault, id).await? else {
        return Ok(None);
    };
    let sealed = token::current(vault, &row).await?;
    match sealed.map(|sealed| sealed.open(vault)) {
        Some(Err(error @ (VaultError::Sealed { .. } | VaultError::Damaged { .. }))) => {
            tracing::warn!(connection = %name, %error, "what the vault took does not open");
            Ok(Some(name))
        }
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Ok(None),
    }
}
