//! Revoking access tokens alone: the refresh token lives on, and brings the next.

use zoho_oauth::{AccessToken, AccountsDomain, ApiDomain, CustomHosts, Transport};

use super::{
    RevokeError,
    ask::ask,
    token::{Secret, Token},
};
use crate::{
    audit::{self, Event},
    clock::Timestamp,
    connection::{ConnectionName, access_token_place},
    vault::{Fingerprint, UnlockedVault, VaultError},
};

#[derive(sqlx::FromRow)]
struct Row {
    connection_id: String,
    app_id: String,
    api_domain: Option<String>,
    accounts_domain: String,
    credential: Vec<u8>,
    epoch: i64,
    sealed_token: Vec<u8>,
}

/// Revokes every access token of a connection that works, and returns how many there were. Whoever holds one has to
/// ask for another; the refresh token stays as it is.
///
/// # Errors
///
/// Those that were revoked before an error are not given any more; the same call once more goes on with the others.
pub async fn revoke_access_tokens(
    vault: &UnlockedVault,
    transport: &Transport,
    name: &ConnectionName,
) -> Result<u32, RevokeError> {
    let mut revoked = 0;
    for row in live(vault, name).await? {
        ask(vault, transport, &row.open(vault)?).await?;
        note(vault, &row).await.map_err(RevokeError::NotNoted)?;
        revoked += 1;
    }
    Ok(revoked)
}

async fn live(vault: &UnlockedVault, name: &ConnectionName) -> Result<Vec<Row>, VaultError> {
    let sql = "SELECT c.id AS connection_id, c.app_id, c.api_domain, a.accounts_domain, r.credential, r.epoch,
                 r.sealed_token
               FROM refreshes r JOIN connections c ON c.credential = r.credential
                 JOIN apps a ON a.id = c.app_id
               WHERE c.name = $1 AND c.removed_at IS NULL AND r.outcome = 'granted'
                 AND r.refused_ms IS NULL AND r.expires_ms > $2 AND r.sealed_token IS NOT NULL
               ORDER BY r.epoch";
    let query = sqlx::query_as(sql).bind(name.as_str());
    let query = query.bind(vault.clock().now());
    let rows = query.fetch_all(&vault.store().reader()).await;
    rows.map_err(|error| vault.store().error(error))
}

impl Row {
    fn open(&self, vault: &UnlockedVault) -> Result<Token, VaultError> {
        let damaged = |table, column| VaultError::Damaged {
            table,
            column,
            row: self.connection_id.clone(),
        };
        let api_domain = self.api_domain.as_deref().map(ApiDomain::parse).transpose();
        let api_domain = api_domain.map_err(|_| damaged("connections", "api_domain"))?;
        let accounts_domain = AccountsDomain::parse(&self.accounts_domain, CustomHosts::Allowed)
            .map_err(|_| damaged("apps", "accounts_domain"))?;
        let credential = <[u8; 32]>::try_from(self.credential.as_slice())
            .map_err(|_| damaged("connections", "credential"))?;
        let credential = Fingerprint::from(credential);
        let place = access_token_place(vault, credential, self.epoch, api_domain.as_ref());
        let token = vault.open(&place, &self.sealed_token, "an access token")?;
        Ok(Token {
            app_id: self.app_id.clone(),
            credential: self.credential.clone(),
            accounts_domain,
            secret: Secret::Access(AccessToken::new(token)),
        })
    }
}

async fn note(vault: &UnlockedVault, row: &Row) -> Result<(), VaultError> {
    let failed = |error| vault.store().error(error);
    let mut transaction = vault.store().begin().await?;
    // It is no report of a program, and counts for none.
    let long_ago = Timestamp::from_millis(0);
    let sql = "UPDATE refreshes SET refused_ms = $1 WHERE credential = $2 AND epoch = $3";
    let update = sqlx::query(sql).bind(long_ago).bind(&row.credential);
    let update = update.bind(row.epoch).execute(&mut *transaction).await;
    update.map_err(failed)?;
    let event = Event {
        event: "access_token_revoked",
        connection_id: Some(&row.connection_id),
        detail: format!("on request: the token of refresh {}", row.epoch),
    };
    let told = audit::append(&mut transaction, vault, event).await;
    told.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}
