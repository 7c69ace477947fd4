//! A disk that is full, or read-only: before the request nothing is spent, after it nothing is lost.

use std::process::{Child, Stdio};

use serde_json::Value;

use crate::{
    small_disk::SmallDisk,
    story::{self, End, NAME, Story, begin, refresh_token},
    strace,
    world::{Outcome, World},
};

/// A home on a small disk.
struct Scene {
    story: Story,
    grant: Value,
    // Dropped before the disk that it lies on.
    home: World,
    disk: SmallDisk,
}

impl Scene {
    fn set() -> Option<Self> {
        let (disk, story) = (SmallDisk::mount()?, Story::new());
        let home = World::in_folder(disk.path());
        story.furnish(&home);
        let grant = story.grant();
        Some(Self {
            story,
            grant,
            home,
            disk,
        })
    }

    fn exchange(&self) -> Outcome {
        self.story.exchange(&self.home, &self.grant)
    }

    /// Starts an exchange and returns when its reply is on the way, and held.
    fn begin(&self, command: &mut std::process::Command) -> Child {
        self.story.wire.hold();
        let child = begin(command, &self.grant);
        self.story.wire.wait_for_replies(1);
        child
    }

    fn finish(&self, child: Child) -> Outcome {
        self.story.wire.release();
        child.wait_with_output().unwrap().into()
    }
}

fn is_refused_unspent(outcome: &Outcome) {
    let error = outcome.error();
    assert_eq!(
        (outcome.exit_code, outcome.stdout.as_str()),
        (8, ""),
        "{error}"
    );
    assert_eq!(error["grant"], "unspent", "{error}");
}

#[test]
fn full_before_the_request_nothing_is_spent() {
    let Some(scene) = Scene::set() else { return };
    scene.disk.fill();
    is_refused_unspent(&scene.exchange());
    assert!(scene.story.wire.take().is_empty());
    scene.disk.make_room();
    let outcome = scene.exchange();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
}

#[test]
fn read_only_before_the_request_nothing_is_spent() {
    let Some(scene) = Scene::set() else { return };
    // What lies on a read-only disk cannot be told to the program through it either.
    let mut command = scene.story.command(NAME, &scene.home, &scene.grant);
    scene.disk.set_read_only(true);
    let child = begin(&mut command, &scene.grant);
    is_refused_unspent(&child.wait_with_output().unwrap().into());
    assert!(scene.story.wire.take().is_empty());
    scene.disk.set_read_only(false);
    let outcome = scene.exchange();
    assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
}

#[test]
fn full_after_the_request_the_reply_is_in_escrow() {
    let Some(scene) = Scene::set() else { return };
    let child = scene.begin(&mut scene.story.command(NAME, &scene.home, &scene.grant));
    scene.disk.fill();
    let outcome = scene.finish(child);
    let error = outcome.error();
    assert_eq!(
        (outcome.exit_code, outcome.stdout.as_str()),
        (8, ""),
        "{error}"
    );
    assert_eq!(
        (&error["reason"], &error["grant"]),
        (&"in_escrow".into(), &"spent".into())
    );
    scene.disk.make_room();
    let given = scene.story.wire.take().remove(0);
    let end = story::end(&scene.home, Some(&given), &|line| scene.home.run(line));
    assert_eq!(end, End::Kept);
}

#[test]
fn when_nothing_can_be_written_the_sealed_text_is_all_there_is() {
    for json in [true, false] {
        let Some(scene) = Scene::set() else { return };
        let program = scene.story.command(NAME, &scene.home, &scene.grant);
        let words = program.get_args().filter(|word| json || *word != "--json");
        // A disk that fails under the escrow file, and has no room for another.
        let options = ["-o", "/dev/null", "-e", "inject=fdatasync:error=EIO"];
        let mut command = strace::command(&options, &scene.home.command(words));
        let child = scene.begin(command.stdin(Stdio::piped()));
        scene.disk.fill();
        let outcome = scene.finish(child);
        assert_eq!(
            (outcome.exit_code, outcome.stdout.as_str()),
            (8, ""),
            "{}",
            outcome.stderr
        );
        let given = scene.story.wire.take().remove(0);
        let text = if json {
            let error = outcome.error();
            assert_eq!(error["reason"], "only_here");
            let causes = error["causes"].as_array().unwrap().iter();
            let mut records = causes
                .filter_map(Value::as_str)
                .filter(|cause| cause.contains("BEGIN"));
            records.next().unwrap().to_owned()
        } else {
            outcome.stderr
        };
        assert!(!text.contains(&given), "the text is sealed");

        scene.disk.make_room();
        std::fs::remove_dir_all(scene.home.path("escrow")).unwrap();
        let outcome = scene.home.run_with_input("recover --paste", &text);
        assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
        assert_eq!(refresh_token(&scene.home, NAME), Some(given));
    }
}

#[test]
fn a_full_disk_keeps_a_vault_from_being_read_and_that_is_said() {
    let Some(scene) = Scene::set() else { return };
    assert_eq!(scene.exchange().exit_code, 0);
    for name in ["vault.db-wal", "vault.db-shm"] {
        std::fs::remove_file(scene.home.path(name)).ok();
    }
    scene.disk.fill();
    for line in ["token", "connections show", "connections list"] {
        let line = match line {
            "connections list" => format!("{line} --json"),
            line => format!("{line} {NAME} --json"),
        };
        let outcome = scene.home.run(&line);
        let error = outcome.error();
        assert_eq!(outcome.exit_code, 8, "{line}: {error}");
        assert_eq!(error["reason"], "disk_unwritable", "{line}: {error}");
        let next = error["next"].to_string();
        assert!(next.contains("make room on the disk"), "{line}: {error}");
    }
    scene.disk.make_room();
    assert_eq!(scene.home.run(&format!("token {NAME}")).exit_code, 0);
}
