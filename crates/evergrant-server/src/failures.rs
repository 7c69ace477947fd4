//! Bounds what wrong credentials can do. Only failures are counted: whoever is right is never slowed.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::{connection::Peer, place::Place};

/// So many failures a minute are answered in full, from one place.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not 0");

/// So many places are told apart; all others count as one.
const PLACES: usize = 10_000;

/// Counts failures by where they came from.
pub(crate) struct Failures(DefaultKeyedRateLimiter<Place>);

impl Failures {
    pub(crate) fn new() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(PER_MINUTE)))
    }

    /// Counts a failure; tells whether there were too many from there.
    pub(crate) fn count(&self, peer: Peer) -> bool {
        let place = Place::of(peer);
        let place = if self.0.len() < PLACES {
            place
        } else {
            Place::Elsewhere
        };
        self.0.check_key(&place).is_err()
    }

    /// Forgets those who have been quiet; to be called every minute.
    pub(crate) fn forget(&self) {
        self.0.retain_recent();
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn from(ip: &str) -> Peer {
        Peer::Network((ip.parse::<IpAddr>().unwrap(), 1).into())
    }

    #[test]
    fn too_many_from_one_place_are_too_many_there_alone() {
        let failures = Failures::new();
        let wrong: Vec<bool> = (0..61)
            .map(|_| failures.count(from("2001:db8::1")))
            .collect();
        assert!(!wrong[59] && wrong[60]);
        assert!(failures.count(from("2001:db8::ffff")), "the same network");
        assert!(!failures.count(from("2001:db8:1::1")));
        assert!(!failures.count(Peer::Local { uid: 1000 }));
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let failures = Failures::new();
        for number in 0..100_000_u32 {
            failures.count(Peer::Network(
                (IpAddr::from(number.to_be_bytes()), 1).into(),
            ));
        }
        assert!(failures.0.len() <= PLACES + 1);
    }
}
