//! Counts what became of requests.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::problem::Code;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Zoho's reply was passed on, whatever it says.
    Passed,
    /// The request could not be passed on as it was.
    Usage,
    /// A rule of ours did not allow it.
    Denied,
    /// The connection or its settings are not such that there could be a reply.
    Config,
    /// The connection's refresh token is dead or revoked.
    NewGrantNeeded,
    /// No refresh may be made for a while.
    Throttled,
    /// Too many requests of the connection were under way.
    Busy,
    /// Zoho was not reached or did not reply.
    Unavailable,
    /// The vault refused.
    Vault,
}

impl Outcome {
    /// Every outcome, in the order of their numbers.
    pub(crate) const ALL: [Self; 9] = [
        Self::Passed,
        Self::Usage,
        Self::Denied,
        Self::Config,
        Self::NewGrantNeeded,
        Self::Throttled,
        Self::Busy,
        Self::Unavailable,
        Self::Vault,
    ];

    /// Returns the code of the error that is answered.
    pub(super) fn code(self) -> Code {
        match self {
            Self::Passed => Code::Internal,
            Self::Usage => Code::Usage,
            Self::Denied => Code::Denied,
            Self::Config => Code::Config,
            Self::NewGrantNeeded => Code::NewGrantNeeded,
            Self::Throttled => Code::Throttled,
            Self::Busy | Self::Unavailable => Code::Unavailable,
            Self::Vault => Code::Vault,
        }
    }

    /// Returns the outcome's name for metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Usage => "usage",
            Self::Denied => "denied",
            Self::Config => "config",
            Self::NewGrantNeeded => "new_grant_needed",
            Self::Throttled => "throttled",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Vault => "vault",
        }
    }
}

/// The upper ends of the buckets in which times are counted; what took longer is in one more.
pub(crate) const BUCKETS: [Duration; 11] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// Counters, to be read whenever somebody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    seconds: [AtomicU64; BUCKETS.len() + 1],
    nanoseconds: AtomicU64,
    broken: AtomicU64,
    repeated: AtomicU64,
}

impl Measures {
    /// Counts one request by its outcome, and the time until its reply began.
    pub(super) fn note(&self, outcome: Outcome, time: Duration) {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        let bucket = BUCKETS.partition_point(|end| *end < time);
        self.seconds[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn note_broken(&self) {
        self.broken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_repeated(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many requests had this outcome.
    pub(crate) fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize].load(Ordering::Relaxed)
    }

    /// Returns how many requests fell into each bucket of [`BUCKETS`], and into the one past them.
    pub(crate) fn buckets(&self) -> [u64; BUCKETS.len() + 1] {
        std::array::from_fn(|bucket| self.seconds[bucket].load(Ordering::Relaxed))
    }

    /// Returns the time of all requests together.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Returns how many replies broke off after they had begun.
    pub(crate) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    /// Returns how many requests were sent once more, with another token.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_the_bucket_that_ends_at_or_after_them() {
        let measures = Measures::default();
        for milliseconds in [0, 5, 6, 60_000, 60_001] {
            measures.note(Outcome::Passed, Duration::from_millis(milliseconds));
        }
        let buckets = measures.buckets();
        assert_eq!(
            (buckets[0], buckets[1], buckets[10], buckets[11]),
            (2, 1, 1, 1)
        );
        assert_eq!(measures.outcome(Outcome::Passed), 5);
        assert_eq!(measures.time(), Duration::from_millis(120_012));
    }

    #[test]
    fn every_outcome_has_its_own_counter() {
        for (number, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, number);
        }
    }
}
