//! Reading all callers for a server.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwapOption;
use sqlx::{FromRow, Row, sqlite::SqliteRow};

use super::{
    CallersVersion, Grant, KnownCaller, KnownCallers, KnownHandle, Previous, ProxyTokenKey, Secret,
};
use crate::{
    caller::{Caller, HandleId, read},
    clock::Timestamp,
    connection::ConnectionName,
    vault::{Fingerprint, UnlockedVault, Vault, VaultError},
};

#[derive(FromRow)]
struct HandleRow {
    id: String,
    caller_id: String,
    connection_id: String,
    connection: String,
    handle_hash: Vec<u8>,
    previous_handle_hash: Option<Vec<u8>>,
    epoch: u32,
    is_dead: bool,
}

impl KnownCallers {
    /// Returns what grows with every change of callers, their handles, and the names of their
    /// connections. It costs one short statement: servers ask a few times a second.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read.
    pub async fn version(vault: &Vault) -> Result<CallersVersion, VaultError> {
        let file = vault.store.times_reopened();
        let query = sqlx::query_scalar("SELECT callers_version FROM vault");
        let version = query.fetch_one(&vault.store.reader()).await;
        let number = version.map_err(|error| vault.store.error(error))?;
        Ok(CallersVersion { file, number })
    }

    /// Returns the version that this was loaded at, or an earlier one: then it is loaded once too often.
    pub fn loaded_version(&self) -> CallersVersion {
        self.version
    }

    /// Reads all callers.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read, or holds a row that makes no sense.
    pub async fn load(vault: &UnlockedVault) -> Result<Self, VaultError> {
        let version = Self::version(vault.vault()).await?;
        let handles = handle_rows(vault).await?;
        let callers = callers(vault, &handles).await?;
        let mut known = Self {
            version,
            proxy_tokens: ProxyTokenKey::of(&vault.index_key),
            index_key: vault.index_key.clone(),
            handles: HashMap::new(),
            adopted: HashMap::new(),
            clients: HashMap::new(),
        };
        for row in handles {
            // A handle that came in between the two statements comes with the next version.
            if let Some(caller) = callers.get(&row.caller_id) {
                // One row that makes no sense takes nothing from all the others.
                if let Err(error) = known.enter(row, caller) {
                    tracing::error!(%error, "a handle cannot be read, and is not known");
                }
            }
        }
        for caller in callers.into_values() {
            let of_client = known.clients.entry(caller.client_id.as_str().to_owned());
            of_client.or_default().push(caller);
        }
        Ok(known)
    }

    fn enter(&mut self, row: HandleRow, caller: &Arc<KnownCaller>) -> Result<(), VaultError> {
        let damaged = |column| read::damaged("caller_connections", column, &row.id);
        let id = HandleId::parse(&row.id).ok_or_else(|| damaged("id"))?;
        let hash = hash(&row.handle_hash).ok_or_else(|| damaged("handle_hash"))?;
        let connection = row.name().ok_or_else(|| damaged("connection_id"))?;
        let grant = Grant {
            caller: caller.clone(),
            connection: Arc::new(connection),
            connection_id: row.connection_id.as_str().into(),
            handle_id: id,
            epoch: row.epoch,
        };
        let valid_until = caller.secret.previous.map(|(_, until)| until);
        let previous = match (&row.previous_handle_hash, valid_until) {
            (Some(before), Some(valid_until)) => Some(Previous {
                hash: self::hash(before).ok_or_else(|| damaged("previous_handle_hash"))?,
                grant: Grant {
                    epoch: row.epoch.saturating_sub(1),
                    ..grant.clone()
                },
                valid_until,
            }),
            _ => None,
        };
        let is_dead = row.is_dead || caller.is_revoked;
        // A refresh token may have been adopted before, by a caller that was revoked.
        if caller.adopted && (!is_dead || !self.adopted.contains_key(&hash)) {
            self.adopted.insert(hash, id);
        }
        let handle = KnownHandle {
            grant,
            hash,
            previous,
            is_dead,
            issued: ArcSwapOption::empty(),
        };
        self.handles.insert(id, handle);
        Ok(())
    }
}

impl HandleRow {
    fn name(&self) -> Option<ConnectionName> {
        self.connection.parse().ok()
    }
}

async fn handle_rows(vault: &UnlockedVault) -> Result<Vec<HandleRow>, VaultError> {
    let sql = "SELECT h.id, h.caller_id, h.connection_id, c.name AS connection, h.handle_hash,
                 h.previous_handle_hash, h.epoch,
                 h.revoked_at IS NOT NULL OR c.removed_at IS NOT NULL AS is_dead
               FROM caller_connections h JOIN connections c ON c.id = h.connection_id
               ORDER BY c.name";
    let rows = sqlx::query_as(sql).fetch_all(&vault.store().reader()).await;
    rows.map_err(|error| vault.store().error(error))
}

async fn callers(
    vault: &UnlockedVault,
    handles: &[HandleRow],
) -> Result<HashMap<String, Arc<KnownCaller>>, VaultError> {
    let mut living: HashMap<&str, Vec<&HandleRow>> = HashMap::new();
    for row in handles.iter().filter(|row| !row.is_dead) {
        living.entry(&row.caller_id).or_default().push(row);
    }
    let sql = "SELECT * FROM callers";
    let rows = sqlx::query(sql).fetch_all(&vault.store().reader()).await;
    let rows = rows.map_err(|error| vault.store().error(error))?;
    let mut callers = HashMap::new();
    for row in &rows {
        let secret = Secret::read(vault, row)?;
        let caller = read::Row::from_row(row).map_err(|error| vault.store().error(error))?;
        let caller = Caller::try_from(caller)?;
        let own = living.get(caller.id.as_str());
        let known = KnownCaller::new(caller, secret, own.map_or(&[], Vec::as_slice));
        callers.insert(known.id.clone(), Arc::new(known));
    }
    Ok(callers)
}

impl KnownCaller {
    fn new(caller: Caller, secret: Secret, handles: &[&HandleRow]) -> Self {
        Self {
            id: caller.id,
            name: caller.name,
            client_id: caller.client_id,
            mode: caller.mode,
            rules: caller.rules,
            scopes: caller.scopes,
            exchange: caller.exchange,
            adopted: caller.adopted,
            expires_at: caller.expires_at,
            connections: handles.iter().filter_map(|row| row.name()).collect(),
            is_revoked: caller.revoked_at.is_some(),
            secret,
            handle_ids: handles
                .iter()
                .filter_map(|row| HandleId::parse(&row.id))
                .collect(),
        }
    }
}

impl Secret {
    fn read(vault: &UnlockedVault, row: &SqliteRow) -> Result<Self, VaultError> {
        let failed = |error| vault.store().error(error);
        let id: String = row.try_get("id").map_err(failed)?;
        let damaged = |column| read::damaged("callers", column, &id);
        let bytes: Vec<u8> = row.try_get("secret_hash").map_err(failed)?;
        let before: Option<Vec<u8>> = row.try_get("previous_secret_hash").map_err(failed)?;
        let until: Option<Timestamp> = row.try_get("previous_valid_until").map_err(failed)?;
        let before = before.as_deref().map(hash);
        Ok(Self {
            hash: hash(&bytes).ok_or_else(|| damaged("secret_hash"))?,
            previous: match (before, until) {
                (Some(None), _) => return Err(damaged("previous_secret_hash")),
                (Some(Some(before)), Some(until)) => Some((before, until)),
                _ => None,
            },
        })
    }
}

fn hash(bytes: &[u8]) -> Option<Fingerprint> {
    <[u8; 32]>::try_from(bytes).ok().map(Fingerprint::from)
}
