//! Counting requests in a window of time, and blocking when there were too many.

use crate::clock::Millis;
use crate::limits::Allowance;
use crate::manners::{Manners, ThrottleBlock, ThrottleRetry};

/// The requests that count at the moment. A window begins with the first request in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    began_at: Option<Millis>,
    count: u64,
    blocked_until: Option<Millis>,
}

impl Window {
    /// Counts a request if the allowance has room for it; returns whether it had.
    pub(crate) fn admit(&mut self, now: Millis, allowance: Allowance, manners: &Manners) -> bool {
        let length =
            Millis::try_from(allowance.window_seconds.saturating_mul(1000)).unwrap_or(Millis::MAX);
        if let Some(end) = self.blocked_until {
            if now < end {
                if manners.throttle_retry == ThrottleRetry::Extends {
                    self.blocked_until = Some(now.saturating_add(length));
                }
                return false;
            }
            *self = Self::default();
        }
        let end = self.began_at.map(|began| began.saturating_add(length));
        if end.is_none_or(|end| now >= end) {
            *self = Self {
                began_at: Some(now),
                ..Self::default()
            };
        }
        if self.count < allowance.requests {
            self.count += 1;
            return true;
        }
        self.blocked_until = match manners.throttle_block {
            ThrottleBlock::RestOfWindow => self.began_at.map(|began| began.saturating_add(length)),
            ThrottleBlock::WholeWindow => Some(now.saturating_add(length)),
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_IN_TEN_SECONDS: Allowance = Allowance {
        requests: 2,
        window_seconds: 10,
    };

    /// Asks at these seconds and returns what was admitted.
    fn ask(manners: &Manners, seconds: &[Millis]) -> Vec<bool> {
        let mut window = Window::default();
        seconds
            .iter()
            .map(|second| window.admit(second * 1000, TWO_IN_TEN_SECONDS, manners))
            .collect()
    }

    #[test]
    fn blocks_for_the_rest_of_the_window() {
        assert_eq!(
            ask(&Manners::default(), &[0, 1, 8, 9, 10]),
            [true, true, false, false, true]
        );
    }

    #[test]
    fn blocks_for_a_whole_window_from_the_first_refusal() {
        let manners = Manners {
            throttle_block: ThrottleBlock::WholeWindow,
            ..Manners::default()
        };
        assert_eq!(
            ask(&manners, &[0, 1, 8, 10, 17, 18]),
            [true, true, false, false, false, true]
        );
    }

    #[test]
    fn a_retry_can_extend_the_block() {
        let manners = Manners {
            throttle_retry: ThrottleRetry::Extends,
            ..Manners::default()
        };
        assert_eq!(
            ask(&manners, &[0, 1, 8, 9, 18, 28]),
            [true, true, false, false, false, true]
        );
    }
}
