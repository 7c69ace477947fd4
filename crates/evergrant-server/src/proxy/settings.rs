//! What an operator may decide.

use std::{collections::HashMap, time::Duration};

use zoho_oauth::ApiDomain;

use super::{pace::Pace, queue::QueueLimits};

/// The settings of the proxy.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Products that answer at other hosts than Zoho's documentation says, or that it does not name.
    pub products: HashMap<String, ApiDomain>,
    /// How many calls of one connection there may be.
    pub queue: QueueLimits,
    /// How long Zoho may take until a reply begins, once it has the whole request.
    pub first_byte: Duration,
    /// How long either side may send nothing, or take nothing, in the middle of a body.
    pub silence: Duration,
    /// How many bytes a caller has to send or take in the time of a silence, so as not to hold a call of its connection
    /// for long by a little now and then.
    pub least: u64,
    /// How long a connection to Zoho is kept that nobody uses.
    pub idle: Duration,
    /// How many such connections each thread keeps for one host.
    pub idle_connections: usize,
}

impl Settings {
    /// Returns how slow a caller may be.
    pub(super) fn pace(&self) -> Pace {
        Pace {
            silence: self.silence,
            least: self.least,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            products: HashMap::new(),
            queue: QueueLimits {
                simultaneous: 10,
                waiting: 100,
                wait: Duration::from_secs(30),
            },
            // Bulk calls and reports take minutes.
            first_byte: Duration::from_secs(5 * 60),
            silence: Duration::from_secs(2 * 60),
            // 273 bytes a second: the worst mobile lines carry ten times that. Kestrel asks for 240
            // (<https://learn.microsoft.com/en-us/dotnet/api/microsoft.aspnetcore.server.kestrel.core.kestrelserverlimits.minrequestbodydatarate>).
            least: 32 * 1024,
            // Below what servers usually keep, so that a request seldom meets one that is being closed.
            idle: Duration::from_secs(30),
            idle_connections: 32,
        }
    }
}
