//! The power goes at any moment: what was not synced is lost, or there, or there in part.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rand::{SeedableRng, rngs::StdRng};

use crate::{
    disk_model::{CALLS, Disk, Survives},
    kill_at_random::seed,
    story::{self, End, NAME, Story},
    strace::{self, Call},
    world::{Outcome, World},
};

const WORKERS: usize = 2;

/// Before the request leaves, one moment in so many is enough: nothing can be lost yet.
const SPARSE: usize = 4;

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The request had begun to leave.
    begun: bool,
    /// The reply had been read.
    replied: bool,
    /// The sync of the reply in escrow had returned, or the program went on as if it had.
    synced: bool,
    /// The answer had been given.
    answered: bool,
}

impl Progress {
    fn hear(&mut self, call: &Call) {
        let sends = call.path_of(0).starts_with("socket:") && !call.is("recvfrom");
        self.begun |= sends
            && matches!(
                call.name.as_str(),
                "writev" | "sendto" | "sendmsg" | "write"
            );
        self.replied |= call.is("recvfrom") && call.returned > 0;
        let commits = call.is("pwrite64") && call.path_of(0).ends_with("/vault.db-wal");
        let syncs = call.is("fdatasync") && call.path_of(0).contains("/escrow/");
        self.synced |= self.replied && (commits || syncs);
        self.answered |= call.is("write") && call.number(0) == 1;
    }
}

/// One exchange, recorded.
struct Recording {
    before: World,
    home: World,
    calls: Vec<Call>,
    given: String,
}

impl Recording {
    fn make(story: &Story, before: World) -> Self {
        let home = World::new();
        home.copy(&before);
        let calls = strace::trace(CALLS, story, &home, &story.grant());
        let given = story.wire.take().remove(0);
        Self {
            before,
            home,
            calls,
            given,
        }
    }

    /// Returns how many calls there were before each moment at which the disk, or the story, is another.
    fn moments(&self) -> Vec<usize> {
        let (mut disk, mut progress) = (self.disk(), Progress::default());
        let mut moments = Vec::new();
        for (number, call) in self.calls.iter().enumerate() {
            progress.hear(call);
            let changed = disk.hear(call) || call.path_of(0).starts_with("socket:");
            if changed && (progress.begun || number.is_multiple_of(SPARSE)) {
                moments.push(number + 1);
            }
        }
        moments
    }

    /// Returns the disk before the exchange, at the path that the calls name.
    fn disk(&self) -> Disk {
        Disk::of(&self.before.path("")).at(&self.home.path(""))
    }

    /// Lets the power go, starts the machine anew, and sees how the story ends.
    fn end(&self, moment: &Moment, survives: &mut Survives<'_>) -> End {
        let home = World::new();
        moment.disk.write_into(&home.path(""), survives);
        let progress = moment.progress;
        if progress.answered {
            let shown = story::names(&after_restart(&home, "connections list --json"));
            let is_there = shown.contains(&NAME.to_owned());
            assert!(is_there, "answered and not in the vault");
        }
        let given = progress.begun.then_some(self.given.as_str());
        let end = story::end(&home, given, &|line| after_restart(&home, line));
        let kept = end == End::Kept || !progress.synced;
        assert!(kept, "synced and lost, after call {}", moment.heard);
        end
    }
}

/// A moment of an exchange.
struct Moment {
    heard: usize,
    disk: Disk,
    progress: Progress,
}

impl Moment {
    /// Goes on until so many calls are heard.
    fn go_on(&mut self, calls: &[Call], until: usize) {
        for call in &calls[self.heard..until] {
            self.disk.hear(call);
            self.progress.hear(call);
        }
        self.heard = until;
    }
}

/// Runs the program on a machine that was started anew, as far as it can tell.
fn after_restart(home: &World, line: &str) -> Outcome {
    let program = home.command(line.split_whitespace());
    let boot_id = home.file("boot_id", "11111111-2222-4333-8444-555555555555\n");
    let script = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script]);
    command
        .arg(boot_id)
        .arg(program.get_program())
        .args(program.get_args());
    let variables = program.get_envs();
    command.env_clear();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    Outcome::of(command.current_dir(home.path("")))
}

fn every_moment(recording: &Recording, seed: u64) -> BTreeMap<(bool, End), usize> {
    let moments = recording.moments();
    let (next, ends) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        let mut moment = Moment {
            heard: 0,
            disk: recording.disk(),
            progress: Progress::default(),
        };
        while let Some(number) = moments.get(next.fetch_add(1, Ordering::Relaxed)) {
            moment.go_on(&recording.calls, *number);
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(*number as u64));
            let part = Survives::Part(&mut rng);
            for mut survives in [Survives::Nothing, Survives::Everything, part] {
                let end = recording.end(&moment, &mut survives);
                let key = (moment.progress.begun, end);
                *ends.lock().unwrap().entry(key).or_default() += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    ends.into_inner().unwrap()
}

fn test(what: &str, story: &Story, before: World) {
    let recording = Recording::make(story, before);
    let ends = every_moment(&recording, seed());
    println!("power lost, {what}: (request begun, end): {ends:?}");
    assert!(ends[&(true, End::Kept)] > 50 && ends[&(true, End::Unknown)] > 3);
}

#[test]
fn what_was_synced_survives() {
    let story = Story::new();
    let before = story.used_home();
    test("vault in use", &story, before);
}

#[test]
fn what_was_synced_survives_in_a_new_home() {
    test("first exchange", &Story::new(), World::new());
}
