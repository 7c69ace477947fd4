//! The ledger: one row for every refresh, written before it is made, with the access token that it
//! brought. It counts the refreshes that are left, and it is where tokens are kept: rows are added and
//! none takes another's place, and the reader takes the token that lives longest. What a row says of its
//! token may change: that it was handed out, was refused or has ended, and where it may be sent, for which it
//! is sealed anew.

use std::time::Duration;

use sqlx::SqliteConnection;
use zoho_oauth::ErrorWord;

use super::{LIVE_TOKENS, Limits, Skew};
use crate::clock::{Timestamp, Uptime};

/// Zoho's window and ours need not begin at the same millisecond.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// A time further ahead than this was written before the clock was set back.
pub(super) const FAR: Duration = Duration::from_secs(900);

/// How long a row is kept: long after its token is dead and it counts for nothing.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many of the newest live tokens are looked at for the one that lives longest.
const NEWEST: i64 = 8;

/// One moment by both clocks: the one that can be set and the one that cannot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) up: Uptime,
}

/// An access token of the ledger, still sealed.
#[derive(Clone, Debug)]
pub(super) struct SealedToken {
    pub(super) epoch: i64,
    pub(super) sealed: Vec<u8>,
    pub(super) expires_at: Timestamp,
    /// When it dies by the machine's uptime, if it was got in this run of the machine.
    pub(super) expires_up: Option<Uptime>,
    /// How long it lived when it was new.
    pub(super) life: Duration,
    pub(super) was_handed_out: bool,
}

impl SealedToken {
    /// Returns how long it lives; it is over as soon as either clock says so.
    pub(super) fn left(&self, moment: &Moment) -> Duration {
        let by_wall = moment.wall.until(self.expires_at).min(self.life);
        match self.expires_up {
            Some(expires_up) => by_wall.min(moment.up.until(expires_up)),
            None => by_wall,
        }
    }
}

/// A token's columns, as a query gives them.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct TokenRow {
    epoch: Option<i64>,
    sealed_token: Option<Vec<u8>>,
    started_ms: Option<Timestamp>,
    expires_ms: Option<Timestamp>,
    boot: Option<String>,
    expires_uptime_ms: Option<Uptime>,
    handed_out_ms: Option<Timestamp>,
}

impl TokenRow {
    /// Reads the columns; `None` if there is no token in them.
    pub(super) fn read(self, this_boot: Option<&str>) -> Option<SealedToken> {
        let of_this_boot = self.boot.is_some() && self.boot.as_deref() == this_boot;
        let expires_at = self.expires_ms?;
        Some(SealedToken {
            epoch: self.epoch?,
            sealed: self.sealed_token?,
            expires_at,
            expires_up: self.expires_uptime_ms.filter(|_| of_this_boot),
            life: self.started_ms?.until(expires_at),
            was_handed_out: self.handed_out_ms.is_some(),
        })
    }
}

/// Picks the token that lives longest, by the clock that nobody can set where that is known.
pub(super) fn longest_lived(
    tokens: impl IntoIterator<Item = SealedToken>,
    moment: &Moment,
) -> Option<SealedToken> {
    let lives = |token: &SealedToken| match token.expires_up {
        Some(expires_up) => moment.up.until(expires_up),
        None => token.left(moment),
    };
    let tokens = tokens.into_iter();
    tokens.max_by_key(|token| (lives(token), token.epoch))
}

/// What makes a row of the ledger a token that may be given. `$1` is the credential, `$2` the present
/// moment.
pub(super) const LIVE: &str =
    "credential = $1 AND outcome = 'granted' AND refused_ms IS NULL AND expires_ms > $2";

/// Finds the token of a credential that lives longest.
pub(super) async fn best(
    connection: &mut SqliteConnection,
    credential: &[u8],
    boot: Option<&str>,
    moment: &Moment,
) -> Result<Option<SealedToken>, sqlx::Error> {
    let sql = format!(
        "SELECT epoch, sealed_token, started_ms, expires_ms, boot, expires_uptime_ms, handed_out_ms
         FROM refreshes WHERE {LIVE} ORDER BY epoch DESC LIMIT {NEWEST}"
    );
    let query = sqlx::query_as::<_, TokenRow>(sqlx::AssertSqlSafe(sql)).bind(credential);
    let rows = query.bind(moment.wall).fetch_all(connection).await?;
    let tokens = rows.into_iter().filter_map(|row| row.read(boot));
    Ok(longest_lived(tokens, moment))
}

/// Tells when the next refresh may be made; `None` if one may be made now.
pub(super) async fn full_until(
    connection: &mut SqliteConnection,
    credential: &[u8],
    allowed: u32,
    limits: &Limits,
    now: Timestamp,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let (from, to) = counted(limits, now);
    let sql = "SELECT started_ms FROM refreshes WHERE credential = $1 AND outcome <> 'not_sent'
               AND started_ms BETWEEN $2 AND $3 ORDER BY started_ms DESC LIMIT $4";
    let query = sqlx::query_scalar::<_, Timestamp>(sql).bind(credential);
    let query = query.bind(from).bind(to);
    let newest = query.bind(i64::from(allowed)).fetch_all(connection).await?;
    let full = newest.len() >= usize::try_from(allowed).unwrap_or(usize::MAX);
    let oldest = newest.last().copied().unwrap_or(now);
    Ok(full.then(|| free_at(oldest, limits)))
}

/// Returns between which moments refreshes count at this one.
pub(crate) fn counted(limits: &Limits, now: Timestamp) -> (Timestamp, Timestamp) {
    (now.minus(limits.window + MARGIN), now.plus(FAR))
}

/// Returns when a refresh that was made at `started` counts no more.
pub(crate) fn free_at(started: Timestamp, limits: &Limits) -> Timestamp {
    started.plus(limits.window + MARGIN)
}

/// Counts the tokens that live; if there are as many as Zoho keeps, tells until when the one lives that
/// goes next.
pub(super) async fn live(
    connection: &mut SqliteConnection,
    credential: &[u8],
    now: Timestamp,
) -> Result<Option<(u32, Timestamp)>, sqlx::Error> {
    let sql = format!("SELECT count(*), min(expires_ms) FROM refreshes WHERE {LIVE}");
    let query = sqlx::query_as::<_, (i64, Option<Timestamp>)>(sqlx::AssertSqlSafe(sql));
    let (alive, oldest) = query
        .bind(credential)
        .bind(now)
        .fetch_one(connection)
        .await?;
    let alive = u32::try_from(alive).unwrap_or(u32::MAX);
    Ok(oldest
        .filter(|_| alive >= LIVE_TOKENS)
        .map(|oldest| (alive, oldest)))
}

/// How a refresh ended, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowOutcome {
    /// A token came.
    Granted,
    /// Zoho refused.
    Refused(ErrorWord),
    /// Zoho refused for now.
    Throttled,
    /// It may have reached Zoho, and no answer can be read.
    Unknown,
    /// It did not leave this machine: it counts for nothing.
    NotSent,
}

impl RowOutcome {
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused(_) => "refused",
            Self::Throttled => "throttled",
            Self::Unknown => "unknown",
            Self::NotSent => "not_sent",
        }
    }
}

/// What a row gets when its refresh ends.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) outcome: RowOutcome,
    pub(super) token: Option<NewToken>,
    /// How far Zoho's clock is from ours.
    pub(super) skew: Option<Skew>,
}

/// A token that has just come, sealed.
#[derive(Debug)]
pub(super) struct NewToken {
    pub(super) sealed: Vec<u8>,
    pub(super) fingerprint: Vec<u8>,
    pub(super) expires_at: Timestamp,
    pub(super) expires_up: Uptime,
}

/// Enters a refresh that is about to be made. One that a dead process left open may have reached Zoho.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    credential: &[u8],
    epoch: i64,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE refreshes SET outcome = 'unknown' WHERE credential = $1 AND outcome = 'open'";
    let left_open = sqlx::query(sql).bind(credential);
    left_open.execute(&mut *connection).await?;
    let sql = "DELETE FROM refreshes WHERE credential = $1 AND started_ms < $2";
    let old = sqlx::query(sql).bind(credential).bind(now.minus(KEPT));
    old.execute(&mut *connection).await?;
    let sql = "INSERT INTO refreshes (credential, epoch, started_ms, outcome)
               VALUES ($1, $2, $3, 'open')";
    let insert = sqlx::query(sql).bind(credential).bind(epoch).bind(now);
    insert.execute(connection).await.map(drop)
}

/// Enters that a refresh begins later than it was entered, since connecting took its time: Zoho counts
/// from then on.
pub(super) async fn postpone(
    connection: &mut SqliteConnection,
    credential: &[u8],
    epoch: i64,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE refreshes SET started_ms = $1 WHERE credential = $2 AND epoch = $3";
    let update = sqlx::query(sql).bind(now).bind(credential).bind(epoch);
    update.execute(connection).await.map(drop)
}

/// Enters how a refresh ended; never conditional on the lease, since a token that came late hurts
/// nobody and may be all there is.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    credential: &[u8],
    epoch: i64,
    ended: &Ended,
    boot: Option<&str>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let token = ended.token.as_ref();
    let sql = "UPDATE refreshes SET outcome = $1, ended_ms = $2, sealed_token = $3, fingerprint = $4,
                 expires_ms = $5, expires_uptime_ms = $6, boot = $7, skew_ms = $8, handed_out_ms = $9
               WHERE credential = $10 AND epoch = $11";
    let update = sqlx::query(sql).bind(ended.outcome.as_str()).bind(now);
    let update = update
        .bind(token.map(|token| token.sealed.as_slice()))
        .bind(token.map(|token| token.fingerprint.as_slice()))
        .bind(token.map(|token| token.expires_at))
        .bind(token.map(|token| token.expires_up))
        .bind(boot)
        .bind(ended.skew.map(|skew| skew.ahead_millis))
        .bind(token.map(|_| now));
    let update = update.bind(credential).bind(epoch);
    update.execute(connection).await.map(drop)
}
