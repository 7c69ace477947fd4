//! What an answer of Zoho means: for the ledger, for the lease, for the connection's state.

use std::time::Duration;

use zoho_oauth::{ConnectError, ErrorWord, Grant, Refusal, SendError, TokenReply, Unreadable};

use super::{
    lease::{Failures, Verdict},
    ledger::{MARGIN, RowOutcome},
};
use crate::connection::State;

/// The wait after the first failure; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How long after a first `invalid_code` the refresh token is tried once more before it counts as dead.
const CONFIRM_AFTER: Duration = Duration::from_secs(60);

/// The reason that is noted if Zoho refuses although we have made fewer refreshes than it takes.
pub(super) const OUTSIDER: &str = "Access Denied, though our own count is not full";

/// What one call came to.
#[derive(Debug)]
pub(super) enum Called {
    /// A reply came.
    Replied(TokenReply),
    /// The request did not leave.
    NotSent(ConnectError),
    /// It may have left, and nothing came back.
    Lost(SendError),
    /// The lease was lost before the request left.
    TooLate,
}

/// What a call means.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) row: RowOutcome,
    pub(super) grant: Option<Box<Grant>>,
    pub(super) verdict: Verdict,
    /// The state that the connection gets, and why; `None` leaves it as it is.
    pub(super) state: Option<(State, Option<String>)>,
}

impl Outcome {
    /// Judges a call. `full` tells whether our own count of refreshes in the window was full, `jitter` is a
    /// random part of one.
    pub(super) fn of(
        called: Called,
        earlier: &Failures,
        full: bool,
        jitter: f64,
        window: Duration,
    ) -> Self {
        match called {
            Called::Replied(TokenReply::Granted(grant)) if grant.access_token.is_some() => Self {
                row: RowOutcome::Granted,
                grant: Some(Box::new(grant)),
                verdict: Verdict::Well,
                state: Some((State::Healthy, None)),
            },
            Called::Replied(TokenReply::Granted(_)) => failing(
                RowOutcome::Unknown,
                "the reply holds no access token".into(),
                earlier,
                jitter,
            ),
            Called::Replied(TokenReply::Refused(refusal)) => {
                refused(refusal, earlier, full, jitter, window)
            }
            Called::Replied(TokenReply::Unreadable(unreadable)) => {
                failing(RowOutcome::Unknown, reason(&unreadable), earlier, jitter)
            }
            Called::Lost(error) => failing(RowOutcome::Unknown, error.to_string(), earlier, jitter),
            Called::NotSent(error) if error.is_transient() => {
                failing(RowOutcome::NotSent, chain(&error), earlier, jitter)
            }
            // How this process is set up is no other's business.
            Called::NotSent(_) | Called::TooLate => Self {
                row: RowOutcome::NotSent,
                grant: None,
                verdict: Verdict::AsBefore,
                state: None,
            },
        }
    }
}

fn refused(
    refusal: Refusal,
    earlier: &Failures,
    full: bool,
    jitter: f64,
    window: Duration,
) -> Outcome {
    let word = refusal.word.clone();
    let outcome = |row, verdict, state, reason: &str| Outcome {
        row,
        grant: None,
        verdict,
        state: Some((state, Some(reason.to_owned()))),
    };
    if word.is_throttle() {
        let reason = if full { "Access Denied" } else { OUTSIDER };
        let time = window + MARGIN + MARGIN.mul_f64(jitter);
        return outcome(
            RowOutcome::Throttled,
            Verdict::ClosedFor(time),
            State::Throttled,
            reason,
        );
    }
    let row = RowOutcome::Refused(word.clone());
    if word.is_about_the_token() {
        let again = earlier.last_error.as_deref().map(ErrorWord::of);
        return if again.is_some_and(|before| before.is_about_the_token()) {
            outcome(
                row,
                Verdict::ClosedFor(CONFIRM_AFTER),
                State::NewGrantNeeded,
                word.as_str(),
            )
        } else {
            let reason = format!(
                "Zoho says {word}; it is asked once more before the refresh token counts as dead"
            );
            outcome(
                row,
                Verdict::ClosedFor(CONFIRM_AFTER),
                State::Failing,
                &reason,
            )
        };
    }
    if is_about_the_app(&word) {
        return outcome(row, Verdict::AsBefore, State::AppRefused, word.as_str());
    }
    failing(row, refusal.to_string(), earlier, jitter)
}

/// Tells whether it is the app, or what it asks for, that is refused: asking again changes nothing.
fn is_about_the_app(word: &ErrorWord) -> bool {
    matches!(
        word,
        ErrorWord::InvalidClient
            | ErrorWord::InvalidClientSecret
            | ErrorWord::UnauthorizedClient
            | ErrorWord::UnsupportedGrantType
            | ErrorWord::InvalidScope
            | ErrorWord::MissingOrgInfo
            | ErrorWord::InvalidSoid
            | ErrorWord::InvalidOrg
    )
}

fn failing(row: RowOutcome, reason: String, earlier: &Failures, jitter: f64) -> Outcome {
    let doublings = u32::try_from(earlier.failures.clamp(0, 10)).unwrap_or_default();
    let wait = (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    Outcome {
        row,
        grant: None,
        verdict: Verdict::ClosedFor(wait.mul_f64(1.0 - jitter / 4.0)),
        state: Some((State::Failing, Some(reason))),
    }
}

fn reason(unreadable: &Unreadable) -> String {
    unreadable.to_string()
}

/// Returns an error with all its causes, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use zoho_oauth::UnreadableKind;

    use super::*;
    use crate::connection::REFRESH_WINDOW;

    fn refusal(word: &str) -> Called {
        Called::Replied(TokenReply::Refused(Refusal {
            word: ErrorWord::of(word),
            description: None,
            http_status: 200,
        }))
    }

    fn of(called: Called, failures: i64, last_error: Option<&str>) -> Outcome {
        let earlier = Failures {
            failures,
            last_error: last_error.map(str::to_owned),
        };
        Outcome::of(called, &earlier, true, 0.0, REFRESH_WINDOW)
    }

    fn state(outcome: &Outcome) -> State {
        outcome.state.as_ref().unwrap().0
    }

    #[test]
    fn a_throttle_closes_for_longer_than_the_window() {
        let outcome = of(refusal("Access Denied"), 0, None);
        assert_eq!(state(&outcome), State::Throttled);
        assert_eq!(outcome.row, RowOutcome::Throttled);
        assert_eq!(
            outcome.verdict,
            Verdict::ClosedFor(Duration::from_secs(605))
        );
    }

    #[test]
    fn a_throttle_before_our_count_is_full_names_an_outsider() {
        let called = refusal("Access Denied");
        let outcome = Outcome::of(called, &Failures::default(), false, 0.0, REFRESH_WINDOW);
        assert_eq!(outcome.state.unwrap().1.as_deref(), Some(OUTSIDER));
    }

    #[test]
    fn a_refresh_token_is_dead_when_it_is_refused_twice() {
        let first = of(refusal("invalid_code"), 0, None);
        assert_eq!(state(&first), State::Failing);
        assert_eq!(first.verdict, Verdict::ClosedFor(CONFIRM_AFTER));
        let after_an_outage = of(refusal("invalid_code"), 3, Some("unknown"));
        assert_eq!(state(&after_an_outage), State::Failing);
        let second = of(refusal("invalid_code"), 1, Some("invalid_code"));
        assert_eq!(state(&second), State::NewGrantNeeded);
    }

    #[test]
    fn a_refused_app_is_no_dead_refresh_token() {
        for word in [
            "invalid_client",
            "invalid_client_secret",
            "missing_org_info",
        ] {
            assert_eq!(
                state(&of(refusal(word), 0, None)),
                State::AppRefused,
                "{word}"
            );
        }
    }

    #[test]
    fn failures_close_for_twice_as_long_each_and_five_minutes_at_most() {
        let page = || {
            Called::Replied(TokenReply::Unreadable(Unreadable {
                what: UnreadableKind::Html,
                http_status: 503,
                content_type: None,
            }))
        };
        for (failures, seconds) in [(0, 5), (1, 10), (2, 20), (5, 160), (6, 300), (99, 300)] {
            let outcome = of(page(), failures, None);
            assert_eq!(
                outcome.verdict,
                Verdict::ClosedFor(Duration::from_secs(seconds))
            );
            assert_eq!(outcome.row, RowOutcome::Unknown);
        }
    }

    #[test]
    fn what_did_not_leave_counts_for_nothing() {
        let refused = ConnectError::Refused { host: "h".into() };
        let outcome = of(Called::NotSent(refused), 0, None);
        assert_eq!(outcome.row, RowOutcome::NotSent);
        assert_eq!(state(&outcome), State::Failing);
        let own = ConnectError::BadProxy { reason: "none" };
        let outcome = of(Called::NotSent(own), 0, None);
        assert_eq!(
            (outcome.verdict, outcome.state.is_none()),
            (Verdict::AsBefore, true)
        );
    }
}
