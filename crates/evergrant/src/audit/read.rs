//! Reading the audit: no key is needed, and nothing is proved by it.

use super::{Anchor, STATE_CHANGED};
use crate::{
    clock::Timestamp,
    vault::{Vault, VaultError},
};

/// One row as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Record {
    /// Its number; the first is 1.
    pub seq: i64,
    /// When it was written, by the clock of that moment.
    pub at: Timestamp,
    /// What happened, a stable word.
    pub event: String,
    /// Who did it.
    pub actor: String,
    /// The connection that it is about, by the name that it has now or had last; `None` where it is
    /// about none.
    pub connection: Option<String>,
    /// The caller that it is about, by its name; `None` where it is about none.
    pub caller: Option<String>,
    /// What else there is to say.
    pub detail: String,
}

/// Where a list begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Since {
    /// With the first row.
    #[default]
    Beginning,
    /// With the first row of this moment or later.
    Time(Timestamp),
    /// After the row of this anchor.
    Anchor(Anchor),
    /// After the row of this number.
    After(i64),
}

/// A connection's row outlives its name: the join finds removed ones too.
const SELECT: &str = "SELECT a.seq, a.at, a.event, a.actor, c.name AS connection,
                        k.name AS caller, a.detail
                      FROM audit a LEFT JOIN connections c ON c.id = a.connection_id
                        LEFT JOIN callers k ON k.id = a.caller_id";

/// How many rows a page holds at the most.
const PAGE: u32 = 1_000;

/// What was done, oldest first, a page at a time: an audit may be larger than memory.
#[derive(Debug)]
pub struct Pages<'a> {
    vault: &'a Vault,
    /// The row before the next page.
    after: i64,
}

impl Pages<'_> {
    /// Returns the next rows; none are left if there are none in it.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read.
    pub async fn next(&mut self) -> Result<Vec<Record>, VaultError> {
        let sql = format!("{SELECT} WHERE a.seq > $1 ORDER BY a.seq LIMIT $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(self.after);
        let rows = query.bind(PAGE).fetch_all(&self.vault.store.reader()).await;
        let rows: Vec<Record> = rows.map_err(|error| self.vault.store.error(error))?;
        if let Some(last) = rows.last() {
            self.after = last.seq;
        }
        Ok(rows)
    }
}

/// Reads what was done from there on.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn pages(vault: &Vault, since: Since) -> Result<Pages<'_>, VaultError> {
    let after = match since {
        Since::Beginning => i64::MIN,
        Since::Anchor(anchor) => anchor.seq,
        Since::After(seq) => seq,
        Since::Time(at) => {
            let sql = "SELECT min(seq) FROM audit WHERE at >= $1";
            let query = sqlx::query_scalar::<_, Option<i64>>(sql).bind(at);
            let first = query.fetch_one(&vault.store.reader()).await;
            let first = first.map_err(|error| vault.store.error(error))?;
            first.map_or(i64::MAX, |first| first.saturating_sub(1))
        }
    };
    Ok(Pages { vault, after })
}

/// Lists what was done, oldest first, all of it at once.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn list(vault: &Vault, since: Since) -> Result<Vec<Record>, VaultError> {
    let mut pages = pages(vault, since).await?;
    let mut all = Vec::new();
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Lists the last changes of a connection's state, newest first, `limit` of them at most.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn history(
    vault: &Vault,
    connection_id: &str,
    limit: u32,
) -> Result<Vec<Record>, VaultError> {
    let sql = format!(
        "{SELECT} WHERE a.connection_id = $1 AND a.event = $2 ORDER BY a.seq DESC LIMIT $3"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(connection_id);
    let query = query.bind(STATE_CHANGED).bind(limit);
    let rows = query.fetch_all(&vault.store.reader()).await;
    rows.map_err(|error| vault.store.error(error))
}

/// Returns the anchor of the last row; `None` if there is none yet.
///
/// # Errors
///
/// If the vault cannot be read, or the row is damaged.
pub async fn head(vault: &Vault) -> Result<Option<Anchor>, VaultError> {
    let sql = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let query = sqlx::query_as::<_, (i64, Vec<u8>)>(sql);
    let row = query.fetch_optional(&vault.store.reader()).await;
    let Some((seq, hash)) = row.map_err(|error| vault.store.error(error))? else {
        return Ok(None);
    };
    let damaged = |_| VaultError::Damaged {
        table: "audit",
        column: "hash",
        row: seq.to_string(),
    };
    let hash = hash.try_into().map_err(damaged)?;
    Ok(Some(Anchor { seq, hash }))
}
