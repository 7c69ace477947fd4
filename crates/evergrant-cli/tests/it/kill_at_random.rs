//! Killed at random moments: of the whole run, and of what comes after the request's arrival.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    story::{self, End, NAME, Story},
    world::World,
};

const WORKERS: usize = 2;

/// How many moments, unless EVERGRANT_TEST_MOMENTS says so.
const MOMENTS: u64 = 1000;

/// One exchange in so many is the first in its home: vault and master key are made on the way.
const FIRST: usize = 4;

/// Reads a number that a tester gives.
#[expect(
    clippy::disallowed_methods,
    reason = "it is the tester's environment, not the program's"
)]
pub(crate) fn given_number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

/// Chooses the seed of a test, and prints it.
pub(crate) fn seed() -> u64 {
    let seed = given_number("EVERGRANT_TEST_SEED").unwrap_or_else(rand::random);
    println!("EVERGRANT_TEST_SEED={seed}");
    seed
}

fn home(story: &Story, number: usize) -> World {
    if number.is_multiple_of(FIRST) {
        World::new()
    } else {
        story.used_home()
    }
}

/// How long an exchange takes: in all, and after its request has arrived.
struct Times {
    whole: Duration,
    after_request: Duration,
}

/// Measures the longest of a few exchanges.
fn measure(story: &Story) -> Times {
    let mut times = Times {
        whole: Duration::ZERO,
        after_request: Duration::ZERO,
    };
    for number in 0..8 {
        let (home, grant) = (home(story, number), story.grant());
        let started = Instant::now();
        let child = story::begin(&mut story.command(NAME, &home, &grant), &grant);
        story.wire.wait_for_request();
        let requested = Instant::now();
        assert!(child.wait_with_output().unwrap().status.success());
        times.whole = times.whole.max(started.elapsed());
        times.after_request = times.after_request.max(requested.elapsed());
        story.wire.take();
    }
    times
}

/// Kills an exchange at a moment between 0 and 1 and sees how the story ends.
fn kill_at(story: &Story, number: usize, times: &Times, moment: f64) -> End {
    let (home, grant) = (home(story, number), story.grant());
    let mut child = story::begin(&mut story.command(NAME, &home, &grant), &grant);
    if number.is_multiple_of(3) {
        sleep(times.whole.mul_f64(moment));
    } else {
        story.wire.wait_for_request();
        sleep(times.after_request.mul_f64(moment));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let given = story.wire.take();
    story::end(&home, given.first().map(String::as_str), &|line| {
        home.run(line)
    })
}

#[test]
fn what_reached_us_is_not_lost_at_any_moment() {
    let mut rng = StdRng::seed_from_u64(seed());
    let moments = given_number("EVERGRANT_TEST_MOMENTS").unwrap_or(MOMENTS);
    let moments: Vec<f64> = (0..moments).map(|_| rng.random()).collect();
    let (next, ends) = (
        AtomicUsize::new(0),
        Mutex::new(BTreeMap::<End, usize>::new()),
    );
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let story = Story::new();
                let times = measure(&story);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(moment) = moments.get(number) else {
                        return;
                    };
                    let end = kill_at(&story, number, &times, *moment);
                    *ends.lock().unwrap().entry(end).or_default() += 1;
                }
            });
        }
    });
    println!(
        "killed at {} random moments: {:?}",
        moments.len(),
        ends.into_inner().unwrap()
    );
}
