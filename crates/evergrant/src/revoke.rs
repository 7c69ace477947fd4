//! Revoking: a refresh token and all that was made from it dies at Zoho first, and in the vault
//! second. Whatever breaks off in between is mended by the same call once more, for Zoho then says
//! that it does not know the token.

mod access;
mod ask;
mod error;
mod note;
pub(crate) mod token;

use zoho_oauth::Transport;

pub use self::{access::revoke_access_tokens, error::RevokeError};
use self::{ask::Answer, token::Sealed};
use crate::{
    connection::{self, ConnectionName, State},
    vault::UnlockedVault,
};

/// How a connection came to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Zoho has just revoked it.
    AtZoho,
    /// Zoho does not know its refresh token: it was revoked elsewhere, or pushed out.
    UnknownToZoho,
    /// The vault had it as revoked already; nothing was sent.
    Before,
}

/// What became of the former refresh tokens of a connection.
#[derive(Debug)]
pub struct Former {
    /// How many are revoked now and were not before.
    pub revoked: u32,
    /// How many could not be revoked: they stay, and keep their places at Zoho.
    pub left: u32,
    /// Why the first of those could not be; `None` if none is left.
    pub error: Option<RevokeError>,
}

/// Revokes the refresh token of a connection, and with it every access token. The connection stays
/// in the vault, as revoked.
///
/// # Errors
///
/// But for [`RevokeError::NotNoted`], nothing in the vault has changed.
pub async fn revoke(
    vault: &UnlockedVault,
    transport: &Transport,
    name: &ConnectionName,
) -> Result<Revoked, RevokeError> {
    let found = connection::find(vault.vault(), name).await?;
    let connection = found.ok_or_else(|| RevokeError::NotFound(name.clone()))?;
    if connection.state == State::Revoked {
        return Ok(Revoked::Before);
    }
    let sealed = token::current(vault, &connection.id).await?;
    let sealed = sealed.ok_or_else(|| RevokeError::NothingToRevoke(name.clone()))?;
    Ok(match revoke_one(vault, transport, &sealed).await? {
        Answer::Revoked => Revoked::AtZoho,
        Answer::Unknown => Revoked::UnknownToZoho,
    })
}

/// Revokes the refresh tokens that others took the place of in a connection, by its row's id. Where
/// one cannot be revoked the others are tried all the same, unless Zoho cannot be reached or wants
/// no more requests.
///
/// # Errors
///
/// If they cannot be listed. What befell one of them is in [`Former::error`].
pub async fn revoke_former(
    vault: &UnlockedVault,
    transport: &Transport,
    connection_id: &str,
) -> Result<Former, RevokeError> {
    let all = token::former(vault, connection_id).await?;
    let mut former = Former {
        revoked: 0,
        left: 0,
        error: None,
    };
    let mut waiting = all.iter();
    while let Some(sealed) = waiting.next() {
        let Err(error) = revoke_one(vault, transport, sealed).await else {
            former.revoked += 1;
            continue;
        };
        former.left += 1;
        let stops = error.stops_all();
        former.error.get_or_insert(error);
        if stops {
            former.left += u32::try_from(waiting.len()).unwrap_or(u32::MAX);
            break;
        }
    }
    Ok(former)
}

async fn revoke_one(
    vault: &UnlockedVault,
    transport: &Transport,
    sealed: &Sealed,
) -> Result<Answer, RevokeError> {
    let token = sealed.open(vault)?;
    let answer = ask::ask(vault, transport, &token).await?;
    let noted = note::dead(vault, &token.credential, answer).await;
    noted.map_err(RevokeError::NotNoted)?;
    Ok(answer)
}
