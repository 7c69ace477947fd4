//! Notices that somebody changed the vault, or that another file took its place.

use std::fs::Metadata;

use sqlx::{Connection, SqliteConnection};
use tokio::{runtime::Handle, task::spawn_blocking};

use super::{
    Vault, VaultError,
    store::{self, FileId, Store},
};

/// A file that came in the place of the vault is opened when it looked the same so many times: it may be a copy that
/// is being made.
const STEADY: u32 = 4;

/// After so many looks it is opened all the same: whoever writes to it all the time holds up nobody.
const LONG_ENOUGH: u32 = 20;

/// Looks whether the vault was changed, by whatever process; a look costs microseconds, and reads no page
/// of the database where nothing has changed.
///
/// If the file is not where it was, the whole vault lets go of it: whatever uses it fails with
/// [`VaultError::Gone`]. When a file of the same vault is there again, be it the same or a copy, it is opened.
#[derive(Debug)]
pub struct Watch {
    vault: Vault,
    /// `None` from when the file is gone until one is opened again.
    open: Option<Open>,
    coming: Coming,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing was committed since the last look.
    Nothing,
    /// Somebody has committed something.
    Committed,
    /// A file was opened in the place of the one before: everything may differ.
    Reopened,
}

#[derive(Debug)]
struct Open {
    connection: SqliteConnection,
    file: FileId,
    seen: i64,
}

/// How the file looked that is to be opened, and how often.
#[derive(Debug, Default)]
struct Coming {
    looked: Option<(FileId, u64, (i64, i64))>,
    same: u32,
    looks: u32,
}

impl Vault {
    /// Begins to watch, over a connection of its own.
    ///
    /// # Errors
    ///
    /// If the database cannot be opened.
    pub async fn watch(&self) -> Result<Watch, VaultError> {
        let (mut connection, file) = (self.store.connect().await?, self.store.file());
        let seen = data_version(&mut connection, &self.store).await?;
        let open = Open {
            connection,
            file,
            seen,
        };
        Ok(Watch {
            vault: self.clone(),
            open: Some(open),
            coming: Coming::default(),
        })
    }
}

impl Watch {
    /// Tells what anybody has done to the vault since the last look. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the database cannot be read; [`VaultError::Gone`] if it is not where it was, and
    /// [`VaultError::AnotherVault`] if another vault is there.
    pub async fn changed(&mut self) -> Result<Change, VaultError> {
        let found = store::find(self.store().path())?;
        match &mut self.open {
            Some(open) if found.as_ref().map(FileId::from) == Some(open.file) => {
                let version = data_version(&mut open.connection, &self.vault.store).await?;
                Ok(match std::mem::replace(&mut open.seen, version) {
                    before if before == version => Change::Nothing,
                    _ => Change::Committed,
                })
            }
            _ => self.reopen(found).await,
        }
    }

    fn store(&self) -> &Store {
        &self.vault.store
    }

    async fn reopen(&mut self, found: Option<Metadata>) -> Result<Change, VaultError> {
        self.store().let_go();
        if let Some(open) = self.open.take() {
            // Nothing was written over it.
            let _ = open.connection.close().await;
        }
        let Some(found) = found else {
            self.coming = Coming::default();
            return Err(gone(&self.vault));
        };
        if !self.coming.is_whole(&found) {
            return Err(gone(&self.vault));
        }
        self.open = Some(self.open_another(FileId::from(&found)).await?);
        self.coming = Coming::default();
        self.store().take_up();
        Ok(Change::Reopened)
    }

    async fn open_another(&self, file: FileId) -> Result<Open, VaultError> {
        let vault = self.vault.clone();
        // It may be of an earlier version; and a future that brings tables up to date cannot go from thread to thread.
        let runtime = Handle::current();
        let opening = spawn_blocking(move || {
            runtime.block_on(async {
                let opened = Vault::open(&vault.folders, &vault.clock).await?;
                let opened = opened.ok_or_else(|| gone(&vault))?;
                opened.close().await;
                match opened.id() == vault.id() {
                    true => Ok(()),
                    false => Err(VaultError::AnotherVault {
                        path: vault.folders.vault(),
                    }),
                }
            })
        });
        // It ends without a word only if it panicked.
        opening.await.unwrap_or_else(|_| Err(gone(&self.vault)))?;
        let mut connection = self.store().connect().await?;
        let still = store::find(self.store().path())?;
        if still.as_ref().map(FileId::from) != Some(file) {
            return Err(gone(&self.vault));
        }
        let seen = data_version(&mut connection, self.store()).await?;
        Ok(Open {
            connection,
            file,
            seen,
        })
    }
}

fn gone(vault: &Vault) -> VaultError {
    VaultError::Gone {
        path: vault.store.path().to_owned(),
    }
}

impl Coming {
    /// Tells whether the file seems to be there as a whole.
    fn is_whole(&mut self, found: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt;

        let looks = (
            FileId::from(found),
            found.len(),
            (found.mtime(), found.mtime_nsec()),
        );
        let before = self.looked.replace(looks);
        self.same = match before {
            Some(before) if before == looks => self.same + 1,
            _ => 1,
        };
        // Whoever makes a copy makes the file longer, whoever only writes to it seldom does.
        self.looks = match before {
            Some((_, length, _)) if length != found.len() => 1,
            _ => self.looks + 1,
        };
        self.same >= STEADY || self.looks >= LONG_ENOUGH
    }
}

/// Tells how often somebody else has committed anything
/// (<https://www.sqlite.org/pragma.html#pragma_data_version>).
async fn data_version(connection: &mut SqliteConnection, store: &Store) -> Result<i64, VaultError> {
    let version = sqlx::query_scalar("PRAGMA data_version");
    let version = version.fetch_one(connection).await;
    version.map_err(|error| store.error(error))
}
