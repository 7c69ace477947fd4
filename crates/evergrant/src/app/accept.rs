//! What Zoho accepted: an app and a secret of it.

use rand::CryptoRng;
use sqlx::SqliteConnection;

use super::{
    App,
    reopen::{Why, reopen},
    secrets,
};
use crate::{clock::Timestamp, vault::UnlockedVault};

/// Notes that Zoho accepted this secret of this app, making the app's row on first sight, and
/// returns the row's id. An app that was removed is there again.
pub(crate) async fn accept(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    app: &App,
    now: Timestamp,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<String, sqlx::Error> {
    let (client_id, accounts_domain) = (app.client_id.as_str(), app.accounts_domain.as_str());
    let sql =
        "INSERT INTO apps (id, client_id, accounts_domain, created_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (client_id, accounts_domain) DO UPDATE SET removed_at = NULL
               RETURNING id";
    let query = sqlx::query_scalar(sql).bind(crate::id::new_id(now, rng));
    let query = query.bind(client_id).bind(accounts_domain).bind(now);
    let app_id: String = query.fetch_one(&mut *connection).await?;

    let fingerprint = secrets::fingerprint(vault, &app.client_secret);
    let sql = "UPDATE app_secrets SET last_accepted_at = $1, retired_at = NULL
               WHERE app_id = $2 AND fingerprint = $3";
    let update = sqlx::query(sql)
        .bind(now)
        .bind(&app_id)
        .bind(fingerprint.as_bytes());
    if update.execute(&mut *connection).await?.rows_affected() == 0 {
        let new = secrets::NewSecret {
            app_id: &app_id,
            client_id,
            accounts_domain,
            secret: &app.client_secret,
            added_at: now,
            last_accepted_at: Some(now),
        };
        secrets::insert(connection, vault, &new, rng).await?;
    }
    reopen(connection, vault, &app_id, Why::TheAppWorks).await?;
    Ok(app_id)
}

/// Notes that Zoho accepted a secret of an app: connections that were refused for the app's sake may try
/// again.
pub(crate) async fn accepted(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    app_id: &str,
    secret_id: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE app_secrets SET last_accepted_at = $1 WHERE id = $2";
    let update = sqlx::query(sql).bind(now).bind(secret_id);
    update.execute(&mut *connection).await?;
    reopen(connection, vault, app_id, Why::TheAppWorks)
        .await
        .map(drop)
}
