//! Keeping the token in the file alive while the program runs.

mod schedule;

use std::{
    borrow::Cow, collections::HashSet, convert::Infallible, mem::Discriminant, time::Duration,
};

use evergrant::{
    Broker,
    broker::{BrokerError, Token, TokenWarning, Wanted},
    clock::{Clock, Uptime},
    connection::ConnectionName,
};
use evergrant_server::explain::warning;
use rand::RngExt;

use self::schedule::{Plan, ask_again_after};
use super::token_file::TokenFile;
use crate::cli::{
    broker::explain,
    output::{Output, Warning},
    time::rfc3339,
    vault::rng,
};

/// How much longer than the one at hand a token must live to be another one.
const LONGER: Duration = Duration::from_secs(1);

/// How often the clock is looked at: timers do not count the time in which the machine slept.
const LOOK: Duration = Duration::from_secs(15);

/// Renews the token in a file.
pub(super) struct Renewal<'a> {
    pub(super) broker: &'a Broker,
    pub(super) name: &'a ConnectionName,
    pub(super) min_valid: Option<Duration>,
    pub(super) file: &'a mut TokenFile,
    pub(super) output: &'a mut Output,
}

/// What was said, and need not be said again.
#[derive(PartialEq, Eq, Hash)]
enum Said {
    Refused(Discriminant<BrokerError>),
    Unwritable,
    Warning(Cow<'static, str>),
}

/// The token in the file.
struct Held {
    token: Token,
    /// When it was given.
    at: Uptime,
    plan: Plan,
}

impl Renewal<'_> {
    /// Asks for another token before less than wanted is left of this one, again and again.
    pub(super) async fn run(mut self, token: Token) -> Infallible {
        let clock = Clock::system();
        let mut said = HashSet::new();
        let mut held = Held {
            plan: Plan::of_the_first(token.left(), self.min_valid),
            at: clock.uptime(),
            token,
        };
        let mut pause = match refusal(&held.token) {
            // It was said before the program began.
            Some(why) => {
                said.insert(Said::Refused(std::mem::discriminant(why)));
                ask_again_after(why.retry_at(), clock.now(), jitter())
            }
            None => held.plan.ask_after(held.token.left(), jitter()),
        };
        loop {
            sleep(pause, &clock).await;
            pause = self.renew(&mut held, &clock, &mut said).await;
        }
    }

    /// Asks for another token, and returns how long to wait before the next time.
    async fn renew(
        &mut self,
        held: &mut Held,
        clock: &Clock,
        said: &mut HashSet<Said>,
    ) -> Duration {
        let left = held.left(clock);
        let wanted = Wanted {
            min_valid: Some(held.plan.wanted().max(left + LONGER)),
            ..Wanted::default()
        };
        let (token, why) = match self.broker.token(self.name, &wanted).await {
            Ok(token) => (Some(token.clone()), refusal(&token).cloned()),
            Err(why) => (None, Some(why)),
        };
        let other = token.filter(|token| !held.is(token));
        let is_other = other.is_some();
        if let Some(token) = other {
            if let Err(error) = self.file.write(token.access_token()) {
                let why = format!("{}: {error}", self.file.unwritable(&error));
                self.warn(Said::Unwritable, &why, held, clock, said);
                return ask_again_after(None, clock.now(), jitter());
            }
            *held = Held {
                plan: Plan::of_a_new_one(token.left(), self.min_valid),
                at: clock.uptime(),
                token,
            };
            self.pass_on_warnings(&held.token, said);
        }
        let Some(why) = why else {
            // What fails from now on is news.
            said.retain(|said| matches!(said, Said::Warning(_)));
            let left = held.left(clock);
            return match is_other {
                true => held.plan.ask_after(left, jitter()),
                false => Plan::ask_once_more_after(left),
            };
        };
        let explained = explain(&why, self.name, self.broker).await;
        let step = explained.steps().first();
        let text = step.map_or(explained.to_string(), |step| format!("{explained}; {step}"));
        let kind = Said::Refused(std::mem::discriminant(&why));
        self.warn(kind, &text, held, clock, said);
        ask_again_after(why.retry_at(), clock.now(), jitter())
    }

    /// Warns that the token in the file was not renewed, once for each kind of failure.
    fn warn(
        &mut self,
        kind: Said,
        why: &str,
        held: &Held,
        clock: &Clock,
        said: &mut HashSet<Said>,
    ) {
        if !said.insert(kind) {
            return;
        }
        let lives = if held.left(clock).is_zero() {
            "died at"
        } else {
            "lives until"
        };
        let message = format!(
            "{}: the token in {} {lives} {} and is not renewed yet: {why}",
            self.name,
            self.file.path().display(),
            rfc3339(held.token.expires_at()),
        );
        self.output.warn(&Warning::new("not_renewed", message));
    }

    fn pass_on_warnings(&mut self, token: &Token, said: &mut HashSet<Said>) {
        for found in token.warnings() {
            // That one was said of the first token, and a refusal is said otherwise.
            let known = matches!(
                found,
                TokenWarning::MinValidCut { .. } | TokenWarning::Stale(_)
            );
            let worded = warning(found, self.name);
            if !known && said.insert(Said::Warning(worded.code.clone())) {
                self.output.warn(&worded);
            }
        }
    }
}

impl Held {
    fn left(&self, clock: &Clock) -> Duration {
        let passed = self.at.until(clock.uptime());
        self.token.left().saturating_sub(passed)
    }

    fn is(&self, other: &Token) -> bool {
        self.token.access_token().expose_secret() == other.access_token().expose_secret()
    }
}

/// Returns why there is no better token than this one.
fn refusal(token: &Token) -> Option<&BrokerError> {
    token.warnings().iter().find_map(|warning| match warning {
        TokenWarning::Stale(why) => Some(&**why),
        _ => None,
    })
}

async fn sleep(pause: Duration, clock: &Clock) {
    let end = clock.uptime().plus(pause);
    loop {
        let left = clock.uptime().until(end);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

fn jitter() -> f64 {
    rng().random()
}
