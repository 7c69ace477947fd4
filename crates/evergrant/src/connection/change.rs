//! Changing a connection: its name, its API domain, whether it is there.

use rand::CryptoRng;
use sqlx::{Sqlite, SqliteConnection, Transaction};
use zoho_oauth::{AccountsDomain, ApiDomain, ClientId, CustomHosts, Scopes};

use super::{
    ConnectionName, is_taken,
    store::{access_token_place, refresh_token_place},
};
use crate::{
    audit::{self, Event},
    caller,
    vault::{Fingerprint, UnlockedVault, VaultError},
};

/// Why a connection was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is none of this name.
    #[error("there is no connection {0}")]
    NotFound(ConnectionName),
    /// The new name is another connection's.
    #[error("the name {0} is taken")]
    NameTaken(ConnectionName),
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    credential: Vec<u8>,
    refresh_token_sealed: Option<Vec<u8>>,
    api_domain: Option<String>,
    client_id: String,
    accounts_domain: String,
}

/// Gives a connection another name.
///
/// # Errors
///
/// If there is no connection `from`, or if the name `to` is another's; or the vault's.
pub async fn rename(
    vault: &UnlockedVault,
    from: &ConnectionName,
    to: &ConnectionName,
) -> Result<(), ChangeError> {
    let mut transaction = vault.store().begin().await?;
    let row = find(&mut transaction, vault, from).await?;
    let taken = is_taken(&mut *transaction, to).await;
    if taken.map_err(|error| vault.store().error(error))? {
        return Err(ChangeError::NameTaken(to.clone()));
    }
    let update = sqlx::query("UPDATE connections SET name = $1 WHERE id = $2").bind(to.as_str());
    let updated = update.bind(&row.id).execute(&mut *transaction).await;
    updated.map_err(|error| vault.store().error(error))?;
    tell_callers(&mut transaction, vault, &row).await?;
    let detail = format!("{from} to {to}");
    commit(transaction, vault, &row.id, "connection_renamed", detail).await
}

/// Takes a connection out of use. Its refresh token stays sealed in the vault, and keeps its place
/// at Zoho until it is revoked there.
///
/// # Errors
///
/// [`ChangeError::NotFound`], or the vault's.
pub async fn remove(vault: &UnlockedVault, name: &ConnectionName) -> Result<(), ChangeError> {
    let mut transaction = vault.store().begin().await?;
    let row = find(&mut transaction, vault, name).await?;
    let update = sqlx::query("UPDATE connections SET removed_at = $1 WHERE id = $2");
    let update = update.bind(vault.clock().now()).bind(&row.id);
    let updated = update.execute(&mut *transaction).await;
    updated.map_err(|error| vault.store().error(error))?;
    tell_callers(&mut transaction, vault, &row).await?;
    commit(
        transaction,
        vault,
        &row.id,
        "connection_removed",
        name.to_string(),
    )
    .await
}

/// Says where a connection's access tokens go. Its tokens are sealed to that, so they are sealed
/// anew.
///
/// # Errors
///
/// [`ChangeError::NotFound`], or the vault's: a token that does not open is not sealed anew, and then nothing
/// is changed.
pub async fn set_api_domain(
    vault: &UnlockedVault,
    name: &ConnectionName,
    api_domain: &ApiDomain,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), ChangeError> {
    let mut transaction = vault.store().begin().await?;
    let row = find(&mut transaction, vault, name).await?;
    move_to(&mut transaction, vault, &row, api_domain, rng).await?;
    let detail = api_domain.to_string();
    commit(transaction, vault, &row.id, "api_domain_set", detail).await
}

/// Says where a connection's access tokens go that did not know it, in the caller's transaction, and returns
/// where they go now: whoever set it meanwhile knows better. `None` if nobody knows.
///
/// Goes by the row and its credential: the name may be another connection's by now, and the refresh token
/// may be replaced; then nothing is changed and `before` is returned.
pub(crate) async fn learn_api_domain(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    (id, credential): (&str, &[u8]),
    learned: Option<&ApiDomain>,
    before: Option<&ApiDomain>,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Option<ApiDomain>, VaultError> {
    let sql = "SELECT c.id, c.credential, c.refresh_token_sealed, c.api_domain, a.client_id,
                 a.accounts_domain
               FROM connections c JOIN apps a ON a.id = c.app_id
               WHERE c.id = $1 AND c.credential = $2";
    let found = sqlx::query_as::<_, Row>(sql).bind(id).bind(credential);
    let found = found.fetch_optional(&mut *connection).await;
    let Some(row) = found.map_err(|error| vault.store().error(error))? else {
        return Ok(before.cloned());
    };
    if let Some(now) = &row.api_domain {
        let now = ApiDomain::parse(now).map_err(|_| damaged(&row, "api_domain"))?;
        return Ok(Some(now));
    }
    if let Some(learned) = learned {
        move_to(connection, vault, &row, learned, rng).await?;
    }
    Ok(learned.cloned())
}

/// Notes what the connections of a credential may do that did not know it, in the caller's transaction.
pub(crate) async fn learn_scopes(
    connection: &mut SqliteConnection,
    credential: &[u8],
    scopes: &Scopes,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE connections SET scopes = $1 WHERE credential = $2 AND scopes = ''";
    let update = sqlx::query(sql).bind(scopes.to_string()).bind(credential);
    update.execute(connection).await.map(drop)
}

async fn move_to(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    row: &Row,
    api_domain: &ApiDomain,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), VaultError> {
    let (accounts_domain, client_id) = app_of(row)?;
    let app = (&accounts_domain, &client_id);
    let old = row.api_domain.as_deref().map(ApiDomain::parse).transpose();
    let old = old.map_err(|_| damaged(row, "api_domain"))?;

    let sealed = match &row.refresh_token_sealed {
        Some(sealed) => {
            let place = refresh_token_place(vault, &row.id, app, old.as_ref());
            let token = vault.open(&place, sealed, "the refresh token")?;
            let place = refresh_token_place(vault, &row.id, app, Some(api_domain));
            Some(vault.keyring.seal(&place, token.as_bytes(), rng))
        }
        None => None,
    };
    let sql = "UPDATE connections SET api_domain = $1, refresh_token_sealed = $2 WHERE id = $3";
    let update = sqlx::query(sql)
        .bind(api_domain.as_str())
        .bind(sealed)
        .bind(&row.id);
    let updated = update.execute(&mut *connection).await;
    updated.map_err(|error| vault.store().error(error))?;
    reseal_access_tokens(connection, vault, row, old.as_ref(), api_domain, rng).await
}

async fn reseal_access_tokens(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    row: &Row,
    old: Option<&ApiDomain>,
    new: &ApiDomain,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), VaultError> {
    let failed = |error| vault.store().error(error);
    let credential = <[u8; 32]>::try_from(row.credential.as_slice());
    let credential = Fingerprint::from(credential.map_err(|_| damaged(row, "credential"))?);
    let sql = "SELECT epoch, sealed_token FROM refreshes
               WHERE credential = $1 AND sealed_token IS NOT NULL AND expires_ms > $2";
    let query = sqlx::query_as(sql)
        .bind(&row.credential)
        .bind(vault.clock().now());
    let live: Vec<(i64, Vec<u8>)> = query.fetch_all(&mut *connection).await.map_err(failed)?;
    for (epoch, sealed) in live {
        let place = access_token_place(vault, credential, epoch, old);
        let token = vault.open(&place, &sealed, "an access token")?;
        let place = access_token_place(vault, credential, epoch, Some(new));
        let sealed = vault.keyring.seal(&place, token.as_bytes(), rng);
        let sql = "UPDATE refreshes SET sealed_token = $1 WHERE credential = $2 AND epoch = $3";
        let update = sqlx::query(sql)
            .bind(sealed)
            .bind(&row.credential)
            .bind(epoch);
        update.execute(&mut *connection).await.map_err(failed)?;
    }
    Ok(())
}

async fn tell_callers(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    row: &Row,
) -> Result<(), VaultError> {
    let told = caller::connection_changed(connection, &row.id).await;
    told.map_err(|error| vault.store().error(error))
}

async fn find(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    name: &ConnectionName,
) -> Result<Row, ChangeError> {
    let sql = "SELECT c.id, c.credential, c.refresh_token_sealed, c.api_domain, a.client_id,
                 a.accounts_domain
               FROM connections c JOIN apps a ON a.id = c.app_id
               WHERE c.name = $1 AND c.removed_at IS NULL";
    let found = sqlx::query_as(sql)
        .bind(name.as_str())
        .fetch_optional(connection)
        .await;
    let found = found.map_err(|error| vault.store().error(error))?;
    found.ok_or_else(|| ChangeError::NotFound(name.clone()))
}

fn app_of(row: &Row) -> Result<(AccountsDomain, ClientId), VaultError> {
    let client_id = row.client_id.parse();
    let client_id = client_id.map_err(|_| damaged(row, "client_id"))?;
    let accounts_domain = AccountsDomain::parse(&row.accounts_domain, CustomHosts::Allowed);
    let accounts_domain = accounts_domain.map_err(|_| damaged(row, "accounts_domain"))?;
    Ok((accounts_domain, client_id))
}

fn damaged(row: &Row, column: &'static str) -> VaultError {
    VaultError::Damaged {
        table: "connections",
        column,
        row: row.id.clone(),
    }
}

async fn commit(
    mut transaction: Transaction<'static, Sqlite>,
    vault: &UnlockedVault,
    id: &str,
    event: &'static str,
    detail: String,
) -> Result<(), ChangeError> {
    let event = Event {
        event,
        connection_id: Some(id),
        detail,
    };
    let appended = audit::append(&mut transaction, vault, event).await;
    appended.map_err(|error| vault.store().error(error))?;
    transaction
        .commit()
        .await
        .map_err(|error| vault.store().error(error))?;
    Ok(())
}
