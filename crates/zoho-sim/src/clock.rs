//! Simulated time: the machine's time, moved and if wished held still.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Milliseconds since 1970, UTC.
pub(crate) type Millis = i64;

/// The simulator's clock. It runs with the machine's unless it is frozen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    offset: Millis,
    frozen_at: Option<Millis>,
}

impl Clock {
    /// Returns the simulated time.
    pub(crate) fn now(&self) -> Millis {
        self.frozen_at
            .unwrap_or_else(|| machine_time().saturating_add(self.offset))
    }

    /// Moves the clock on, or back when `by` is negative.
    pub(crate) fn advance(&mut self, by: Millis) {
        self.set(self.now().saturating_add(by));
    }

    /// Sets the clock to a time.
    pub(crate) fn set(&mut self, to: Millis) {
        self.offset = to.saturating_sub(machine_time());
        self.frozen_at = self.frozen_at.map(|_| to);
    }

    /// Holds the clock still, or lets it run on from where it stands.
    pub(crate) fn set_frozen(&mut self, frozen: bool) {
        let now = self.now();
        self.frozen_at = frozen.then_some(now);
        self.offset = now.saturating_sub(machine_time());
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen_at.is_some()
    }
}

/// Returns a time as RFC 3339 in UTC; times that cannot be written are cut to the nearest that can.
pub(crate) fn rfc3339(at: Millis) -> String {
    timestamp(at).to_string()
}

/// Returns a time as an HTTP `Date` header wants it.
pub(crate) fn http_date(at: Millis) -> String {
    timestamp(at)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// Returns a time as Zoho's CRM writes it, with an offset.
pub(crate) fn crm_time(at: Millis) -> String {
    timestamp(at)
        .strftime("%Y-%m-%dT%H:%M:%S+00:00")
        .to_string()
}

fn timestamp(at: Millis) -> Timestamp {
    let nearest = at.clamp(
        Timestamp::MIN.as_millisecond(),
        Timestamp::MAX.as_millisecond(),
    );
    Timestamp::from_millisecond(nearest).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one clock; all other times come from it"
)]
fn machine_time() -> Millis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since_epoch.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let mut clock = Clock::default();
        clock.set_frozen(true);
        clock.set(1_000_000);
        assert_eq!(clock.now(), 1_000_000);
        clock.advance(-500);
        assert_eq!(clock.now(), 999_500);
    }

    #[test]
    fn runs_on_from_where_it_stood() {
        let mut clock = Clock::default();
        clock.set_frozen(true);
        clock.set(1_000_000);
        clock.set_frozen(false);
        assert!((1_000_000..1_060_000).contains(&clock.now()));
    }

    #[test]
    fn writes_times_as_http_and_the_crm_do() {
        assert_eq!(
            http_date(1_656_472_923_084),
            "Wed, 29 Jun 2022 03:22:03 GMT"
        );
        assert_eq!(crm_time(1_656_472_923_084), "2022-06-29T03:22:03+00:00");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
    }
}
