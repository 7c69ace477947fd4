//! Looking whether the audit is as it was written.

use subtle::ConstantTimeEq;

use super::{Anchor, chain};
use crate::vault::{IndexKey, UnlockedVault, Vault, VaultError, seal::Keyring};

/// How many rows are held in memory at a time.
const PAGE: i64 = 1_000;

/// What was looked at, and found as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many rows there are.
    pub checked: u64,
    /// The last one, to be kept as the next anchor; `None` if there is none.
    pub head: Option<Anchor>,
}

/// Why the audit is not as it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A row does not have the hash that belongs to it.
    #[error("row {seq} of the audit was changed after it was written")]
    Edited {
        /// Its number.
        seq: i64,
    },
    /// A row is not where the numbers say that one is.
    #[error("the audit has row {found} where row {expected} belongs")]
    Gap {
        /// The number that should come.
        expected: i64,
        /// The number that comes.
        found: i64,
    },
    /// A row was written after another one than the one that stands before it.
    #[error("row {seq} of the audit was not written after the row that stands before it")]
    Unlinked {
        /// Its number.
        seq: i64,
    },
    /// The anchor's row is not there any more.
    #[error("the audit ends with row {last}, before the anchor's row {anchor}")]
    Cut {
        /// The number of the anchor's row.
        anchor: i64,
        /// The number of the last row; 0 if there is none.
        last: i64,
    },
    /// A connection is there, and no row that tells of its making.
    #[error("the audit does not tell how the connection {connection} was made")]
    Untold {
        /// Its name.
        connection: String,
    },
    /// Another row stands where the anchor's was.
    #[error("row {seq} of the audit is not the one that the anchor was taken of")]
    Rewritten {
        /// Its number.
        seq: i64,
    },
    /// The vault refused.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// A row as it lies in the table. Texts are read as bytes: what is no text was edited, and shall be
/// found as that.
#[derive(sqlx::FromRow)]
struct Row {
    seq: i64,
    at: i64,
    event: Vec<u8>,
    actor: Vec<u8>,
    connection_id: Option<Vec<u8>>,
    caller_id: Option<Vec<u8>>,
    detail: Vec<u8>,
    previous_hash: Vec<u8>,
    hash: Vec<u8>,
}

const SELECT: &str = "SELECT seq, at, CAST(event AS BLOB) AS event, CAST(actor AS BLOB) AS actor,
      CAST(connection_id AS BLOB) AS connection_id, CAST(caller_id AS BLOB) AS caller_id,
      CAST(detail AS BLOB) AS detail, previous_hash, hash
    FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";

/// A connection is made in one transaction with the row that tells of it.
const UNTOLD: &str = "SELECT c.name FROM connections c
    WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.connection_id = c.id) ORDER BY c.id LIMIT 1";

/// Looks whether every row is as it was written and follows the one before it, whether there is one for
/// every connection, and whether the row of the anchor `since` is still there.
///
/// Without an anchor it cannot be seen that other rows are missing at the end. With one, the rows before
/// it are looked at all the same: they may have been changed since.
///
/// # Errors
///
/// Which row is the first that is not as it was written, see [`AuditError`]; or the vault's.
pub async fn verify(vault: &UnlockedVault, since: Option<&Anchor>) -> Result<Verified, AuditError> {
    walk(vault.vault(), &vault.index_key, since).await
}

/// Looks at the same without an anchor and with the keys alone, so that nothing is written whatever they
/// are.
///
/// # Errors
///
/// As [`verify`].
pub async fn check(vault: &Vault, keyring: &Keyring) -> Result<Verified, AuditError> {
    walk(vault, &vault.index_key(keyring)?, None).await
}

async fn walk(
    vault: &Vault,
    index_key: &IndexKey,
    since: Option<&Anchor>,
) -> Result<Verified, AuditError> {
    let mut walk = Walk {
        key: chain::key(index_key),
        anchor: since.copied(),
        last: Anchor {
            seq: 0,
            hash: chain::START,
        },
    };
    let mut after = i64::MIN;
    loop {
        let query = sqlx::query_as::<_, Row>(SELECT).bind(after).bind(PAGE);
        let page = query.fetch_all(&vault.store.reader()).await;
        let page = page.map_err(|error| vault.store.error(error))?;
        for row in &page {
            walk.step(row)?;
        }
        match page.last() {
            Some(row) => after = row.seq,
            None => break,
        }
    }
    let verified = walk.end()?;
    let reader = vault.store.reader();
    let untold = sqlx::query_scalar(UNTOLD).fetch_optional(&reader);
    match untold.await.map_err(|error| vault.store.error(error))? {
        Some(connection) => Err(AuditError::Untold { connection }),
        None => Ok(verified),
    }
}

/// How far the chain was followed.
struct Walk {
    key: IndexKey,
    anchor: Option<Anchor>,
    last: Anchor,
}

impl Walk {
    fn step(&mut self, row: &Row) -> Result<(), AuditError> {
        let (seq, expected) = (row.seq, self.last.seq + 1);
        if seq != expected {
            return Err(AuditError::Gap {
                expected,
                found: seq,
            });
        }
        let hash = self.hash_of(row).ok_or(AuditError::Edited { seq })?;
        if row.previous_hash != self.last.hash {
            return Err(AuditError::Unlinked { seq });
        }
        self.last = Anchor { seq, hash };
        match self.anchor {
            Some(anchor) if anchor.seq == seq && anchor != self.last => {
                Err(AuditError::Rewritten { seq })
            }
            _ => Ok(()),
        }
    }

    /// Returns the row's hash; `None` if it is not the one that belongs to it.
    fn hash_of(&self, row: &Row) -> Option<[u8; 32]> {
        let written = chain::Row {
            seq: row.seq,
            at: row.at,
            event: &row.event,
            actor: &row.actor,
            connection_id: row.connection_id.as_deref(),
            caller_id: row.caller_id.as_deref(),
            detail: &row.detail,
            previous_hash: &row.previous_hash,
        };
        let right = written.hash(&self.key);
        let hash = <[u8; 32]>::try_from(row.hash.as_slice()).ok()?;
        bool::from(right.as_bytes().ct_eq(&hash)).then_some(hash)
    }

    fn end(self) -> Result<Verified, AuditError> {
        let last = self.last.seq;
        match self.anchor {
            Some(anchor) if anchor.seq > last => Err(AuditError::Cut {
                anchor: anchor.seq,
                last,
            }),
            _ => Ok(Verified {
                checked: last.unsigned_abs(),
                head: (last > 0).then_some(self.last),
            }),
        }
    }
}
