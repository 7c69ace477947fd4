//! How slow a caller may be in the middle of a body, where it holds one of the few calls that others wait for.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// What a caller has to send or take at the least.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// So long it may keep us waiting altogether...
    pub(super) silence: Duration,
    /// ...for as many bytes.
    pub(super) least: u64,
}

/// Why a caller is not waited for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooSlow {
    /// Nothing comes.
    Silent,
    /// Something comes, but too little.
    Slow,
}

/// The time that a caller may still keep us waiting: it gets shorter while we wait, and longer by every byte that comes,
/// up to one silence. Time in which nobody asks it for more does not count.
pub(super) struct Credit {
    pace: Pace,
    left: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Credit {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            left: pace.silence,
            since: None,
            timer: None,
        }
    }

    /// Notes that something came.
    pub(super) fn came(&mut self, bytes: usize) {
        let waited = self.since.take().map_or(Duration::ZERO, |at| at.elapsed());
        let earned = self.pace.time_for(bytes);
        self.left = (self.left.saturating_sub(waited) + earned).min(self.pace.silence);
    }

    /// Is ready when the caller has used up its time; to be polled whenever there is nothing.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<TooSlow> {
        let since = *self.since.get_or_insert_with(|| {
            let now = Instant::now();
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(now + self.left),
                None => self.timer = Some(Box::pin(sleep_until(now + self.left))),
            }
            now
        });
        let Some(timer) = &mut self.timer else {
            return Poll::Pending;
        };
        timer.as_mut().poll(cx).map(|()| {
            let is_silent = since.elapsed() >= self.pace.silence / 2;
            if is_silent {
                TooSlow::Silent
            } else {
                TooSlow::Slow
            }
        })
    }
}

impl Pace {
    /// Returns how long so many bytes may take, and one silence at the most.
    fn time_for(&self, bytes: usize) -> Duration {
        let bytes = bytes as u64;
        if bytes >= self.least {
            return self.silence;
        }
        self.silence.mul_f64(bytes as f64 / self.least as f64)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const PACE: Pace = Pace {
        silence: Duration::from_secs(120),
        least: 32 * 1024,
    };

    /// Lets so many bytes come after each pause, for a day at the most; says when that was too slow.
    async fn sent(bytes: usize, pause: Duration) -> Option<(TooSlow, Duration)> {
        let (began, mut credit) = (Instant::now(), Credit::new(PACE));
        while began.elapsed() < Duration::from_secs(24 * 3600) {
            let late = std::future::poll_fn(|cx| credit.poll(cx));
            match timeout(pause, late).await {
                Ok(why) => return Some((why, began.elapsed())),
                Err(_) => credit.came(bytes),
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_a_byte_now_and_then_come_to_their_end() {
        let silent = sent(0, PACE.silence * 2).await.unwrap();
        assert_eq!((silent.0, silent.1.as_secs()), (TooSlow::Silent, 120));
        let (why, when) = sent(1, Duration::from_secs(10)).await.unwrap();
        assert_eq!((why, when.as_secs()), (TooSlow::Slow, 120));
        let (why, when) = sent(2730, Duration::from_secs(11)).await.unwrap();
        assert_eq!(why, TooSlow::Slow);
        assert!(when > PACE.silence * 8, "it is a little too slow: {when:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_line_is_waited_for() {
        assert_eq!(sent(2731, Duration::from_secs(10)).await, None);
        assert_eq!(sent(32 * 1024, Duration::from_secs(119)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_asks_is_not_the_callers() {
        let mut credit = Credit::new(PACE);
        for _ in 0..100 {
            credit.came(1);
            sleep(PACE.silence).await;
        }
        let late = std::future::poll_fn(|cx| credit.poll(cx));
        assert!(timeout(PACE.silence / 2, late).await.is_err());
    }
}
