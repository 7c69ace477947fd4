//! How many files and sockets this process may have open.

use std::num::NonZeroUsize;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many files as are kept for the vault, the log, and connections to Zoho: an eighth, and no fewer than these.
const OURS: u64 = 256;

/// Returns how many connections of callers there may be, at the limit that holds now.
pub(crate) fn left_for_callers() -> NonZeroUsize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let left = limit.saturating_sub(OURS.max(limit / 8));
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    NonZeroUsize::new(left).unwrap_or(NonZeroUsize::MIN)
}

/// Asks for as many as the system allows. Where nothing says otherwise it is a thousand, which is a caller's
/// connection each; the limit is kept low for programs that use `select`.
pub(crate) fn allow_as_many_as_may_be() {
    let limit = getrlimit(Resource::Nofile);
    // A process may always raise the one to the other.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}
