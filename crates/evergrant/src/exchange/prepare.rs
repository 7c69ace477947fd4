//! Before the grant is spent: whatever fails here has cost nothing.

use rand::{SeedableRng, rngs::StdRng};
use sqlx::SqliteConnection;
use zoho_oauth::{ConnectError, Connection, GrantToken};

use super::{
    Earlier, Exchange, ExchangeError, KnownToken, Purpose,
    context::Context,
    journal::{self, Outcome},
};
use crate::{
    clock::Timestamp,
    connection,
    vault::{
        Fingerprint, UnlockedVault, VaultError,
        escrow::{self, EscrowFile, ExchangeId, Record},
    },
};

/// An exchange that is ready to be sent.
pub(super) struct Prepared {
    pub(super) id: ExchangeId,
    pub(super) escrow: EscrowFile,
    pub(super) context: Context,
}

/// Checks all that can be checked without a grant token: the name is free, the vault can be written,
/// an escrow file can be made. Nothing stays behind.
///
/// # Errors
///
/// If one of these is not so. The grant is unspent.
pub async fn check(
    vault: &UnlockedVault,
    purpose: &Purpose,
    rng: &mut StdRng,
) -> Result<(), ExchangeError> {
    check_name(vault, purpose).await?;
    vault.store().check_writable().await?;
    let probe = create_escrow(vault, ExchangeId::generate(rng), Vec::new(), rng).await?;
    probe.remove().map_err(ExchangeError::Escrow)
}

/// Checks the grant token: it lives, and the vault does not know it.
///
/// # Errors
///
/// [`ExchangeError::GrantExpired`], [`ExchangeError::KnownToken`], [`ExchangeError::KnownGrant`], or the
/// vault's.
pub async fn check_grant(
    vault: &UnlockedVault,
    token: &GrantToken,
    expires_at: Option<Timestamp>,
) -> Result<(), ExchangeError> {
    let mut connection = vault.store().connection().await?;
    was_answer_lost(&mut connection, vault, token, expires_at)
        .await
        .map(drop)
}

/// Checks the grant token and tells whether an earlier answer to it was lost.
async fn was_answer_lost(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    token: &GrantToken,
    expires_at: Option<Timestamp>,
) -> Result<bool, ExchangeError> {
    if let Some(at) = expires_at.filter(|at| *at <= vault.clock().now()) {
        return Err(ExchangeError::GrantExpired { at });
    }
    let found = find_token(&mut *connection, vault, token).await;
    if let Some(known) = found.map_err(|error| vault.store().error(error))? {
        return Err(ExchangeError::KnownToken(known));
    }
    let known = journal::find_by_grant(connection, vault, fingerprint(vault, token)).await?;
    match known {
        Some(known) if !known.outcome.may_try_again() => {
            Err(ExchangeError::KnownGrant(earlier(known)))
        }
        known => Ok(known.is_some_and(|known| known.outcome == Outcome::Failed)),
    }
}

/// Checks the grant, makes the escrow file and enters the exchange in the vault: from here on
/// a reply can be kept.
pub(super) async fn prepare(
    vault: &UnlockedVault,
    exchange: &Exchange,
    rng: &mut StdRng,
) -> Result<Prepared, ExchangeError> {
    let token = &exchange.grant_token;
    let answer_lost = {
        let mut connection = vault.store().connection().await?;
        check_free(&mut connection, vault, &exchange.purpose).await?;
        was_answer_lost(&mut connection, vault, token, exchange.grant_expires_at).await?
    };
    let id = ExchangeId::generate(rng);
    let grant = fingerprint(vault, token);
    let context = Context::new(exchange, grant, answer_lost, vault.clock().now());
    let bytes = context.to_bytes(exchange.redirect_uri.as_deref());
    let sealed = escrow::seal_context(&vault.keyring, vault.vault.id(), id, &bytes, rng);
    let file = create_escrow(vault, id, sealed, rng).await?;
    // It is read back as a stranger would read it: with the key, from the disk.
    let opened = escrow::open(&vault.keyring, file.record());
    opened.map_err(|error| VaultError::Sealed {
        what: "the escrow record".into(),
        error,
    })?;

    let began = journal::Began {
        id,
        grant,
        answer_lost,
        name: exchange.purpose.name(),
        caller_id: exchange.caller_id.as_deref(),
    };
    match journal::begin(vault, &began).await {
        Ok(Ok(())) => {
            tracing::info!(exchange = %id, "escrow and vault are ready");
            Ok(Prepared {
                id,
                escrow: file,
                context,
            })
        }
        Ok(Err(known)) => {
            file.remove().map_err(ExchangeError::Escrow)?;
            Err(ExchangeError::KnownGrant(earlier(known)))
        }
        Err(error) => {
            file.remove().map_err(ExchangeError::Escrow)?;
            Err(error.into())
        }
    }
}

/// Connects and prepares at once. A failure to prepare ends it; a failure to connect is told, and may
/// be tried again.
pub(super) async fn side_by_side(
    connecting: impl Future<Output = Result<Connection, ConnectError>>,
    preparing: impl Future<Output = Result<Prepared, ExchangeError>>,
) -> Result<(Result<Connection, ConnectError>, Prepared), ExchangeError> {
    tokio::pin!(connecting, preparing);
    tokio::select! {
        prepared = &mut preparing => {
            let prepared = prepared?;
            Ok((connecting.await, prepared))
        }
        connected = &mut connecting => Ok((connected, preparing.await?)),
    }
}

/// Checks that the name is free, if it has to be.
///
/// # Errors
///
/// [`ExchangeError::NameTaken`], or the vault's.
pub async fn check_name(vault: &UnlockedVault, purpose: &Purpose) -> Result<(), ExchangeError> {
    let mut connection = vault.store().connection().await?;
    check_free(&mut connection, vault, purpose).await
}

async fn check_free(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    purpose: &Purpose,
) -> Result<(), ExchangeError> {
    let Purpose::Keep {
        name,
        replace: false,
    } = purpose
    else {
        return Ok(());
    };
    let taken = connection::is_taken(connection, name).await;
    if taken.map_err(|error| vault.store().error(error))? {
        return Err(ExchangeError::NameTaken(name.clone()));
    }
    Ok(())
}

/// Finds out whether a token is one that the vault holds as something else. All three kinds look
/// alike, so that shape tells nothing.
async fn find_token(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    token: &GrantToken,
) -> Result<Option<KnownToken>, sqlx::Error> {
    let secret = token.expose_secret().as_bytes();
    let fingerprint = |kind, parts: &[&[u8]]| vault.index_key.fingerprint(kind, parts);
    // Where there is no app, no token was ever kept.
    let sql =
        "SELECT DISTINCT accounts_domain, EXISTS (SELECT 1 FROM refreshes WHERE fingerprint = $1)
               FROM apps";
    let access_token = fingerprint("access_token", &[secret]);
    let query = sqlx::query_as(sql).bind(access_token.as_bytes());
    let domains: Vec<(String, bool)> = query.fetch_all(&mut *connection).await?;
    for (domain, is_access_token) in domains {
        if is_access_token {
            return Ok(Some(KnownToken::AccessToken));
        }
        let sql = "SELECT name FROM connections WHERE credential = $1
                   UNION ALL
                   SELECT c.name FROM former_refresh_tokens f JOIN connections c ON c.id = f.connection_id
                   WHERE f.credential = $1 LIMIT 1";
        let credential = fingerprint("credential", &[domain.as_bytes(), secret]);
        let query = sqlx::query_scalar(sql).bind(credential.as_bytes());
        if let Some(name) = query.fetch_optional(&mut *connection).await? {
            return Ok(Some(KnownToken::RefreshToken(name)));
        }
    }
    Ok(None)
}

/// Makes the file away from this thread, which goes on with the handshake meanwhile.
async fn create_escrow(
    vault: &UnlockedVault,
    id: ExchangeId,
    context_sealed: Vec<u8>,
    rng: &mut StdRng,
) -> Result<EscrowFile, ExchangeError> {
    let too_long = || std::io::Error::other("scopes or names are too long for an escrow record");
    let record = Record::prepared(vault.vault.id(), id, context_sealed)
        .ok_or_else(|| ExchangeError::Escrow(too_long()))?;
    let folder = vault.vault.folders.escrow();
    let mut rng = StdRng::from_rng(rng);
    let created =
        tokio::task::spawn_blocking(move || EscrowFile::create(&folder, record, &mut rng)).await;
    let created = created.unwrap_or_else(|panicked| Err(std::io::Error::other(panicked)));
    created.map_err(ExchangeError::Escrow)
}

pub(super) fn fingerprint(vault: &UnlockedVault, token: &GrantToken) -> Fingerprint {
    vault
        .index_key
        .fingerprint("grant", &[token.expose_secret().as_bytes()])
}

fn earlier(known: journal::Entry) -> Earlier {
    let state = known.outcome.as_str();
    Earlier {
        id: known.id,
        name: known.name,
        state,
        reason: known.reason,
        at: known.at,
    }
}
