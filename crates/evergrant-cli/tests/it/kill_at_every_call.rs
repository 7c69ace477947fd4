//! Killed at every system call from the request's first byte to the program's end.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    story::{self, End, NAME, Story},
    tracee::{self, Seen},
};

/// As many processors as the machine of the checks has.
const WORKERS: usize = 2;

/// Kills an exchange at one call and sees how the story ends.
fn kill_at(story: &Story, call: usize) -> (Seen, End) {
    let (home, grant) = (story.used_home(), story.grant());
    let mut command = story.command(NAME, &home, &grant);
    let seen = tracee::kill_at(&mut command, grant["code"].as_str().unwrap(), call);
    let given = story.wire.take();
    let end = story::end(&home, given.first().map(String::as_str), &|line| {
        home.run(line)
    });
    match end {
        End::Unknown => assert!(!seen.synced, "synced and lost, killed at call {call}"),
        End::NotSent => assert!(!seen.sent, "sent and not heard, killed at call {call}"),
        End::Kept => {}
    }
    (seen, end)
}

#[test]
fn what_reached_us_is_not_lost() {
    let (next, ends) = (
        AtomicUsize::new(1),
        Mutex::new(BTreeMap::<End, usize>::new()),
    );
    let calls = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let story = Story::new();
                loop {
                    let call = next.fetch_add(1, Ordering::Relaxed);
                    let (seen, end) = kill_at(&story, call);
                    if !seen.killed {
                        calls.fetch_max(seen.calls, Ordering::Relaxed);
                        assert_eq!(end, End::Kept);
                        return;
                    }
                    *ends.lock().unwrap().entry(end).or_default() += 1;
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    println!(
        "killed at {} system calls: {ends:?}",
        ends.values().sum::<usize>()
    );
    assert!(
        calls.into_inner() > 100,
        "an exchange has more calls than that"
    );
    // Mostly one, the request's own call; more if another thread begins calls before that one returns.
    // That each of them came before the return, `kill_at` has looked at.
    assert!(ends[&End::NotSent] >= 1);
    assert!(ends[&End::Kept] > ends[&End::Unknown] && ends[&End::Unknown] > 1);
}
