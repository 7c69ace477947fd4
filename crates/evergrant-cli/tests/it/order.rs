//! The order of an exchange, as the kernel saw it: nothing is sent before a reply can be kept, and nothing
//! is answered or removed before it is.

use crate::{
    story::Story,
    strace::{self, Call},
};

const CALLS: &str = "openat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,write,writev,pwrite64,sendto,\
                     sendmsg,recvfrom,read,fsync,fdatasync,sync_file_range,sync,syncfs";

/// What an exchange on a vault that is in use may cost.
const SYNCS: usize = 9;

/// Where the reply's slot begins in an escrow record.
const SLOT: i64 = 16 * 1024;

/// A name of a step, and how to recognise it.
type Step = (&'static str, fn(&Call) -> bool);

const STEPS: [Step; 13] = [
    ("the escrow file is written", |call| {
        call.is("pwrite64") && call.path_of(0).contains("/escrow/.new-")
    }),
    ("and synced", |call| {
        call.is("fsync") && call.path_of(0).contains("/escrow/.new-")
    }),
    ("it gets its name", |call| {
        call.name.starts_with("rename") || call.name.starts_with("link")
    }),
    ("its folder is synced", |call| {
        call.is("fsync") && call.path_of(0).ends_with("/escrow")
    }),
    ("the vault knows of it", is_commit),
    ("the request is marked as leaving", |call| {
        call.is("pwrite64") && is_record(call) && call.bytes(1)[0] == b's'
    }),
    ("the request leaves", |call| {
        call.path_of(0).starts_with("socket:") && !call.is("recvfrom")
    }),
    ("the reply comes", |call| {
        call.path_of(0).starts_with("socket:") && call.is("recvfrom") && call.returned > 0
    }),
    ("it goes into escrow", |call| {
        call.is("pwrite64") && is_record(call) && call.number(3) == SLOT
    }),
    ("and is synced", |call| {
        call.is("fdatasync") && is_record(call)
    }),
    ("the connection is committed", is_commit),
    ("the answer is given", |call| {
        call.is("write") && call.number(0) == 1
    }),
    ("the escrow file is removed", |call| {
        call.is("unlink") && call.path(0).to_string_lossy().contains("/escrow/")
    }),
];

fn is_commit(call: &Call) -> bool {
    call.name.ends_with("sync") && call.path_of(0).ends_with("/vault.db-wal")
}

fn is_record(call: &Call) -> bool {
    call.path_of(0).contains("/escrow/")
}

fn is_sync(call: &Call) -> bool {
    call.name.contains("sync")
}

#[test]
fn everything_is_durable_before_what_relies_on_it() {
    let story = Story::new();
    let home = story.used_home();
    let calls = strace::trace(CALLS, &story, &home, &story.grant());
    let mut position = 0;
    for (name, is_step) in STEPS {
        let found = calls[position..].iter().position(is_step);
        let found = found.unwrap_or_else(|| panic!("not in its place: {name}"));
        position += found + 1;
    }
    // What must happen once happens once: no second request, no second write of the reply.
    for index in [6, 8, 9, 11, 12] {
        let (name, is_step) = STEPS[index];
        assert_eq!(
            calls.iter().filter(|call| is_step(call)).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn an_exchange_costs_few_syncs() {
    let story = Story::new();
    let home = story.used_home();
    let calls = strace::trace(CALLS, &story, &home, &story.grant());
    let syncs: Vec<_> = calls.iter().filter(|call| is_sync(call)).collect();
    for call in &syncs {
        println!("{} {}", call.name, call.path_of(0));
    }
    println!("{} syncs", syncs.len());
    assert!(syncs.len() <= SYNCS, "{} syncs", syncs.len());
}
