//! Core dumps: none of this process, and as many as before of the programs that it runs.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What this process was allowed when it began.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Forbids core dumps of this process: a core file would hold in clear every secret that was in memory.
///
/// Only the soft limit is lowered, which is the one that counts: a hard one could not be given back to
/// the programs that this process runs.
pub fn forbid_core_dumps() {
    let before = *BEFORE.get_or_init(|| getrlimit(Resource::Core));
    // Lowering a limit is always allowed.
    let _ = setrlimit(Resource::Core, none(before));
}

/// Starts a program, which may dump as much as this process might have. Meanwhile this process cannot be
/// dumped, whatever its limit: a program begins without that mark
/// ([prctl(2)](https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html)), but with the limit.
pub(crate) fn allowing_a_program<T>(start: impl FnOnce() -> T) -> T {
    let Some(before) = BEFORE.get().copied() else {
        return start();
    };
    let marked = Marked::new();
    let raised = marked.is_some() && setrlimit(Resource::Core, before).is_ok();
    let started = start();
    if raised {
        let _ = setrlimit(Resource::Core, none(before));
    }
    started
}

fn none(before: Rlimit) -> Rlimit {
    Rlimit {
        current: Some(0),
        ..before
    }
}

/// The mark of a process that cannot be dumped; taken off when it is dropped.
struct Marked {
    #[cfg(target_os = "linux")]
    before: rustix::process::DumpableBehavior,
}

#[cfg(target_os = "linux")]
impl Marked {
    fn new() -> Option<Self> {
        use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};
        let before = dumpable_behavior().ok()?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok()?;
        Some(Self { before })
    }
}

#[cfg(target_os = "linux")]
impl Drop for Marked {
    fn drop(&mut self) {
        let _ = rustix::process::set_dumpable_behavior(self.before);
    }
}

#[cfg(not(target_os = "linux"))]
impl Marked {
    /// Elsewhere there is no such mark; the limit is raised for the moment of the start only.
    fn new() -> Option<Self> {
        Some(Self {})
    }
}
