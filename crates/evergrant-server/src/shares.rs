//! How many connections one address may hold: nobody shall take all of them.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use crate::{config::Config, place::Place};

/// What each address holds, over all threads and all that is listened at.
pub(crate) struct Shares {
    limits: Limits,
    held: Mutex<HashMap<Place, Held>>,
}

struct Limits {
    elsewhere: AtomicUsize,
    loopback: AtomicUsize,
}

/// What one address holds. It goes with the last connection.
struct Held {
    connections: usize,
    /// Whether it was said that there are too many.
    is_told: bool,
}

/// One connection of an address; dropping it gives its place back.
pub(crate) struct Share {
    /// None where nobody counts.
    of: Option<(Arc<Shares>, Place)>,
}

impl Shares {
    pub(crate) fn new(config: &Config) -> Self {
        let shares = Self {
            limits: Limits {
                elsewhere: AtomicUsize::new(0),
                loopback: AtomicUsize::new(0),
            },
            held: Mutex::default(),
        };
        shares.set(config);
        shares
    }

    /// Takes in how many there may be from now on. Who has more keeps them.
    ///
    /// A reverse proxy on this machine brings everybody from loopback, so that has no limit unless one is named.
    pub(crate) fn set(&self, config: &Config) {
        let half = config.connections.get().div_ceil(2);
        let named = config.connections_per_address.map(NonZeroUsize::get);
        self.limits.elsewhere.store(named.unwrap_or(half), Relaxed);
        self.limits
            .loopback
            .store(named.unwrap_or(usize::MAX), Relaxed);
    }

    /// Counts a connection; `None` if there are as many from there as may be.
    pub(crate) fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Share> {
        let limit = self.limit(ip);
        if limit == usize::MAX {
            return Some(Share { of: None });
        }
        let place = Place::from(ip);
        let mut all = self.held();
        let held = all.entry(place).or_insert(Held {
            connections: 0,
            is_told: false,
        });
        if held.connections < limit {
            held.connections += 1;
            let of = Some((self.clone(), place));
            return Some(Share { of });
        }
        let is_news = !std::mem::replace(&mut held.is_told, true);
        drop(all);
        if is_news {
            tracing::warn!(%ip, connections = limit, "an address has as many connections as it may have");
        }
        None
    }

    fn limit(&self, ip: IpAddr) -> usize {
        let limit = match ip.to_canonical().is_loopback() {
            true => &self.limits.loopback,
            false => &self.limits.elsewhere,
        };
        limit.load(Relaxed)
    }

    fn give_back(&self, place: Place) {
        let mut all = self.held();
        let Entry::Occupied(mut entry) = all.entry(place) else {
            return;
        };
        let limit = self.limits.elsewhere.load(Relaxed);
        let held = entry.get_mut();
        held.connections -= 1;
        // Somebody who stays at the limit is told of once.
        held.is_told &= held.connections > limit / 2;
        if held.connections == 0 {
            entry.remove();
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Place, Held>> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.held.lock().expect("whole")
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some((shares, place)) = self.of.take() {
            shares.give_back(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(elsewhere: usize, loopback: usize) -> Arc<Shares> {
        Arc::new(Shares {
            limits: Limits {
                elsewhere: AtomicUsize::new(elsewhere),
                loopback: AtomicUsize::new(loopback),
            },
            held: Mutex::default(),
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_others_have_theirs() {
        let shares = shares(2, usize::MAX);
        let first = shares.take(ip("192.0.2.1")).unwrap();
        let _second = shares.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(shares.take(ip("192.0.2.1")).is_none());
        assert!(shares.take(ip("192.0.2.2")).is_some());
        drop(first);
        assert!(shares.take(ip("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_version_6_is_one_address() {
        let shares = shares(1, usize::MAX);
        let _held = shares.take(ip("2001:db8::1")).unwrap();
        assert!(shares.take(ip("2001:db8::ffff")).is_none());
        assert!(shares.take(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn whoever_has_gone_leaves_no_trace() {
        let shares = shares(2, usize::MAX);
        let all: Vec<_> = (0..1000_u32)
            .map(|number| shares.take(number.to_be_bytes().into()).unwrap())
            .collect();
        assert_eq!(shares.held().len(), 1000);
        drop(all);
        assert!(shares.held().is_empty());
    }

    #[test]
    fn loopback_may_be_a_reverse_proxy_with_everybody_behind_it() {
        let shares = shares(1, usize::MAX);
        let all: Vec<_> = (0..100).map(|_| shares.take(ip("127.0.0.1"))).collect();
        assert!(all.iter().all(Option::is_some));
    }

    #[test]
    fn it_is_told_once_a_bout() {
        let shares = shares(4, usize::MAX);
        let is_told = || shares.held().values().any(|held| held.is_told);
        let mut held: Vec<_> = (0..4).map(|_| shares.take(ip("192.0.2.1"))).collect();
        assert!(shares.take(ip("192.0.2.1")).is_none() && is_told());
        held.truncate(3);
        assert!(is_told(), "it is still near its limit");
        held.truncate(2);
        assert!(!is_told());
    }
}
