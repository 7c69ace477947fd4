//! Changing callers: the write lock, the version that servers look at, and the audit.

use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{Caller, CallerError, CallerName, HandleId, read};
use crate::{
    audit::{self, Event},
    clock::Timestamp,
    connection::ConnectionName,
    vault::{Fingerprint, UnlockedVault, VaultError},
};

/// A change of one caller, with the write lock held.
pub(super) struct Change<'a> {
    pub(super) vault: &'a UnlockedVault,
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) now: Timestamp,
}

/// A handle that is to be entered.
pub(super) struct NewHandle<'a> {
    pub(super) id: HandleId,
    pub(super) caller_id: &'a str,
    pub(super) connection_id: &'a str,
    pub(super) hash: Fingerprint,
}

impl<'a> Change<'a> {
    pub(super) async fn begin(vault: &'a UnlockedVault) -> Result<Self, VaultError> {
        Ok(Self {
            vault,
            transaction: vault.store().begin().await?,
            now: vault.clock().now(),
        })
    }

    /// Finds a caller that is not revoked, by its name.
    pub(super) async fn caller(&mut self, name: &CallerName) -> Result<Caller, CallerError> {
        let found = read::by_name(&mut self.transaction, name).await;
        self.whole(found, name.as_str()).await
    }

    /// Finds a caller that is not revoked, by its row's id.
    pub(super) async fn caller_of(&mut self, id: &str) -> Result<Caller, CallerError> {
        let found = read::by_id(&mut self.transaction, id).await;
        self.whole(found, id).await
    }

    async fn whole(
        &mut self,
        found: Result<Option<read::Row>, sqlx::Error>,
        what: &str,
    ) -> Result<Caller, CallerError> {
        let found = found.map_err(|error| self.error(error))?;
        let row = found.ok_or_else(|| CallerError::NotFound(what.to_owned()))?;
        let mut caller = Caller::try_from(row)?;
        let rows = read::connections(&mut *self.transaction, Some(&caller.id)).await;
        let rows = rows.map_err(|error| self.error(error))?.into_iter();
        caller.connections = rows.map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(caller)
    }

    pub(super) async fn check_name(&mut self, name: &CallerName) -> Result<(), CallerError> {
        let sql = "SELECT count(*) FROM callers WHERE name = $1 AND revoked_at IS NULL";
        let taken = sqlx::query_scalar::<_, i64>(sql).bind(name.as_str());
        let taken = taken.fetch_one(&mut *self.transaction).await;
        match taken.map_err(|error| self.error(error))? {
            0 => Ok(()),
            _ => Err(CallerError::NameTaken(name.clone())),
        }
    }

    pub(super) async fn connection_id(
        &mut self,
        name: &ConnectionName,
    ) -> Result<String, CallerError> {
        let sql = "SELECT id FROM connections WHERE name = $1 AND removed_at IS NULL";
        let query = sqlx::query_scalar(sql).bind(name.as_str());
        let found = query.fetch_optional(&mut *self.transaction).await;
        let found = found.map_err(|error| self.error(error))?;
        found.ok_or_else(|| CallerError::NoConnection(name.clone()))
    }

    pub(super) async fn insert_handle(&mut self, new: NewHandle<'_>) -> Result<(), VaultError> {
        let sql = "INSERT INTO caller_connections (id, caller_id, connection_id, handle_hash, epoch, created_at)
                   VALUES ($1, $2, $3, $4, 0, $5)";
        let insert = sqlx::query(sql)
            .bind(new.id.to_string())
            .bind(new.caller_id);
        let insert = insert.bind(new.connection_id).bind(new.hash.as_bytes());
        let inserted = insert.bind(self.now).execute(&mut *self.transaction).await;
        inserted.map(drop).map_err(|error| self.error(error))
    }

    /// Notes what was done, lets servers know, and commits.
    pub(super) async fn commit(
        mut self,
        caller_id: &str,
        event: Event<'_>,
    ) -> Result<(), VaultError> {
        let failed = |error| self.vault.store().error(error);
        let grown = grow(&mut self.transaction).await;
        grown.map_err(failed)?;
        let told = audit::append_of_caller(&mut self.transaction, self.vault, caller_id, event);
        told.await.map_err(failed)?;
        self.transaction.commit().await.map_err(failed)
    }

    pub(super) fn error(&self, error: sqlx::Error) -> VaultError {
        self.vault.store().error(error)
    }
}

/// Lets servers know, in the transaction of whoever removed or renamed a connection, if a caller has it.
pub(crate) async fn connection_changed(
    connection: &mut SqliteConnection,
    connection_id: &str,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE vault SET callers_version = callers_version + 1
               WHERE EXISTS (SELECT 1 FROM caller_connections WHERE connection_id = $1)";
    let update = sqlx::query(sql).bind(connection_id);
    update.execute(connection).await.map(drop)
}

async fn grow(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let update = sqlx::query("UPDATE vault SET callers_version = callers_version + 1");
    update.execute(connection).await.map(drop)
}
