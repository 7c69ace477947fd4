//! An app and a secret that Zoho has not seen yet, and the way back if it refuses them.

use rand::CryptoRng;
use sqlx::SqliteConnection;

use super::{
    App,
    secrets::{self, NewSecret},
};
use crate::{
    clock::Timestamp,
    id::new_id,
    vault::{Fingerprint, UnlockedVault},
};

/// What was entered, and what was there before.
pub(crate) struct Entered {
    /// The app's row.
    pub(crate) app_id: String,
    app: Before,
    secret: Before,
    secret_fingerprint: Fingerprint,
    at: Timestamp,
}

/// How a row was before.
#[derive(Clone, Copy)]
enum Before {
    /// It was not there.
    Absent,
    /// It was removed or retired at this time.
    OutOfUse(Timestamp),
    /// It was as it is.
    InUse,
}

impl From<Option<Timestamp>> for Before {
    fn from(out_of_use_since: Option<Timestamp>) -> Self {
        out_of_use_since.map_or(Self::InUse, Self::OutOfUse)
    }
}

/// Enters an app and its secret, as far as they are new, or takes them into use again.
pub(crate) async fn enter(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    app: &App,
    at: Timestamp,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Entered, sqlx::Error> {
    let (client_id, accounts_domain) = (app.client_id.as_str(), app.accounts_domain.as_str());
    let sql = "SELECT id, removed_at FROM apps WHERE client_id = $1 AND accounts_domain = $2";
    let known = sqlx::query_as::<_, (String, Option<Timestamp>)>(sql).bind(client_id);
    let known = known.bind(accounts_domain).fetch_optional(&mut *connection);
    let (app_id, app_before) = match known.await? {
        Some((id, removed_at)) => (id, Before::from(removed_at)),
        None => (new_id(at, rng), Before::Absent),
    };
    let sql =
        "INSERT INTO apps (id, client_id, accounts_domain, created_at) VALUES ($1, $2, $3, $4)
               ON CONFLICT (client_id, accounts_domain) DO UPDATE SET removed_at = NULL";
    let insert = sqlx::query(sql).bind(&app_id).bind(client_id);
    let insert = insert.bind(accounts_domain).bind(at);
    insert.execute(&mut *connection).await?;

    let secret_fingerprint = secrets::fingerprint(vault, &app.client_secret);
    let sql = "SELECT retired_at FROM app_secrets WHERE app_id = $1 AND fingerprint = $2";
    let known = sqlx::query_scalar::<_, Option<Timestamp>>(sql).bind(&app_id);
    let known = known.bind(secret_fingerprint.as_bytes());
    let known = known.fetch_optional(&mut *connection).await?;
    let entered = Entered {
        app_id,
        app: app_before,
        secret: known.map_or(Before::Absent, Before::from),
        secret_fingerprint,
        at,
    };
    match entered.secret {
        Before::InUse => {}
        Before::OutOfUse(_) => set_retired(connection, &entered, None).await?,
        Before::Absent => {
            let new = NewSecret {
                app_id: &entered.app_id,
                client_id,
                accounts_domain,
                secret: &app.client_secret,
                added_at: at,
                last_accepted_at: None,
            };
            secrets::insert(connection, vault, &new, rng).await?;
        }
    }
    Ok(entered)
}

/// Takes back what [`enter`] entered, as far as Zoho has not accepted it and no connection has come since that
/// may need it.
pub(crate) async fn take_back(
    connection: &mut SqliteConnection,
    entered: &Entered,
) -> Result<(), sqlx::Error> {
    match entered.secret {
        Before::InUse => {}
        Before::OutOfUse(since) => set_retired(connection, entered, Some(since)).await?,
        Before::Absent => {
            let sql = format!("DELETE FROM app_secrets WHERE {UNPROVED}");
            let delete = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&entered.app_id);
            let delete = delete.bind(entered.secret_fingerprint.as_bytes().to_vec());
            delete.bind(entered.at).execute(&mut *connection).await?;
        }
    }
    match entered.app {
        Before::InUse => Ok(()),
        Before::OutOfUse(since) => {
            let sql = "UPDATE apps SET removed_at = $1 WHERE id = $2
                       AND NOT EXISTS (SELECT 1 FROM app_secrets s WHERE s.app_id = apps.id)
                       AND NOT EXISTS (SELECT 1 FROM connections c
                                       WHERE c.app_id = apps.id AND c.removed_at IS NULL)";
            let update = sqlx::query(sql).bind(since).bind(&entered.app_id);
            update.execute(connection).await.map(drop)
        }
        Before::Absent => {
            let sql = "DELETE FROM apps WHERE id = $1
                       AND NOT EXISTS (SELECT 1 FROM app_secrets s WHERE s.app_id = apps.id)
                       AND NOT EXISTS (SELECT 1 FROM connections c WHERE c.app_id = apps.id)
                       AND NOT EXISTS (SELECT 1 FROM former_refresh_tokens f WHERE f.app_id = apps.id)";
            let delete = sqlx::query(sql).bind(&entered.app_id);
            delete.execute(connection).await.map(drop)
        }
    }
}

/// What makes a secret one that nobody has proved. `$1` is the app, `$2` the fingerprint, `$3` when it was
/// entered.
const UNPROVED: &str = "app_id = $1 AND fingerprint = $2
    AND (last_accepted_at IS NULL OR last_accepted_at < $3)
    AND NOT EXISTS (SELECT 1 FROM connections c
                    WHERE c.app_id = app_secrets.app_id AND c.created_at >= $3)";

async fn set_retired(
    connection: &mut SqliteConnection,
    entered: &Entered,
    retired_at: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    let sql = format!("UPDATE app_secrets SET retired_at = $4 WHERE {UNPROVED}");
    let update = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&entered.app_id);
    let update = update.bind(entered.secret_fingerprint.as_bytes().to_vec());
    let update = update.bind(entered.at).bind(retired_at);
    update.execute(connection).await.map(drop)
}
