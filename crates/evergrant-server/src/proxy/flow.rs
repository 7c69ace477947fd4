//! Replies under way, and those that have stopped.
//!
//! A reply holds a connection to Zoho and one of the few calls that its connection may have at once. If Zoho stops in the
//! middle of it, or the caller takes no more, that would be for ever: nobody is asked for the next piece then, and no
//! timer of the body's own is polled. So all bodies of a thread are looked through now and then. A body says that it
//! moves by two stores; it needs no timer.
//!
//! A caller that takes a little now and then would hold the call for long too, so it has to keep a pace. Whose fault it is
//! that little moves is told by what a body does when it is looked at: if it waits for Zoho's next piece, Zoho is slow,
//! which it may be as long as anything comes; if nobody asks for a piece, the caller has not taken the last ones.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use tokio::runtime::Handle;

use super::{
    measure::Measures,
    pace::Pace,
    pool::{Connection, Pool},
    queue::Permit,
};

/// The replies of one thread that are under way.
pub(super) struct Flows {
    pace: Pace,
    places: Mutex<Places>,
    is_watched: AtomicBool,
}

#[derive(Default)]
struct Places {
    flows: Vec<Option<Arc<Flow>>>,
    free: Vec<usize>,
}

/// One reply under way.
struct Flow {
    state: Mutex<State>,
    /// How many bytes went through; counted by its body alone.
    moved: AtomicU64,
    awaits_zoho: AtomicBool,
    is_cut: AtomicBool,
}

struct State {
    held: Option<Held>,
    /// How many bytes had gone through when it was last looked at.
    seen: u64,
    /// What was seen then; None if it was not looked at yet.
    before: Option<Look>,
}

/// What is seen of a reply from one look to the next.
#[derive(Clone, Copy)]
struct Look {
    moved: u64,
    awaits_zoho: bool,
}

/// What is given back when a body has ended.
pub(super) struct Held {
    pub(super) connection: Connection,
    pub(super) pool: Arc<Pool>,
    pub(super) permit: Permit,
    pub(super) measures: Arc<Measures>,
}

/// A reply's place among those that are looked through. Dropping it closes the connection, unless it was kept.
pub(super) struct Place {
    flows: Arc<Flows>,
    flow: Arc<Flow>,
    number: usize,
}

impl Held {
    /// Keeps the connection for the next request: nothing is left on it.
    pub(super) fn keep(self) {
        self.pool.keep(self.connection);
        drop(self.permit);
    }

    fn cut(self, why: &'static str) {
        tracing::info!(caller = self.permit.caller(), why, "a reply was cut");
        self.measures.note_broken();
        self.connection.close();
    }
}

impl Flows {
    /// Makes an empty list; what stands still for a silence, or half as long again at the most, is cut, and so is what
    /// its caller takes too slowly for as long.
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            places: Mutex::default(),
            is_watched: AtomicBool::new(false),
        }
    }

    /// Makes an empty list with the same pace.
    pub(super) fn empty(&self) -> Self {
        Self::new(self.pace)
    }

    /// Takes in a reply that begins.
    pub(super) fn begin(self: &Arc<Self>, held: Held) -> Place {
        let flow = Arc::new(Flow {
            state: Mutex::new(State {
                held: Some(held),
                seen: 0,
                before: None,
            }),
            moved: AtomicU64::new(0),
            awaits_zoho: AtomicBool::new(false),
            is_cut: AtomicBool::new(false),
        });
        let number = self.places().add(flow.clone());
        self.watch();
        Place {
            flows: self.clone(),
            flow,
            number,
        }
    }

    /// Has the list looked through as long as there is anything on it.
    fn watch(self: &Arc<Self>) {
        if self.is_watched.swap(true, Relaxed) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return self.is_watched.store(false, Relaxed);
        };
        let (flows, time) = (Arc::downgrade(self), self.pace.silence / 2);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(time).await;
                match flows.upgrade() {
                    Some(flows) if flows.look() => {}
                    _ => return,
                }
            }
        });
    }

    /// Cuts what was too slow since the look before the last one; says whether anything is under way.
    fn look(&self) -> bool {
        let mut places = self.places();
        let still = places
            .flows
            .iter()
            .flatten()
            .filter(|flow| flow.is_too_slow(self.pace.least));
        let cut: Vec<Held> = still.filter_map(|flow| flow.cut()).collect();
        let some_left = places.flows.len() > places.free.len();
        if !some_left {
            // After a rush, its room is given back.
            *places = Places::default();
            self.is_watched.store(false, Relaxed);
        }
        drop(places);
        for held in cut {
            held.cut("it stood still, or its caller took too little");
        }
        some_left
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.places.lock().expect("whole")
    }
}

impl Places {
    fn add(&mut self, flow: Arc<Flow>) -> usize {
        match self.free.pop() {
            Some(number) => {
                self.flows[number] = Some(flow);
                number
            }
            None => {
                self.flows.push(Some(flow));
                self.flows.len() - 1
            }
        }
    }
}

impl Flow {
    fn is_too_slow(&self, least: u64) -> bool {
        let moved = self.moved.load(Relaxed);
        let mut state = self.state();
        let now = Look {
            moved: moved - mem::replace(&mut state.seen, moved),
            awaits_zoho: self.awaits_zoho.load(Relaxed),
        };
        // It may have begun just now: the first look says nothing.
        let is_first = state.before.is_none();
        let now = if is_first { Look::enough(least) } else { now };
        let before = state.before.replace(now);
        before.is_some_and(|before| before.is_too_slow_with(now, least))
    }

    fn cut(&self) -> Option<Held> {
        let held = self.state().held.take()?;
        self.is_cut.store(true, Relaxed);
        Some(held)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Unwrap safety: nothing panics while it holds the lock.
        self.state.lock().expect("whole")
    }
}

impl Look {
    fn enough(least: u64) -> Self {
        Self {
            moved: least,
            awaits_zoho: false,
        }
    }

    /// Says whether too little moved in the two times before this look and the other.
    fn is_too_slow_with(self, other: Self, least: u64) -> bool {
        let moved = self.moved + other.moved;
        let zoho_is_slow = self.awaits_zoho || other.awaits_zoho;
        moved == 0 || (moved < least && !zoho_is_slow)
    }
}

impl Place {
    /// Notes that a piece went through.
    pub(super) fn moves(&self, bytes: usize) {
        let flow = &self.flow;
        // Nobody else counts: one store is enough.
        let moved = flow.moved.load(Relaxed) + bytes as u64;
        flow.moved.store(moved, Relaxed);
        flow.awaits_zoho.store(false, Relaxed);
    }

    /// Notes that the next piece was asked for and is not there yet.
    pub(super) fn awaits_zoho(&self) {
        self.flow.awaits_zoho.store(true, Relaxed);
    }

    /// Says whether it stood still for too long. Then what comes is no end, even if it looks like one.
    pub(super) fn is_cut(&self) -> bool {
        self.flow.is_cut.load(Relaxed)
    }

    /// Ends a reply: all of it went through.
    pub(super) fn end(self) {
        if let Some(held) = self.held() {
            held.keep();
        }
    }

    /// Ends a reply that broke off.
    pub(super) fn break_off(self) {
        if let Some(held) = self.held() {
            held.cut("it broke off at Zoho's end");
        }
    }

    fn held(&self) -> Option<Held> {
        self.flow.state().held.take()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.flows.places();
        places.flows[self.number] = None;
        places.free.push(self.number);
        drop(places);
        if let Some(held) = self.held() {
            held.connection.close();
        }
    }
}
