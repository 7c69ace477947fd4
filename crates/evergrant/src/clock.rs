//! Time as a value in hand: nothing in this library asks the system for it elsewhere.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, clock_gettime};

/// A moment in milliseconds since 1970, UTC: how every table keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Takes milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the moment that is `by` later, or the last one there is.
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(by))
    }

    /// Returns the moment that is `by` earlier, or the first one there is.
    pub fn minus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(by))
    }

    /// Returns how long it is until `later`; zero if that has passed.
    pub fn until(self, later: Self) -> Duration {
        let millis = later.0.saturating_sub(self.0).max(0);
        Duration::from_millis(millis.unsigned_abs())
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let epoch = Self(0);
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => epoch.plus(since),
            Err(before) => epoch.minus(before.duration()),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(Timestamp(millis): Timestamp) -> Self {
        let from_epoch = Duration::from_millis(millis.unsigned_abs());
        if millis < 0 {
            UNIX_EPOCH - from_epoch
        } else {
            UNIX_EPOCH + from_epoch
        }
    }
}

/// How long the machine has been running, in milliseconds, time in suspend included: nobody can set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Uptime(i64);

impl Uptime {
    /// Takes milliseconds since the machine started.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since the machine started.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the moment that is `by` later, or the last one there is.
    pub fn plus(self, by: Duration) -> Self {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(by))
    }

    /// Returns how long it is until `later`; zero if that has passed.
    pub fn until(self, later: Self) -> Duration {
        let millis = later.0.saturating_sub(self.0).max(0);
        Duration::from_millis(millis.unsigned_abs())
    }
}

/// Returns the id that the kernel gives to every start of the machine
/// ([random(4)](https://man7.org/linux/man-pages/man4/random.4.html)); `None` elsewhere than on Linux.
pub(crate) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// The clock in hand: the system's time plus a shift, which is zero in life and moved by tests.
///
/// Clones share the shift.
#[derive(Clone, Default)]
pub struct Clock {
    shift_millis: Arc<AtomicI64>,
    /// As much of the shift as is no time that passed.
    set_millis: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Moves this clock and its clones forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.shift_millis.fetch_add(by, Ordering::SeqCst);
    }

    /// Returns the present moment.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system"
    )]
    pub fn now(&self) -> Timestamp {
        let shift = self.shift_millis.load(Ordering::SeqCst);
        Timestamp(Timestamp::from(SystemTime::now()).0.saturating_add(shift))
    }

    /// Sets this clock and its clones, as somebody who corrects the time does: the uptime does not follow.
    pub fn set(&self, to: Timestamp) {
        let by = to.0.saturating_sub(self.now().0);
        self.shift_millis.fetch_add(by, Ordering::SeqCst);
        self.set_millis.fetch_add(by, Ordering::SeqCst);
    }

    /// Returns how long the machine has been running, by
    /// [CLOCK_BOOTTIME](https://man7.org/linux/man-pages/man2/clock_gettime.2.html).
    pub fn uptime(&self) -> Uptime {
        let passed =
            self.shift_millis.load(Ordering::SeqCst) - self.set_millis.load(Ordering::SeqCst);
        let up = clock_gettime(RUNNING);
        Uptime(up.tv_sec * 1000 + up.tv_nsec / 1_000_000 + passed)
    }
}

#[cfg(target_os = "linux")]
const RUNNING: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const RUNNING: ClockId = ClockId::Monotonic;

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_can_be_set_and_the_uptime_cannot() {
        let clock = Clock::system();
        let (before, up) = (clock.now(), clock.uptime());
        clock.set(before.minus(Duration::from_secs(300)));
        assert!(clock.now() < before);
        assert!(clock.uptime() >= up && clock.uptime() < up.plus(Duration::from_secs(200)));
        clock.advance(Duration::from_secs(300));
        assert!(clock.uptime() >= up.plus(Duration::from_secs(300)));
    }

    #[test]
    fn clones_move_together() {
        let clock = Clock::system();
        let other = clock.clone();
        let before = clock.now();
        other.advance(Duration::from_secs(3600));
        assert!(clock.now() >= before.plus(Duration::from_secs(3600)));
    }

    #[test]
    fn a_moment_that_has_passed_is_no_time_away() {
        let now = Timestamp::from_millis(1_000);
        assert_eq!(now.until(Timestamp::from_millis(400)), Duration::ZERO);
        assert_eq!(
            now.until(Timestamp::from_millis(1_400)),
            Duration::from_millis(400)
        );
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.plus(Duration::MAX), last);
        assert_eq!(
            Timestamp::from_millis(i64::MIN)
                .minus(Duration::MAX)
                .as_millis(),
            i64::MIN
        );
    }
}
