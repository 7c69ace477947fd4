//! How many files and sockets this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
