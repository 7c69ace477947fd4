//! The tokens that can be revoked: a connection's own refresh token, those that it had before, and its access
//! tokens alone.

use bytes::Bytes;
use http::Request;
use zoho_oauth::{
    AccessToken, AccountsDomain, ApiDomain, ClientId, CustomHosts, RefreshToken, request,
};

use crate::{
    connection::refresh_token_place,
    vault::{UnlockedVault, VaultError},
};

/// A refresh token as it lies in the vault, with all parts of the place that it is sealed to.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Sealed {
    connection_id: String,
    app_id: String,
    api_domain: Option<String>,
    sealed: Vec<u8>,
    credential: Vec<u8>,
    client_id: String,
    accounts_domain: String,
}

/// A token in hand.
#[derive(Debug)]
pub(crate) struct Token {
    pub(super) app_id: String,
    pub(super) credential: Vec<u8>,
    pub(super) accounts_domain: AccountsDomain,
    pub(super) secret: Secret,
}

/// The token itself, by its kind.
#[derive(Debug)]
pub(super) enum Secret {
    Refresh(RefreshToken),
    Access(AccessToken),
}

impl Secret {
    pub(super) fn request(&self, accounts: &AccountsDomain) -> Request<Bytes> {
        match self {
            Self::Refresh(token) => request::revoke(accounts, token),
            Self::Access(token) => request::revoke_access_token(accounts, token),
        }
    }

    pub(super) fn request_as_app(
        &self,
        accounts: &AccountsDomain,
        app: request::App<'_>,
    ) -> Request<Bytes> {
        match self {
            Self::Refresh(token) => request::revoke_as_app(accounts, app, token),
            Self::Access(token) => request::revoke_access_token_as_app(accounts, app, token),
        }
    }
}

/// Finds the refresh token of a connection; `None` if it gets its access tokens without one.
pub(crate) async fn current(
    vault: &UnlockedVault,
    connection_id: &str,
) -> Result<Option<Sealed>, VaultError> {
    let sql =
        "SELECT c.id AS connection_id, c.app_id, c.api_domain, c.refresh_token_sealed AS sealed,
                 c.credential, a.client_id, a.accounts_domain
               FROM connections c JOIN apps a ON a.id = c.app_id
               WHERE c.id = $1 AND c.grant_type <> 'client_credentials'
                 AND c.refresh_token_sealed IS NOT NULL";
    Ok(select(vault, sql, connection_id).await?.pop())
}

/// Lists the refresh tokens that a connection had before and that work still, as far as is known,
/// the oldest first. One that is in use again is left out: an exchange that was recovered late may
/// have brought it back.
pub(super) async fn former(
    vault: &UnlockedVault,
    connection_id: &str,
) -> Result<Vec<Sealed>, VaultError> {
    let sql = "SELECT f.connection_id, f.app_id, f.api_domain, f.sealed, f.credential, a.client_id,
                 a.accounts_domain
               FROM former_refresh_tokens f JOIN apps a ON a.id = f.app_id
               WHERE f.connection_id = $1 AND f.revoked_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.credential = f.credential
                   AND c.state <> 'revoked' AND c.removed_at IS NULL)
               ORDER BY f.replaced_at, f.id";
    select(vault, sql, connection_id).await
}

async fn select(
    vault: &UnlockedVault,
    sql: &'static str,
    connection_id: &str,
) -> Result<Vec<Sealed>, VaultError> {
    let query = sqlx::query_as(sql).bind(connection_id);
    let found = query.fetch_all(&vault.store().reader()).await;
    found.map_err(|error| vault.store().error(error))
}

impl Sealed {
    pub(crate) fn open(&self, vault: &UnlockedVault) -> Result<Token, VaultError> {
        let damaged = |table, column| VaultError::Damaged {
            table,
            column,
            row: self.connection_id.clone(),
        };
        let api_domain = self.api_domain.as_deref().map(ApiDomain::parse).transpose();
        let api_domain = api_domain.map_err(|_| damaged("connections", "api_domain"))?;
        let accounts_domain = AccountsDomain::parse(&self.accounts_domain, CustomHosts::Allowed)
            .map_err(|_| damaged("apps", "accounts_domain"))?;
        let client_id = self.client_id.parse::<ClientId>();
        let client_id = client_id.map_err(|_| damaged("apps", "client_id"))?;
        let app = (&accounts_domain, &client_id);
        let place = refresh_token_place(vault, &self.connection_id, app, api_domain.as_ref());
        let token = vault.open(&place, &self.sealed, "the refresh token")?;
        Ok(Token {
            app_id: self.app_id.clone(),
            credential: self.credential.clone(),
            accounts_domain,
            secret: Secret::Refresh(RefreshToken::new(token)),
        })
    }
}
