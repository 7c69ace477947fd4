//! The access token of a connection, as far as one is in the vault.

use zoho_oauth::{AccessToken, ApiDomain};

use super::{ConnectionName, store::access_token_place};
use crate::{
    clock::Timestamp,
    vault::{Fingerprint, UnlockedVault, VaultError},
};

/// An access token, where it may be sent, and until when it works.
#[derive(Clone, Debug)]
pub struct LiveToken {
    /// The token.
    pub access_token: AccessToken,
    /// Where it goes, and nowhere else.
    pub api_domain: ApiDomain,
    /// When it dies.
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    credential: Vec<u8>,
    epoch: i64,
    sealed_token: Vec<u8>,
    expires_ms: Timestamp,
    api_domain: Option<String>,
}

/// Finds the longest-lived access token of a connection that works now; `None` if there is none, or
/// if the connection has no API domain to send it to.
pub async fn live_token(
    vault: &UnlockedVault,
    name: &ConnectionName,
) -> Result<Option<LiveToken>, VaultError> {
    let sql = "SELECT r.credential, r.epoch, r.sealed_token, r.expires_ms, c.api_domain
               FROM connections c JOIN refreshes r ON r.credential = c.credential
               WHERE c.name = $1 AND c.removed_at IS NULL AND r.outcome = 'granted'
                 AND r.refused_ms IS NULL AND r.expires_ms > $2
               ORDER BY r.expires_ms DESC LIMIT 1";
    let query = sqlx::query_as::<_, Row>(sql)
        .bind(name.as_str())
        .bind(vault.clock().now());
    let row = query.fetch_optional(vault.store().reader()).await;
    let row = row.map_err(|error| vault.store().error(error))?;
    row.map_or(Ok(None), |row| open(vault, &row))
}

fn open(vault: &UnlockedVault, row: &Row) -> Result<Option<LiveToken>, VaultError> {
    let damaged = |column| {
        let row = format!(
            "{}/{}",
            base16ct::lower::encode_string(&row.credential),
            row.epoch
        );
        VaultError::Damaged {
            table: "refreshes",
            column,
            row,
        }
    };
    let Some(api_domain) = &row.api_domain else {
        return Ok(None);
    };
    let api_domain = ApiDomain::parse(api_domain).map_err(|_| damaged("api_domain"))?;
    let credential = <[u8; 32]>::try_from(row.credential.as_slice());
    let credential = Fingerprint::from(credential.map_err(|_| damaged("credential"))?);
    let place = access_token_place(vault, credential, row.epoch, Some(&api_domain));
    let token = vault.open(&place, &row.sealed_token, "an access token")?;
    let expires_at = row.expires_ms;
    Ok(Some(LiveToken {
        access_token: AccessToken::new(token),
        api_domain,
        expires_at,
    }))
}
