//! How many calls of a connection may be under way, and who is next.
//!
//! Zoho takes 5 to 25 simultaneous calls of an organisation and app, by edition
//! (<https://www.zoho.com/crm/developer/docs/api/v8/api-limits.html>). The others wait here, each caller in a row of its
//! own, and the next turn is for whoever has the fewest calls under way; those that have as many take turns. The last free
//! turn is for somebody else than who has all the others: so a caller with a thousand requests, or with slow ones, does not
//! keep out one with a single one.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::error::ProxyError;

/// The calls of one connection.
pub(super) struct Queue {
    limits: QueueLimits,
    /// As [`QueueLimits::simultaneous`] says at the moment.
    simultaneous: AtomicUsize,
    state: Mutex<State>,
}

/// How many may do what at once.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// As many calls are under way at Zoho.
    pub simultaneous: usize,
    /// As many more may wait.
    pub waiting: usize,
    /// So long, and no longer.
    pub wait: Duration,
}

#[derive(Default)]
struct State {
    under_way: usize,
    waiting: usize,
    rows: VecDeque<Row>,
    /// How many calls each caller has under way; there are no more callers here than calls.
    held: Vec<(Arc<str>, usize)>,
}

struct Row {
    caller: Arc<str>,
    waiters: VecDeque<oneshot::Sender<Permit>>,
}

/// Why a call may not be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// As many wait as may.
    Full,
    /// It had waited as long as may be.
    Late,
}

impl From<Busy> for ProxyError {
    fn from(busy: Busy) -> Self {
        match busy {
            Busy::Full => Self::busy("queue_full", Duration::from_secs(5)),
            Busy::Late => Self::busy("queue_late", Duration::from_secs(1)),
        }
    }
}

/// The right to have one call under way. Dropping it gives it to the next.
pub(super) struct Permit {
    /// None when it was given back.
    queue: Option<Arc<Queue>>,
    caller: Arc<str>,
}

impl Permit {
    /// Returns whose call it is.
    pub(super) fn caller(&self) -> &str {
        &self.caller
    }
}

impl Queue {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            simultaneous: AtomicUsize::new(limits.simultaneous),
            state: Mutex::default(),
        }
    }

    /// Waits until it is this caller's turn.
    pub(super) async fn enter(self: &Arc<Self>, caller: &str) -> Result<Permit, Busy> {
        let receiver = {
            let mut state = self.state();
            if state.may_begin(caller, self.simultaneous.load(Relaxed)) {
                return Ok(Permit {
                    queue: Some(self.clone()),
                    caller: state.begin(caller),
                });
            }
            if state.waiting >= self.limits.waiting {
                return Err(Busy::Full);
            }
            state.join(caller)
        };
        let mut waiter = Waiter {
            queue: self,
            caller,
            receiver,
        };
        let turn = tokio::time::timeout(self.limits.wait, &mut waiter.receiver).await;
        // The sender lives as long as the row does, which ends with this waiter.
        turn.ok().and_then(Result::ok).ok_or(Busy::Late)
    }

    /// Lets so many calls be under way from now on. Those that are go on.
    pub(super) fn set_simultaneous(self: &Arc<Self>, simultaneous: usize) {
        self.simultaneous.store(simultaneous, Relaxed);
        self.give_on();
    }

    /// Gives turns that are free to those who wait.
    fn give_on(self: &Arc<Self>) {
        loop {
            let next = self.state().next(self.simultaneous.load(Relaxed));
            let Some((caller, waiter)) = next else { return };
            let permit = Permit {
                queue: Some(self.clone()),
                caller,
            };
            if let Err(mut unsent) = waiter.send(permit) {
                // It went away meanwhile.
                unsent.queue = None;
                self.state().end(&unsent.caller);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.state.lock().expect("whole")
    }
}

impl State {
    fn join(&mut self, caller: &str) -> oneshot::Receiver<Permit> {
        let (sender, receiver) = oneshot::channel();
        self.waiting += 1;
        match self.rows.iter_mut().find(|row| *row.caller == *caller) {
            Some(row) => row.waiters.push_back(sender),
            None => self.rows.push_back(Row {
                caller: caller.into(),
                waiters: VecDeque::from([sender]),
            }),
        }
        receiver
    }

    /// Says whether a caller may have one more call under way.
    fn may_begin(&self, caller: &str, simultaneous: usize) -> bool {
        let free = simultaneous.saturating_sub(self.under_way);
        let has_all_others = self.under_way > 0 && self.held_by(caller) == self.under_way;
        free > usize::from(has_all_others)
    }

    fn held_by(&self, caller: &str) -> usize {
        let mut held = self.held.iter();
        held.find(|(holder, _)| **holder == *caller)
            .map_or(0, |(_, calls)| *calls)
    }

    /// Notes one more call under way; returns the caller's name, which its calls share.
    fn begin(&mut self, caller: &str) -> Arc<str> {
        self.under_way += 1;
        if let Some((holder, calls)) =
            (self.held.iter_mut()).find(|(holder, _)| **holder == *caller)
        {
            *calls += 1;
            return holder.clone();
        }
        let holder: Arc<str> = caller.into();
        self.held.push((holder.clone(), 1));
        holder
    }

    fn end(&mut self, caller: &str) {
        self.under_way -= 1;
        if let Some(place) = (self.held.iter()).position(|(holder, _)| **holder == *caller) {
            self.held[place].1 -= 1;
            if self.held[place].1 == 0 {
                self.held.swap_remove(place);
            }
        }
    }

    /// Lets the next waiter begin: the first of the row whose caller has the fewest calls under way. That row is last then.
    fn next(&mut self, simultaneous: usize) -> Option<(Arc<str>, oneshot::Sender<Permit>)> {
        if self.under_way >= simultaneous {
            return None;
        }
        let rows = self.rows.iter().enumerate();
        let (place, _) = rows
            .filter(|(_, row)| self.may_begin(&row.caller, simultaneous))
            .min_by_key(|(_, row)| self.held_by(&row.caller))?;
        let mut row = self.rows.remove(place)?;
        let waiter = row.waiters.pop_front()?;
        let caller = self.begin(&row.caller);
        if !row.waiters.is_empty() {
            self.rows.push_back(row);
        }
        self.waiting -= 1;
        Some((caller, waiter))
    }

    /// Takes those out of a row who do not wait any more.
    fn forget_gone(&mut self, caller: &str) {
        let Some(place) = self.rows.iter().position(|row| *row.caller == *caller) else {
            return;
        };
        let row = &mut self.rows[place];
        let before = row.waiters.len();
        row.waiters.retain(|waiter| !waiter.is_closed());
        self.waiting -= before - row.waiters.len();
        if row.waiters.is_empty() {
            self.rows.remove(place);
        }
    }
}

/// One who waits. Whoever goes away leaves no trace.
struct Waiter<'a> {
    queue: &'a Queue,
    caller: &'a str,
    receiver: oneshot::Receiver<Permit>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        // A permit that came in the last moment goes on to the next when the receiver is dropped.
        self.receiver.close();
        self.queue.state().forget_gone(self.caller);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.state().end(&self.caller);
            queue.give_on();
        }
    }
}

#[cfg(test)]
mod tests;
