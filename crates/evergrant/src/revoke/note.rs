//! Noting that a refresh token is dead, wherever the vault has it, in one transaction.

use sqlx::SqliteConnection;

use super::ask::Answer;
use crate::{
    audit::{self, Event},
    clock::Timestamp,
    connection::State,
    vault::{UnlockedVault, VaultError},
};

/// Notes that the refresh token of this credential is dead.
///
/// Goes by the credential and not by the row that it was read from: an exchange may have moved the
/// token to the former ones while Zoho was asked, and must not see its new one called revoked.
pub(super) async fn dead(
    vault: &UnlockedVault,
    credential: &[u8],
    answer: Answer,
) -> Result<(), VaultError> {
    let failed = |error| vault.store().error(error);
    let mut transaction = vault.store().begin().await?;
    let now = vault.clock().now();
    let noted = async {
        revoke_connections(&mut transaction, vault, credential, answer, now).await?;
        revoke_former(&mut transaction, vault, credential, answer, now).await?;
        refuse_access_tokens(&mut transaction, credential, now).await
    };
    noted.await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

async fn revoke_connections(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    credential: &[u8],
    answer: Answer,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "SELECT id, state FROM connections WHERE credential = $1 AND state <> $2";
    let query = sqlx::query_as(sql).bind(credential);
    let query = query.bind(State::Revoked.as_str());
    let found: Vec<(String, String)> = query.fetch_all(&mut *connection).await?;
    for (id, state) in found {
        let sql = "UPDATE connections SET state = $1, state_reason = $2, state_since = $3
                   WHERE id = $4";
        let update = sqlx::query(sql).bind(State::Revoked.as_str());
        let update = update.bind(reason(answer)).bind(now).bind(&id);
        update.execute(&mut *connection).await?;
        let changed = format!("{state} -> {}: {}", State::Revoked.as_str(), reason(answer));
        for (event, detail) in [
            (event(answer), reason(answer).to_owned()),
            ("state_changed", changed),
        ] {
            append(connection, vault, event, &id, detail).await?;
        }
    }
    Ok(())
}

async fn revoke_former(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    credential: &[u8],
    answer: Answer,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE former_refresh_tokens SET revoked_at = $1
               WHERE credential = $2 AND revoked_at IS NULL RETURNING connection_id";
    let update = sqlx::query_scalar(sql).bind(now).bind(credential);
    let of: Vec<String> = update.fetch_all(&mut *connection).await?;
    for id in of {
        append(
            connection,
            vault,
            "former_revoked",
            &id,
            reason(answer).into(),
        )
        .await?;
    }
    Ok(())
}

/// Its access tokens died with it: none is handed out any more.
async fn refuse_access_tokens(
    connection: &mut SqliteConnection,
    credential: &[u8],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE refreshes SET refused_ms = $1 WHERE credential = $2 AND outcome = 'granted'
                 AND refused_ms IS NULL AND expires_ms > $1";
    let update = sqlx::query(sql).bind(now).bind(credential);
    update.execute(connection).await.map(drop)
}

async fn append(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    event: &'static str,
    connection_id: &str,
    detail: String,
) -> Result<(), sqlx::Error> {
    let connection_id = Some(connection_id);
    let event = Event {
        event,
        connection_id,
        detail,
    };
    audit::append(connection, vault, event).await
}

fn event(answer: Answer) -> &'static str {
    match answer {
        Answer::Revoked => "revoked",
        Answer::Unknown => "revoked_already",
    }
}

fn reason(answer: Answer) -> &'static str {
    match answer {
        Answer::Revoked => "on request",
        Answer::Unknown => "on request; Zoho did not know the refresh token",
    }
}
