//! A program that is stopped at every system call of every one of its threads, in the order in which
//! they happen. (strace counts calls thread by thread.)

use std::{
    collections::HashMap,
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command},
};

use nix::{
    errno::Errno,
    libc,
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// The calls that bring bytes to a socket.
const SENDS: [i64; 4] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
];
const SYNCS: [i64; 2] = [libc::SYS_fsync, libc::SYS_fdatasync];

/// What was seen of a run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How many system calls had begun from the request's first byte on, that one included.
    pub(crate) calls: usize,
    /// Whether the call had returned that sends the request's first byte.
    pub(crate) sent: bool,
    /// Whether the sync of the reply in escrow had returned.
    pub(crate) synced: bool,
    /// Whether it was killed; else it came to its own end.
    pub(crate) killed: bool,
}

/// What a call is for.
enum Purpose {
    Request,
    SyncOfReply,
    Other,
}

struct Tracee {
    main: Pid,
    /// The threads that are inside a call, and what it is for.
    inside: HashMap<Pid, Purpose>,
    seen: Seen,
}

/// Runs a program that waits for `input`, and kills it when it begins the `kill_at`th system call
/// from its request's first byte on: that call is not carried out.
pub(crate) fn kill_at(command: &mut Command, input: &str, kill_at: usize) -> Seen {
    let mut child = command.spawn().unwrap();
    let mut tracee = Tracee::seize(&child);
    give(&mut child, input);
    while let Some(stopped) = tracee.next() {
        if tracee.seen.calls >= kill_at && !tracee.seen.killed {
            tracee.seen.killed = true;
            kill(tracee.main, Signal::SIGKILL).unwrap();
        }
        // One that was killed meanwhile cannot be told to go on.
        match ptrace::syscall(stopped.0, stopped.1) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => panic!("{error}"),
        }
    }
    tracee.seen
}

fn give(child: &mut Child, input: &str) {
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
}

impl Tracee {
    /// Takes hold of a program before it has made a thread.
    fn seize(child: &Child) -> Self {
        let main = Pid::from_raw(child.id().try_into().unwrap());
        let options = ptrace::Options::PTRACE_O_TRACESYSGOOD
            | ptrace::Options::PTRACE_O_TRACECLONE
            | ptrace::Options::PTRACE_O_EXITKILL;
        ptrace::seize(main, options).unwrap();
        ptrace::interrupt(main).unwrap();
        Self {
            main,
            inside: HashMap::new(),
            seen: Seen::default(),
        }
    }

    /// Waits for the next stop; returns which thread stopped and the signal that it is to get, or
    /// `None` when all have ended.
    fn next(&mut self) -> Option<(Pid, Option<Signal>)> {
        loop {
            // Only what this thread of the tests started: other tests have children too.
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    self.call(thread);
                    return Some((thread, None));
                }
                Ok(WaitStatus::Stopped(thread, signal)) => return Some((thread, Some(signal))),
                Ok(WaitStatus::PtraceEvent(thread, ..)) => return Some((thread, None)),
                // The first thread is the last to be waited for.
                Ok(WaitStatus::Exited(thread, _) | WaitStatus::Signaled(thread, ..))
                    if thread == self.main =>
                {
                    return None;
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn call(&mut self, thread: Pid) {
        match self.inside.remove(&thread) {
            Some(Purpose::Request) => self.seen.sent = true,
            Some(Purpose::SyncOfReply) => self.seen.synced = true,
            Some(Purpose::Other) => {}
            None => {
                let purpose = self.purpose(thread);
                let begun = self.seen.calls > 0 || matches!(purpose, Purpose::Request);
                self.seen.calls += usize::from(begun);
                self.inside.insert(thread, purpose);
            }
        }
    }

    fn purpose(&self, thread: Pid) -> Purpose {
        let (number, descriptor) = self.number(thread);
        let begun = self.seen.calls > 0;
        if !begun && SENDS.contains(&number) && self.is(descriptor, "socket:") {
            Purpose::Request
        } else if begun && SYNCS.contains(&number) && self.is(descriptor, "/escrow/") {
            Purpose::SyncOfReply
        } else {
            Purpose::Other
        }
    }

    /// Reads which call a stopped thread begins, and its first argument.
    fn number(&self, thread: Pid) -> (i64, u64) {
        let path = format!("/proc/{}/task/{thread}/syscall", self.main);
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut words = text.split_whitespace();
        let number = words.next().and_then(|word| word.parse().ok());
        let first = words.next().and_then(|word| word.strip_prefix("0x"));
        let first = first.and_then(|word| u64::from_str_radix(word, 16).ok());
        (number.unwrap_or(-1), first.unwrap_or(u64::MAX))
    }

    fn is(&self, descriptor: u64, what: &str) -> bool {
        let path = format!("/proc/{}/fd/{descriptor}", self.main);
        let link: PathBuf = fs::read_link(path).unwrap_or_default();
        link.to_string_lossy().contains(what)
    }
}
