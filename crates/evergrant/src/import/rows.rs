//! The rows of a connection that no exchange made: written in one transaction, and taken back in one.

use rand::CryptoRng;
use sqlx::SqliteConnection;
use zoho_oauth::{ApiDomain, ErrorWord, RefreshToken, Scopes};

use super::{ImportError, known};
use crate::{
    app::{self, App, Entered},
    audit::{self, Event},
    clock::Timestamp,
    connection::{ConnectionName, State, refresh_token_place},
    id::new_id,
    vault::{Fingerprint, UnlockedVault, VaultError},
};

/// What is to be written.
pub(super) struct New<'a> {
    pub(super) name: &'a ConnectionName,
    pub(super) app: &'a App,
    pub(super) means: Means<'a>,
    pub(super) api_domain: Option<ApiDomain>,
}

/// By what its access tokens are asked for.
#[derive(Clone, Copy)]
pub(super) enum Means<'a> {
    RefreshToken(&'a RefreshToken),
    ClientCredentials {
        scopes: &'a Scopes,
        soid: Option<&'a str>,
    },
}

/// What was written.
pub(super) struct Made {
    id: String,
    credential: Fingerprint,
    /// The newest refresh of this credential when it was written.
    epoch: i64,
    app: Entered,
    at: Timestamp,
}

/// Writes the connection, and its app as far as that is new.
pub(super) async fn make(
    vault: &UnlockedVault,
    new: &New<'_>,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Made, ImportError> {
    let failed = |error| ImportError::Vault(vault.store().error(error));
    let credential = known::credential_of(vault, new);
    let mut transaction = vault.store().begin().await?;
    known::check(&mut transaction, vault, new, credential).await?;
    let at = vault.clock().now();
    let app = app::enter(&mut transaction, vault, new.app, at, rng)
        .await
        .map_err(failed)?;
    let epoch = forget_tokens(&mut transaction, credential, at)
        .await
        .map_err(failed)?;
    let made = Made {
        id: new_id(at, rng),
        credential,
        epoch,
        app,
        at,
    };
    insert(&mut transaction, vault, new, &made, rng)
        .await
        .map_err(failed)?;
    let event = Event {
        event: match new.means {
            Means::RefreshToken(_) => "connection_imported",
            Means::ClientCredentials { .. } => "client_credentials_added",
        },
        connection_id: Some(&made.id),
        detail: new.name.to_string(),
    };
    audit::append(&mut transaction, vault, event)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    tracing::info!(connection = %new.name, "the connection is in the vault, not verified yet");
    Ok(made)
}

/// Ends the access tokens of a removed connection that had this credential: they are sealed to where that one
/// sent them. Returns the newest refresh so far.
async fn forget_tokens(
    connection: &mut SqliteConnection,
    credential: Fingerprint,
    now: Timestamp,
) -> Result<i64, sqlx::Error> {
    let sql = "UPDATE refreshes SET expires_ms = $1 WHERE credential = $2 AND expires_ms > $1";
    let update = sqlx::query(sql).bind(now).bind(credential.as_bytes());
    update.execute(&mut *connection).await?;
    let sql = "SELECT coalesce(max(epoch), -1) FROM refreshes WHERE credential = $1";
    let newest = sqlx::query_scalar(sql).bind(credential.as_bytes());
    newest.fetch_one(connection).await
}

async fn insert(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    new: &New<'_>,
    made: &Made,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), sqlx::Error> {
    let (grant_type, soid, scopes, sealed) = match new.means {
        Means::RefreshToken(token) => {
            let app = (&new.app.accounts_domain, &new.app.client_id);
            let place = refresh_token_place(vault, &made.id, app, new.api_domain.as_ref());
            let secret = token.expose_secret().as_bytes();
            let sealed = vault.keyring.seal(&place, secret, rng);
            ("refresh_token", None, String::new(), Some(sealed))
        }
        Means::ClientCredentials { scopes, soid } => {
            ("client_credentials", soid, scopes.to_string(), None)
        }
    };
    let (state, reason) = state_so_far(connection, made.credential).await?;
    let sql = "INSERT INTO connections (id, name, app_id, grant_type, soid, refresh_token_sealed, credential,
                 scopes, api_domain, state, state_reason, state_since, generation, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $12)";
    let insert = sqlx::query(sql).bind(&made.id).bind(new.name.as_str());
    let insert = insert.bind(&made.app.app_id).bind(grant_type).bind(soid);
    let insert = insert.bind(sealed).bind(made.credential.as_bytes());
    let api_domain = new.api_domain.as_ref().map(ApiDomain::as_str);
    let insert = insert.bind(scopes).bind(api_domain).bind(state.as_str());
    let insert = insert.bind(reason).bind(made.at);
    insert.execute(connection).await.map(drop)
}

/// Says how a connection stands that Zoho was not asked about. An earlier try may have closed the lease: then
/// the broker tells this reason, and does not ask.
async fn state_so_far(
    connection: &mut SqliteConnection,
    credential: Fingerprint,
) -> Result<(State, String), sqlx::Error> {
    Ok(match last_error(connection, credential).await?.as_deref() {
        Some("throttled") => (State::Throttled, "Access Denied".to_owned()),
        Some(word) => (
            State::Failing,
            format!("not verified yet; the last try ended with: {word}"),
        ),
        None => (State::Failing, "not verified yet".to_owned()),
    })
}

async fn last_error(
    connection: &mut SqliteConnection,
    credential: Fingerprint,
) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT last_error FROM leases WHERE credential = $1";
    let query = sqlx::query_scalar(sql).bind(credential.as_bytes());
    Ok(query.fetch_optional(connection).await?.flatten())
}

/// Returns the word with which Zoho refused last, or how the last call for a token failed.
pub(super) async fn last_refusal(
    vault: &UnlockedVault,
    made: &Made,
) -> Result<Option<ErrorWord>, VaultError> {
    let read = async {
        let mut reader = vault.store().reader().acquire().await?;
        last_error(&mut reader, made.credential).await
    };
    let word = read.await.map_err(|error| vault.store().error(error))?;
    Ok(word.as_deref().map(ErrorWord::of))
}

/// Lets the other connections of the app try again, now that Zoho has accepted a secret of it.
pub(super) async fn reopen_others(vault: &UnlockedVault, made: &Made) -> Result<(), VaultError> {
    let mut transaction = vault.store().begin().await?;
    let reopened = app::reopen(
        &mut transaction,
        vault,
        &made.app.app_id,
        app::Why::TheAppWorks,
    )
    .await;
    reopened.map_err(|error| vault.store().error(error))?;
    let committed = transaction.commit().await;
    committed.map_err(|error| vault.store().error(error))
}

/// Takes back what [`make`] wrote; tells whether it did: a connection that has had a token, or that somebody
/// changed meanwhile, stays. With `ask_again`, nobody has to wait before the same token is tried again, with
/// another app perhaps. The ledger keeps the call, which Zoho has counted too.
pub(super) async fn take_back(
    vault: &UnlockedVault,
    name: &ConnectionName,
    made: &Made,
    why: &str,
    ask_again: bool,
) -> Result<bool, VaultError> {
    let mut transaction = vault.store().begin().await?;
    let taken = delete(&mut transaction, made, ask_again).await;
    if !taken.map_err(|error| vault.store().error(error))? {
        return Ok(false);
    }
    let event = Event {
        event: "import_undone",
        connection_id: Some(&made.id),
        detail: format!("{name}: {why}"),
    };
    let appended = audit::append(&mut transaction, vault, event).await;
    appended.map_err(|error| vault.store().error(error))?;
    let committed = transaction.commit().await;
    committed.map_err(|error| vault.store().error(error))?;
    Ok(true)
}

async fn delete(
    connection: &mut SqliteConnection,
    made: &Made,
    ask_again: bool,
) -> Result<bool, sqlx::Error> {
    let sql = "DELETE FROM connections WHERE id = $1 AND generation = 1 AND removed_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM caller_connections h WHERE h.connection_id = $1)
               AND NOT EXISTS (SELECT 1 FROM refreshes r WHERE r.credential = $2 AND r.epoch > $3
                               AND r.outcome = 'granted')";
    let delete = sqlx::query(sql).bind(&made.id);
    let delete = delete.bind(made.credential.as_bytes()).bind(made.epoch);
    if delete.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if ask_again {
        let sql = "UPDATE leases SET closed_until_ms = 0, failures = 0, last_error = NULL
                   WHERE credential = $1 AND owner IS NULL";
        let update = sqlx::query(sql).bind(made.credential.as_bytes());
        update.execute(&mut *connection).await?;
    }
    app::take_back(connection, &made.app).await?;
    Ok(true)
}
