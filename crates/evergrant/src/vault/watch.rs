//! Notices that somebody changed the vault.

use sqlx::{Connection, SqliteConnection};

use super::{Vault, VaultError, store::Store};

/// Looks whether the vault was changed, by whatever process; a look costs microseconds, and reads no page
/// of the database where nothing has changed.
#[derive(Debug)]
pub struct Watch {
    store: Store,
    connection: SqliteConnection,
    seen: i64,
}

impl Vault {
    /// Begins to watch, over a connection of its own.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened.
    pub async fn watch(&self) -> Result<Watch, VaultError> {
        let connection = self.store.connect().await?;
        let store = self.store.clone();
        let mut watch = Watch {
            store,
            connection,
            seen: 0,
        };
        watch.changed().await?;
        Ok(watch)
    }
}

impl Watch {
    /// Tells whether anybody has committed anything since the last look
    /// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn changed(&mut self) -> Result<bool, VaultError> {
        let version = sqlx::query_scalar("PRAGMA data_version");
        let version: i64 = version
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| self.store.error(error))?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }

    /// Ends the connection.
    pub async fn close(self) {
        // Nothing was written over it.
        let _ = self.connection.close().await;
    }
}
