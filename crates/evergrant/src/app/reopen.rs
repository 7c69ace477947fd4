//! Connections that suffered for their app.

use sqlx::SqliteConnection;

use crate::{
    connection::{State, set_state},
    vault::UnlockedVault,
};

/// Why connections may try again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// Zoho took a secret of the app: that says nothing of what one connection alone asks for.
    TheAppWorks,
    /// Somebody mended something.
    APersonSaysSo,
}

impl Why {
    /// What is to be known of a connection that may try again and did not yet; `None` if Zoho said that
    /// all is well.
    fn untried(self) -> Option<&'static str> {
        match self {
            Self::TheAppWorks => None,
            Self::APersonSaysSo => Some("not tried since a client secret was added"),
        }
    }
}

/// Lets the connections of an app try again that were refused for the app's sake alone, and returns
/// how many there are.
pub(crate) async fn reopen(
    connection: &mut SqliteConnection,
    vault: &UnlockedVault,
    app_id: &str,
    why: Why,
) -> Result<usize, sqlx::Error> {
    let sql = "SELECT credential FROM connections
               WHERE app_id = $1 AND state = $2 AND removed_at IS NULL
                 AND ($3 OR coalesce(state_reason, '') NOT IN
                   ('invalid_scope', 'missing_org_info', 'invalid_soid', 'invalid_org'))";
    let query = sqlx::query_scalar(sql).bind(app_id);
    let query = query.bind(State::AppRefused.as_str());
    let query = query.bind(matches!(why, Why::APersonSaysSo));
    let refused: Vec<Vec<u8>> = query.fetch_all(&mut *connection).await?;
    for credential in &refused {
        let sql = "UPDATE leases SET closed_until_ms = 0, failures = 0 WHERE credential = $1";
        let update = sqlx::query(sql).bind(credential);
        update.execute(&mut *connection).await?;
        let healthy = State::Healthy;
        set_state(connection, vault, credential, healthy, why.untried()).await?;
    }
    Ok(refused.len())
}
