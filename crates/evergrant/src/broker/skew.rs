//! How far Zoho's clock is from ours, read off its replies.

use std::time::{Duration, SystemTime};

use zoho_oauth::Reply;

use crate::{
    clock::Timestamp,
    vault::{Vault, VaultError},
};

/// A difference that is worth a warning.
const LARGE: Duration = Duration::from_secs(30);

/// A difference of the clocks, and when it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Skew {
    /// By how many milliseconds Zoho's clock was ahead of ours.
    pub ahead_millis: i64,
    /// When, by our clock.
    pub at: Timestamp,
}

impl Skew {
    /// Returns the difference, whichever is ahead.
    pub fn difference(&self) -> Duration {
        Duration::from_millis(self.ahead_millis.unsigned_abs())
    }

    /// Tells whether it is worth no warning.
    pub fn is_small(&self) -> bool {
        self.difference() <= LARGE
    }

    /// Reads Zoho's clock off a reply, against the middle of the time that it took; `None` if the reply does
    /// not tell.
    pub(super) fn of(reply: &Reply, sent: Timestamp, received: Timestamp) -> Option<Self> {
        let date: SystemTime = httpdate::parse_http_date(reply.date.as_deref()?).ok()?;
        let middle = sent.as_millis() + (received.as_millis() - sent.as_millis()) / 2;
        Some(Self {
            ahead_millis: Timestamp::from(date).as_millis() - middle,
            at: received,
        })
    }
}

/// Returns the difference of the clocks at the last refresh that told; `None` if none did. No key is needed.
///
/// # Errors
///
/// If the vault cannot be read.
pub async fn last_skew(vault: &Vault) -> Result<Option<Skew>, VaultError> {
    let sql = "SELECT skew_ms AS ahead_millis, ended_ms AS at FROM refreshes
               WHERE skew_ms IS NOT NULL ORDER BY ended_ms DESC LIMIT 1";
    let skew = sqlx::query_as(sql)
        .fetch_optional(&vault.store.reader())
        .await;
    skew.map_err(|error| vault.store.error(error))
}
