//! The vault's own row: who it is, and which keys seal in it.

use rand::CryptoRng;
use sqlx::SqliteConnection;

use super::{
    Folders, IndexKey, UnlockedVault, Vault, VaultError,
    seal::{Keyring, Label, OpenError, Place},
    store::Store,
};
use crate::{
    audit::{self, Event},
    clock::{Clock, Timestamp},
};

/// What every key of a vault seals once, to be told from a wrong one.
const CHECK: &[u8] = b"evergrant";

/// The vault's own row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Meta {
    pub(super) id: String,
    index_key_sealed: Vec<u8>,
    writing_key_id: String,
}

/// Reads the vault's own row.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    store: &Store,
) -> Result<Meta, VaultError> {
    let query = sqlx::query_as("SELECT id, index_key_sealed, writing_key_id FROM vault");
    let found = query.fetch_optional(connection).await;
    let found = found.map_err(|error| store.error(error))?;
    found.ok_or_else(|| store.not_a_vault())
}

/// Makes a vault that this keyring opens, unless there is one.
pub(super) async fn create(
    folders: &Folders,
    keyring: &Keyring,
    clock: &Clock,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), VaultError> {
    let path = folders.vault();
    let id = crate::id::new_id(clock.now(), rng);
    let index_key = IndexKey::generate(rng);
    let index_key_sealed = keyring.seal(&index_key_place(&id), index_key.expose_bytes(), rng);
    let check_sealed = keyring.seal(&check_place(&id, keyring), CHECK, rng);
    let filled = async |connection: &mut SqliteConnection| {
        let key_id = keyring.sealing_key().id().to_string();
        let sql = "INSERT INTO vault (one, id, writing_key_id, index_key_sealed, created_at)
                   VALUES (1, $1, $2, $3, $4)";
        let query = sqlx::query(sql)
            .bind(&id)
            .bind(&key_id)
            .bind(&index_key_sealed);
        let failed = |error| VaultError::database(&path, error);
        query
            .bind(clock.now())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        insert_key(connection, &key_id, &check_sealed, clock.now())
            .await
            .map_err(failed)
    };
    Store::create(&path, filled).await
}

/// Opens the key of all fingerprints.
pub(super) fn open_index_key(vault: &Vault, keyring: &Keyring) -> Result<IndexKey, VaultError> {
    let sealed = &vault.meta.index_key_sealed;
    let opened =
        keyring
            .open(&index_key_place(vault.id()), sealed)
            .map_err(|error| match error {
                OpenError::UnknownKey(id) => VaultError::WrongMasterKey { wanted: id },
                error => VaultError::Sealed {
                    what: "the vault's index key".into(),
                    error,
                },
            })?;
    IndexKey::from_bytes(&opened).ok_or_else(|| VaultError::Sealed {
        what: "the vault's index key".into(),
        error: OpenError::Malformed,
    })
}

/// Notes that the keyring's first key seals from now on, if that is new.
pub(super) async fn register_sealing_key(
    unlocked: &UnlockedVault,
    rng: &mut dyn CryptoRng,
) -> Result<(), VaultError> {
    let (vault, keyring) = (&unlocked.vault, &unlocked.keyring);
    let key_id = keyring.sealing_key().id().to_string();
    if vault.meta.writing_key_id == key_id {
        return Ok(());
    }
    let check_sealed = keyring.seal(&check_place(vault.id(), keyring), CHECK, rng);
    let failed = |error| vault.store.error(error);
    let mut transaction = vault.store.begin().await?;
    let inserted = insert_key(&mut transaction, &key_id, &check_sealed, vault.clock.now()).await;
    inserted.map_err(failed)?;
    let update = sqlx::query("UPDATE vault SET writing_key_id = $1").bind(&key_id);
    update.execute(&mut *transaction).await.map_err(failed)?;
    let before = &vault.meta.writing_key_id;
    let event = Event {
        event: "sealing_key_changed",
        connection_id: None,
        detail: format!("{before} -> {key_id}"),
    };
    let appended = audit::append(&mut transaction, unlocked, event).await;
    appended.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

async fn insert_key(
    connection: &mut SqliteConnection,
    key_id: &str,
    check_sealed: &[u8],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO sealing_keys (id, label, check_sealed, created_at)
               VALUES ($1, 'master', $2, $3) ON CONFLICT (id) DO NOTHING";
    sqlx::query(sql)
        .bind(key_id)
        .bind(check_sealed)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)
}

fn index_key_place(vault_id: &str) -> Place {
    let parts = [vault_id, "vault", "index_key_sealed", "1"];
    Place::new(Label::Vault, parts.map(str::as_bytes))
}

fn check_place(vault_id: &str, keyring: &Keyring) -> Place {
    let key_id = keyring.sealing_key().id().to_string();
    let parts = [vault_id, "sealing_keys", "check_sealed", &key_id];
    Place::new(Label::Vault, parts.map(str::as_bytes))
}
