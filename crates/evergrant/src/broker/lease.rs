//! The lease: of all processes that want to refresh one credential, one does.
//!
//! A row with an owner, an end and an epoch that only grows. It is never an open transaction: its end
//! frees it if its owner dies, and the owner renews it while Zoho is being asked. Its end is counted
//! in the machine's uptime, which nobody can set, and holds for this run of the machine only; when the
//! next refresh may be tried is a time of day. The epoch is the fence: an owner that was stopped for an
//! hour finds another epoch and frees nothing that is not its own.

use std::time::Duration;

use sqlx::{FromRow, SqliteConnection};

use super::{
    Limits,
    ledger::{self, Ended, FAR, Moment, SealedToken},
};
use crate::clock::{Timestamp, Uptime};

/// How long a lease holds if it is not renewed.
pub(super) const TTL: Duration = Duration::from_secs(10);

/// How often it is renewed.
pub(super) const RENEWAL: Duration = Duration::from_secs(3);

/// With less than this left, nothing is sent any more.
const TOO_LITTLE: Duration = Duration::from_secs(3);

/// How long after it was entered a refresh may begin without being entered anew.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Who asks for a lease: unlike everybody else in this run of the machine. The process's id is in the name for
/// people, who want to know who hangs.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) boot: Option<String>,
    pub(super) owner: String,
}

impl Asker {
    /// Names a new one.
    pub(super) fn new(boot: Option<String>, random: u128) -> Self {
        let process = std::process::id();
        let owner = format!(
            "{}/{process}/{random:032x}",
            boot.as_deref().unwrap_or_default()
        );
        Self { boot, owner }
    }
}

/// A lease that was taken, and a row in the ledger that is open.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) epoch: i64,
    /// When the refresh was entered: the token lives from then on.
    pub(super) started: Moment,
    sure_until: Uptime,
}

impl Lease {
    /// Tells whether it certainly holds for as long as it takes to send a request, and was entered a moment
    /// ago.
    pub(super) fn is_sure(&self, now: Uptime) -> bool {
        now.until(self.sure_until) >= TOO_LITTLE && self.started.up.until(now) <= AT_ONCE
    }
}

/// What one sees of a lease without touching it: readers do not queue up on the write lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nobody has it.
    Free,
    /// Its owner did not renew it.
    RanOut,
    /// Somebody refreshes.
    Held {
        /// Which refresh it is.
        epoch: i64,
    },
    /// Nobody may refresh until then.
    Closed(Timestamp),
}

/// What came of trying to take a lease.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is ours; the ledger has an open row.
    Lease(Lease),
    /// Meanwhile there is a token.
    Fresh,
    /// Somebody was quicker.
    Held,
    /// Nobody may refresh until then.
    Closed(Timestamp),
    /// So many refreshes were made that the next is to be made then.
    Full(Timestamp),
}

#[derive(FromRow)]
struct Row {
    owner: Option<String>,
    epoch: i64,
    until_ms: Uptime,
    closed_until_ms: Timestamp,
}

impl Row {
    fn look(&self, asker: &Asker, moment: &Moment) -> Look {
        if is_closed(self.closed_until_ms, moment.wall) {
            return Look::Closed(self.closed_until_ms);
        }
        match &self.owner {
            None => Look::Free,
            Some(owner) if is_over(owner, self.until_ms, asker, moment.up) => Look::RanOut,
            Some(_) => Look::Held { epoch: self.epoch },
        }
    }
}

/// A lease of an earlier run of the machine is over, and so is one that ends further ahead than any
/// owner can have written.
fn is_over(owner: &str, until: Uptime, asker: &Asker, up: Uptime) -> bool {
    let of_another_boot = match (owner.split('/').next(), asker.boot.as_deref()) {
        // Who cannot name the boot may be of this one: then its end tells.
        (None | Some(""), _) | (_, None) => false,
        (Some(theirs), Some(ours)) => theirs != ours,
    };
    of_another_boot || until < up || until > up.plus(2 * TTL)
}

/// A time that is too far ahead was written before the clock was set back.
pub(crate) fn is_closed(until: Timestamp, now: Timestamp) -> bool {
    until > now && until <= now.plus(FAR)
}

async fn read(
    connection: &mut SqliteConnection,
    credential: &[u8],
) -> Result<Option<Row>, sqlx::Error> {
    let sql = "SELECT owner, epoch, until_ms, closed_until_ms FROM leases WHERE credential = $1";
    let query = sqlx::query_as(sql).bind(credential);
    query.fetch_optional(connection).await
}

/// Looks at a lease.
pub(super) async fn look(
    connection: &mut SqliteConnection,
    credential: &[u8],
    asker: &Asker,
    moment: &Moment,
) -> Result<Look, sqlx::Error> {
    let row = read(connection, credential).await?;
    Ok(row.map_or(Look::Free, |row| row.look(asker, moment)))
}

/// How many refreshes whoever asks may see in the ledger, and which token will do for them.
pub(super) struct Terms<'a> {
    pub(super) limits: &'a Limits,
    pub(super) allowed: u32,
    pub(super) will_do: &'a (dyn Fn(&SealedToken) -> bool + Sync),
}

/// Takes a lease in the caller's transaction, and enters the refresh in the ledger. The caller commits
/// whatever comes of it, and does nothing else in the transaction: who is stopped in it blocks every
/// writer.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    credential: &[u8],
    asker: &Asker,
    terms: &Terms<'_>,
    moment: &Moment,
) -> Result<Taken, sqlx::Error> {
    let row = read(connection, credential).await?;
    match row.as_ref().map(|row| row.look(asker, moment)) {
        Some(Look::Held { .. }) => return Ok(Taken::Held),
        Some(Look::Closed(until)) => return Ok(Taken::Closed(until)),
        Some(Look::Free | Look::RanOut) | None => {}
    }
    // What was true before we had the write lock may be true no longer.
    let boot = asker.boot.as_deref();
    let found = ledger::best(connection, credential, boot, moment).await?;
    if found.is_some_and(|token| (terms.will_do)(&token)) {
        return Ok(Taken::Fresh);
    }
    let (allowed, limits) = (terms.allowed, terms.limits);
    let full = ledger::full_until(connection, credential, allowed, limits, moment.wall).await?;
    if let Some(until) = full {
        return Ok(Taken::Full(until));
    }
    // An exchange enters its access token without a lease: the next epoch is past both.
    let sql = "INSERT INTO leases (credential, owner, epoch, until_ms, closed_until_ms, failures)
               VALUES ($1, $2, 1 + (SELECT coalesce(max(epoch), 0) FROM refreshes WHERE credential = $1),
                       $3, 0, 0)
               ON CONFLICT (credential) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms,
                 epoch = CASE WHEN excluded.epoch > leases.epoch THEN excluded.epoch ELSE leases.epoch + 1 END
               RETURNING epoch";
    let upsert = sqlx::query_scalar(sql).bind(credential);
    let upsert = upsert.bind(&asker.owner).bind(moment.up.plus(TTL));
    let epoch: i64 = upsert.fetch_one(&mut *connection).await?;
    ledger::begin(connection, credential, epoch, moment.wall).await?;
    Ok(Taken::Lease(Lease {
        epoch,
        started: *moment,
        sure_until: moment.up.plus(TTL),
    }))
}

/// Renews a lease; tells whether it is still ours.
pub(super) async fn renew(
    connection: &mut SqliteConnection,
    credential: &[u8],
    asker: &Asker,
    lease: &mut Lease,
    up: Uptime,
) -> Result<bool, sqlx::Error> {
    let sql = "UPDATE leases SET until_ms = $1 WHERE credential = $2 AND owner = $3 AND epoch = $4";
    let update = sqlx::query(sql).bind(up.plus(TTL)).bind(credential);
    let update = update.bind(&asker.owner).bind(lease.epoch);
    let ours = update.execute(connection).await?.rows_affected() > 0;
    if ours {
        lease.sure_until = up.plus(TTL);
    }
    Ok(ours)
}

/// Renews a lease whose refresh begins only now; tells whether it is still ours.
pub(super) async fn postpone(
    connection: &mut SqliteConnection,
    credential: &[u8],
    asker: &Asker,
    lease: &mut Lease,
    moment: &Moment,
) -> Result<bool, sqlx::Error> {
    let ours = renew(connection, credential, asker, lease, moment.up).await?;
    if ours {
        ledger::postpone(connection, credential, lease.epoch, moment.wall).await?;
        lease.started = *moment;
    }
    Ok(ours)
}

/// What the lease says to those who come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All is well.
    Well,
    /// Another failure: nobody tries again for so long.
    ClosedFor(Duration),
    /// This try counts for nothing.
    AsBefore,
}

/// Enters how a refresh ended and frees the lease, in the caller's transaction; tells whether the lease
/// was still ours. If not, what happened since counts, and not what we found.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    credential: &[u8],
    asker: &Asker,
    lease: &Lease,
    ended: &Ended,
    verdict: Verdict,
    moment: &Moment,
) -> Result<bool, sqlx::Error> {
    let boot = asker.boot.as_deref();
    ledger::end(
        connection,
        credential,
        lease.epoch,
        ended,
        boot,
        moment.wall,
    )
    .await?;
    let sql = match verdict {
        Verdict::Well => "owner = NULL, failures = 0, closed_until_ms = 0, last_error = NULL",
        Verdict::ClosedFor(_) => {
            "owner = NULL, failures = failures + 1, closed_until_ms = $4, last_error = $5"
        }
        Verdict::AsBefore => "owner = NULL",
    };
    let sql =
        format!("UPDATE leases SET {sql} WHERE credential = $1 AND owner = $2 AND epoch = $3");
    let update = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(credential);
    let mut update = update.bind(&asker.owner).bind(lease.epoch);
    if let Verdict::ClosedFor(time) = verdict {
        update = update
            .bind(moment.wall.plus(time))
            .bind(match &ended.outcome {
                ledger::RowOutcome::Refused(word) => word.as_str(),
                outcome => outcome.as_str(),
            });
    }
    Ok(update.execute(connection).await?.rows_affected() > 0)
}

/// What the failures before this one were.
#[derive(Clone, Debug, Default, FromRow)]
pub(super) struct Failures {
    pub(super) failures: i64,
    pub(super) last_error: Option<String>,
}

/// Reads what the failures before this one were.
pub(super) async fn failures(
    connection: &mut SqliteConnection,
    credential: &[u8],
) -> Result<Failures, sqlx::Error> {
    let sql = "SELECT failures, last_error FROM leases WHERE credential = $1";
    let query = sqlx::query_as(sql).bind(credential);
    Ok(query.fetch_optional(connection).await?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use sqlx::Connection;

    use super::*;
    use crate::vault::store::run_migrations;

    /// A service with `ProcSubset=pid` cannot read the boot id, a cron job beside it can.
    #[tokio::test]
    async fn a_lease_of_a_process_that_cannot_name_the_boot_is_honoured() {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        run_migrations(&mut database).await.unwrap();
        let (wall, up) = (
            Timestamp::from_millis(1_800_000_000_000),
            Uptime::from_millis(1_000_000),
        );
        let moment = Moment { wall, up };
        let limits = Limits::default();
        let terms = Terms {
            limits: &limits,
            allowed: 10,
            will_do: &|_| false,
        };
        let (hardened, cron) = (Asker::new(None, 1), Asker::new(Some("boot".into()), 2));
        take(&mut database, b"c", &hardened, &terms, &moment)
            .await
            .unwrap();
        let seen = look(&mut database, b"c", &cron, &moment).await.unwrap();
        assert!(matches!(seen, Look::Held { .. }), "{seen:?}");
    }
}
