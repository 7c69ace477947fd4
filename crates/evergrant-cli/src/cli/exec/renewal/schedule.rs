//! When to ask for the next token.

use std::time::Duration;

use evergrant::clock::Timestamp;

/// How long a token shall live where nobody says otherwise, if it is no more than a quarter of its life:
/// the broker's rule.
const USUAL: Duration = Duration::from_secs(300);

/// The longest wait after a failure that does not say when to ask again.
const AGAIN: Duration = Duration::from_secs(30);

/// The shortest wait.
const SHORTEST: Duration = Duration::from_millis(500);

/// By which share of its length a wait is shortened at the most, so that many processes do not ask at once.
const JITTER: f64 = 0.1;

/// What is wanted of the token in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    wanted: Duration,
}

impl Plan {
    /// Makes the plan for a token that may have lived for a while: it has what was wanted of it, or the
    /// broker has said that it has not.
    pub(super) fn of_the_first(left: Duration, min_valid: Option<Duration>) -> Self {
        let wanted = match min_valid {
            Some(wanted) => wanted,
            None if left >= USUAL => USUAL,
            None => left / 4,
        };
        if wanted < left {
            Self { wanted }
        } else {
            Self::of_a_new_one(left, min_valid)
        }
    }

    /// Makes the plan for a token that has just begun to live.
    pub(super) fn of_a_new_one(life: Duration, min_valid: Option<Duration>) -> Self {
        let wanted = min_valid.unwrap_or(USUAL.min(life / 4));
        Self {
            wanted: wanted.min(life / 10 * 9),
        }
    }

    /// Returns how long the token shall live at least.
    pub(super) fn wanted(self) -> Duration {
        self.wanted
    }

    /// Returns when to ask for another: after about four fifths of what is left, and before less is left
    /// than wanted. The jitter is between 0 and 1.
    pub(super) fn ask_after(self, left: Duration, jitter: f64) -> Duration {
        let late = (left / 5 * 4).mul_f64(1.0 - JITTER * jitter);
        late.min(left.saturating_sub(self.wanted)).max(SHORTEST)
    }

    /// Returns when to ask again if the broker finds that the token will do: so much was wanted that the
    /// broker had to cut it.
    pub(super) fn ask_once_more_after(left: Duration) -> Duration {
        (left / 20).max(SHORTEST)
    }
}

/// Returns when to ask again after a failure: when it says, or within half a minute.
pub(super) fn ask_again_after(
    retry_at: Option<Timestamp>,
    now: Timestamp,
    jitter: f64,
) -> Duration {
    let spread = Duration::from_secs(1).mul_f64(jitter);
    match retry_at {
        Some(time) => now.until(time).max(SHORTEST) + spread,
        None => AGAIN.mul_f64(1.0 - jitter / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_hour_is_renewed_after_about_48_minutes() {
        let plan = Plan::of_a_new_one(seconds(3600), None);
        assert_eq!(plan.ask_after(seconds(3600), 0.0), seconds(2880));
        assert_eq!(plan.ask_after(seconds(3600), 1.0), seconds(2592));
    }

    #[test]
    fn a_token_found_late_in_its_life_is_renewed_before_less_than_wanted_is_left() {
        let plan = Plan::of_the_first(seconds(600), None);
        assert_eq!(plan.ask_after(seconds(600), 0.0), seconds(300));
        let plan = Plan::of_the_first(seconds(2460), Some(seconds(2400)));
        assert_eq!(plan.ask_after(seconds(2460), 0.0), seconds(60));
    }

    #[test]
    fn more_than_a_token_can_have_is_cut() {
        let plan = Plan::of_a_new_one(seconds(3600), Some(seconds(7200)));
        assert_eq!(plan.ask_after(seconds(3600), 0.0), seconds(360));
    }

    #[test]
    fn a_failure_is_followed_when_it_says_or_within_half_a_minute() {
        let now = Timestamp::from_millis(1_000_000);
        let wait = ask_again_after(Some(now.plus(seconds(600))), now, 0.5);
        assert_eq!(wait, seconds(600) + Duration::from_millis(500));
        assert_eq!(ask_again_after(None, now, 0.0), seconds(30));
        assert_eq!(ask_again_after(None, now, 1.0), seconds(15));
        assert!(ask_again_after(Some(now.minus(seconds(9))), now, 0.0) >= SHORTEST);
    }

    proptest! {
        #[test]
        fn what_is_wanted_is_still_left_when_another_is_asked_for(
            life in 4..100_000_u64, asked in proptest::option::of(0..100_000_u64), jitter in 0.0..1.0
        ) {
            let (life, asked) = (seconds(life), asked.map(seconds));
            for plan in [Plan::of_a_new_one(life, asked), Plan::of_the_first(life, asked)] {
                let wait = plan.ask_after(life, jitter);
                prop_assert!(wait == SHORTEST || life - wait >= plan.wanted());
            }
        }
    }
}
