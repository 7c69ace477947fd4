//! Whether the vault knows a token or client credentials already, and what they are called by.

use sqlx::SqliteConnection;
use zoho_oauth::Scopes;

use super::{
    ImportError,
    rows::{Means, New},
};
use crate::{
    connection::{ConnectionName, credential, is_taken},
    vault::{Fingerprint, UnlockedVault},
};

/// Names what lease, ledger and access tokens of a new connection belong to.
pub(super) fn credential_of(vault: &UnlockedVault, new: &New<'_>) -> Fingerprint {
    let domain = &new.app.accounts_domain;
    match new.means {
        Means::RefreshToken(token) => credential(vault, domain, token),
        Means::ClientCredentials { scopes, soid } => {
            let scopes = sorted(scopes);
            let parts = [
                domain.as_str(),
                new.app.client_id.as_str(),
                soid.unwrap_or_default(),
                &scopes,
            ];
            let parts = parts.map(str::as_bytes);
            vault.index_key.fingerprint("client_credentials", &parts)
        }
    }
}

/// Writes scopes in an order that does not depend on how they were asked for.
fn sorted(scopes: &Scopes) -> String {
    let mut words: Vec<&str> = scopes.iter().map(zoho_oauth::Scope::as_str).collect();
    words.sort_unstable();
    words.join(",")
}

/// Fails if the name is taken, or if the vault knows the token. What a removed connection had is free.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    new: &New<'_>,
    credential: Fingerprint,
) -> Result<(), ImportError> {
    let failed = |error| ImportError::Vault(vault.store().error(error));
    let taken = is_taken(&mut *connection, new.name).await;
    if taken.map_err(failed)? {
        return Err(ImportError::NameTaken(new.name.clone()));
    }
    let Means::RefreshToken(token) = new.means else {
        return check_credential(connection, vault, credential).await;
    };
    // A token that was made in one data center may be brought with the name of another.
    let sql = "SELECT DISTINCT accounts_domain FROM apps";
    let domains = sqlx::query_scalar::<_, String>(sql);
    let mut domains = domains.fetch_all(&mut *connection).await.map_err(failed)?;
    domains.push(new.app.accounts_domain.to_string());
    let secret = token.expose_secret().as_bytes();
    for domain in domains {
        let parts = [domain.as_bytes(), secret];
        let credential = vault.index_key.fingerprint("credential", &parts);
        check_credential(connection, vault, credential).await?;
    }
    check_kind(connection, vault, secret).await
}

async fn check_credential(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    credential: Fingerprint,
) -> Result<(), ImportError> {
    let sql = "SELECT name, 0 FROM connections WHERE credential = $1 AND removed_at IS NULL
               UNION ALL
               SELECT c.name, 1 FROM former_refresh_tokens f JOIN connections c ON c.id = f.connection_id
               WHERE f.credential = $1 AND c.removed_at IS NULL LIMIT 1";
    let query = sqlx::query_as::<_, (String, bool)>(sql).bind(credential.as_bytes());
    let found = query.fetch_optional(connection).await;
    let found = found.map_err(|error| vault.store().error(error))?;
    let Some((name, former)) = found else {
        return Ok(());
    };
    let name: ConnectionName = name
        .parse()
        .map_err(|_| crate::vault::VaultError::Damaged {
            table: "connections",
            column: "name",
            row: String::new(),
        })?;
    Err(match former {
        true => ImportError::KnownAsFormer(name),
        false => ImportError::Known(name),
    })
}

/// All kinds of tokens look alike: an access token or a grant token in the place of a refresh token is known
/// by its fingerprint only.
async fn check_kind(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    secret: &[u8],
) -> Result<(), ImportError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM refreshes WHERE fingerprint = $1),
                      EXISTS (SELECT 1 FROM exchanges WHERE grant_fingerprint = $2)";
    let access_token = vault.index_key.fingerprint("access_token", &[secret]);
    let grant_token = vault.index_key.fingerprint("grant", &[secret]);
    let query = sqlx::query_as::<_, (bool, bool)>(sql).bind(access_token.as_bytes());
    let found = query
        .bind(grant_token.as_bytes())
        .fetch_one(connection)
        .await;
    match found.map_err(|error| vault.store().error(error))? {
        (true, _) => Err(ImportError::KnownAsAccessToken),
        (_, true) => Err(ImportError::KnownAsGrantToken),
        (false, false) => Ok(()),
    }
}
