//! Everything the simulator remembers, in memory, behind one lock that is held briefly.

mod client;
mod code_challenge;
mod records;
mod stats;
mod tokens;
mod window;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub(crate) use client::{Client, ClientKind};
pub(crate) use code_challenge::{CodeChallenge, Method};
pub(crate) use records::Record;
pub(crate) use stats::Stats;
pub(crate) use tokens::{AccessToken, DEFAULT_USER, Grant, NewGrant, RefreshToken};
pub(crate) use window::Window;

use crate::clock::{Clock, Millis};
use crate::crm::Module;
use crate::data_center::DataCenter;
use crate::faults::Faults;
use crate::limits::Limits;
use crate::manners::Manners;
use crate::requests::Requests;

/// The state that all ports share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
        }
    }

    /// Locks the state. Never held across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything the simulator remembers.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) rng: StdRng,
    pub(crate) clock: Clock,
    pub(crate) data_centers: Vec<DataCenter>,
    pub(crate) limits: Limits,
    pub(crate) manners: Manners,
    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    pub(crate) stats: Stats,
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) default_client: String,
    pub(crate) grants: HashMap<String, Grant>,
    pub(crate) refresh_tokens: HashMap<String, RefreshToken>,
    pub(crate) access_tokens: HashMap<String, AccessToken>,
    /// Grant tokens made, by client.
    pub(crate) grant_windows: HashMap<String, Window>,
    /// Refresh tokens made, by client and user.
    pub(crate) exchange_windows: HashMap<(String, String), Window>,
    /// Tokens by client credentials, by client.
    pub(crate) client_credentials_windows: HashMap<String, Window>,
    pub(crate) records: BTreeMap<Module, Vec<Record>>,
    last_serial: u64,
}

impl State {
    /// Returns a fresh state with one self client in the first data center.
    pub(crate) fn new(seed: u64, data_centers: Vec<DataCenter>) -> Self {
        let first = data_centers[0].code();
        let mut state = Self {
            seed,
            rng: StdRng::seed_from_u64(seed),
            clock: Clock::default(),
            data_centers,
            limits: Limits::default(),
            manners: Manners::default(),
            faults: Faults::default(),
            requests: Requests::default(),
            stats: Stats::default(),
            clients: BTreeMap::new(),
            default_client: String::new(),
            grants: HashMap::new(),
            refresh_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            grant_windows: HashMap::new(),
            exchange_windows: HashMap::new(),
            client_credentials_windows: HashMap::new(),
            records: BTreeMap::new(),
            last_serial: 0,
        };
        for module in Module::ALL {
            state.set_demo_records(module, module.demo_count());
        }
        state.default_client = state
            .add_client(ClientKind::SelfClient, first, Vec::new())
            .id;
        state
    }

    /// Starts again: the same seed, ports and data centers, nothing else.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.seed, self.data_centers.clone());
    }

    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Returns a running data center; `None` when the code is unknown or not running.
    pub(crate) fn find_data_center(&self, code: &str) -> Option<&DataCenter> {
        self.data_centers
            .iter()
            .find(|data_center| data_center.code() == code)
    }

    /// Returns the next number, by which things are told older from younger.
    fn next_serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    /// Returns random lower-case hex digits.
    pub(crate) fn random_hex(&mut self, digits: usize) -> String {
        self.random_text(b"0123456789abcdef", digits)
    }

    pub(crate) fn random_text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(alphabet[self.rng.random_range(0..alphabet.len())]))
            .collect()
    }

    /// Returns a token in the shape that grant, refresh and access tokens share.
    fn random_token(&mut self) -> String {
        format!("1000.{}.{}", self.random_hex(32), self.random_hex(32))
    }
}
