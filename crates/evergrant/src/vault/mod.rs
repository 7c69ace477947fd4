//! The vault: where connections lie, sealed.

mod error;
pub mod escrow;
mod file_system;
pub(crate) mod files;
mod fingerprint;
pub mod key_file;
pub mod master_key;
mod meta;
pub mod seal;
pub(crate) mod store;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rand::CryptoRng;

pub use self::error::{DatabaseProblem, VaultError};
pub(crate) use self::fingerprint::{Fingerprint, IndexKey};
pub use self::watch::{Change, Watch};
use self::{
    master_key::{KeyError, KeySource},
    meta::Meta,
    seal::{Keyring, Label, OpenError, Place},
    store::Store,
};
use crate::clock::{Clock, Timestamp};

/// The folders that everything lies in; whoever calls decides where.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The master key's, which should not be backed up with the vault.
    pub config: PathBuf,
    /// The vault's and the escrow's.
    pub data: PathBuf,
    /// The socket's; gone when the machine restarts.
    pub runtime: PathBuf,
    /// The last resort of a reply that nothing else takes.
    pub temporary: PathBuf,
}

impl Folders {
    /// Returns the path of the database.
    pub fn vault(&self) -> PathBuf {
        self.data.join("vault.db")
    }

    /// Returns the folder of the escrow files.
    pub fn escrow(&self) -> PathBuf {
        self.data.join("escrow")
    }

    /// Returns the path of the server's admin key file that is made on first use.
    pub fn admin_key(&self) -> PathBuf {
        self.config.join("admin.key")
    }

    /// Returns the path of the master key file that is made on first use.
    pub fn master_key(&self) -> PathBuf {
        self.config.join("master.key")
    }
}

/// A vault that can be read but not opened: enough for everything that shows no secret.
#[derive(Clone, Debug)]
pub struct Vault {
    pub(crate) store: Store,
    meta: Meta,
    pub(crate) folders: Folders,
    pub(crate) clock: Clock,
}

impl Vault {
    /// Opens the vault without its master key; `None` if none was made yet.
    ///
    /// # Errors
    ///
    /// If the database cannot be used here, is of a later version, or is none.
    pub async fn open(folders: &Folders, clock: &Clock) -> Result<Option<Self>, VaultError> {
        let Some(store) = Store::open(&folders.vault()).await? else {
            return Ok(None);
        };
        let mut connection = store.connection().await?;
        store.migrate(&mut connection).await?;
        let meta = meta::read(&mut connection, &store).await?;
        Ok(Some(Self {
            store,
            meta,
            folders: folders.clone(),
            clock: clock.clone(),
        }))
    }

    /// Looks whether the database is whole, in its structure and in its indexes.
    ///
    /// # Errors
    ///
    /// If it is not, or cannot be read.
    pub async fn check(&self) -> Result<(), VaultError> {
        self.store.check().await
    }

    /// Writes everything back into the one file and closes it. A vault that is dropped without this
    /// has lost nothing.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Returns the id that everything in this vault is sealed to.
    pub(crate) fn id(&self) -> &str {
        &self.meta.id
    }

    /// Returns the present moment of this vault's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the folders of this vault.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// Looks whether the database can be written, and changes nothing.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub async fn check_writable(&self) -> Result<(), VaultError> {
        self.store.check_writable().await
    }

    /// Looks whether these keys open the vault's secrets.
    ///
    /// # Errors
    ///
    /// [`VaultError::WrongMasterKey`], or [`VaultError::Sealed`] if what they shall open was altered.
    pub fn check_keys(&self, keyring: &Keyring) -> Result<(), VaultError> {
        self.index_key(keyring).map(drop)
    }

    /// Opens the key of all fingerprints.
    pub(crate) fn index_key(&self, keyring: &Keyring) -> Result<IndexKey, VaultError> {
        meta::open_index_key(self, keyring)
    }

    /// Opens the vault's secrets with the keys of `sources`.
    ///
    /// # Errors
    ///
    /// If no key is at hand for what is sealed, and then no new one is made.
    pub async fn unlock(
        self,
        sources: &[KeySource],
        rng: &mut dyn CryptoRng,
    ) -> Result<UnlockedVault, VaultError> {
        self.unlock_with(master_key::read(sources)?, rng).await
    }

    async fn unlock_with(
        self,
        keyring: Keyring,
        rng: &mut dyn CryptoRng,
    ) -> Result<UnlockedVault, VaultError> {
        let index_key = meta::open_index_key(&self, &keyring)?;
        let unlocked = UnlockedVault {
            vault: self,
            keyring,
            index_key,
            actor: "program".into(),
        };
        meta::register_sealing_key(&unlocked, rng).await?;
        Ok(unlocked)
    }
}

/// A vault with its keys at hand.
#[derive(Clone, Debug)]
pub struct UnlockedVault {
    pub(crate) vault: Vault,
    pub(crate) keyring: Keyring,
    pub(crate) index_key: IndexKey,
    actor: Arc<str>,
}

impl UnlockedVault {
    /// Opens the vault with its keys; on first use makes it, and the master key file if that is the
    /// one source and is not there.
    ///
    /// # Errors
    ///
    /// If no key is at hand for what is sealed, or if the vault cannot be made.
    pub async fn open_or_make(
        folders: &Folders,
        sources: &[KeySource],
        clock: &Clock,
        rng: &mut (dyn CryptoRng + Send),
    ) -> Result<Self, VaultError> {
        if let Some(vault) = Vault::open(folders, clock).await? {
            return vault.unlock(sources, rng).await;
        }
        make_first_key(&folders.master_key(), sources, rng)?;
        let keyring = master_key::read(sources)?;
        meta::create(folders, &keyring, clock, rng).await?;
        let made = Vault::open(folders, clock).await?;
        let vault = made.ok_or_else(|| VaultError::Gone {
            path: folders.vault(),
        })?;
        vault.unlock_with(keyring, rng).await
    }

    /// Says who acts from now on, as the audit names them.
    #[must_use]
    pub fn acting_as(self, actor: &str) -> Self {
        let actor = actor.into();
        Self { actor, ..self }
    }

    /// Opens up to so many connections to the database, for a program in which many tasks use the vault at
    /// once. One is enough for a program that does one thing after the other.
    #[must_use]
    pub fn with_connections(mut self, connections: u32) -> Self {
        self.vault.store = self.vault.store.with_connections(connections);
        self
    }

    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// Returns the vault without its keys.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn store(&self) -> &Store {
        &self.vault.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.vault.clock
    }

    /// Names the place of a value in a table, with the clear values that decide where it is sent.
    pub(crate) fn place(&self, table: &str, column: &str, row: &str, clear: &[&str]) -> Place {
        let parts = [self.vault.id(), table, column, row].into_iter();
        Place::new(
            Label::Vault,
            parts.chain(clear.iter().copied()).map(str::as_bytes),
        )
    }

    /// Opens a text that is sealed in a table.
    pub(crate) fn open(
        &self,
        place: &Place,
        sealed: &[u8],
        what: &str,
    ) -> Result<String, VaultError> {
        let failed = |error| VaultError::Sealed {
            what: what.to_owned(),
            error,
        };
        let opened = self.keyring.open(place, sealed).map_err(failed)?;
        let text = std::str::from_utf8(&opened).map_err(|_| failed(OpenError::Malformed))?;
        Ok(text.to_owned())
    }
}

fn make_first_key(
    path: &Path,
    sources: &[KeySource],
    rng: &mut dyn CryptoRng,
) -> Result<(), KeyError> {
    if let [KeySource::File(only)] = sources
        && only == path
        && !master_key::exists(path)?
    {
        master_key::make_file(path, rng)?;
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
