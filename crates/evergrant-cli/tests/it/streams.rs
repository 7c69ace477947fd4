//! What goes to which stream, and what happens when nobody reads it.

use std::{fs::File, process::Stdio};

use crate::world::{Outcome, World};

#[test]
fn help_and_version_are_what_was_asked_for() {
    let world = World::new();
    for line in ["--help", "-h", "--version", "man --help"] {
        let outcome = world.run(line);
        assert_eq!(
            (outcome.exit_code, outcome.stderr.as_str()),
            (0, ""),
            "{line}"
        );
        assert!(!outcome.stdout.is_empty(), "{line}");
    }
}

#[test]
fn a_failure_leaves_standard_output_empty() {
    let world = World::new();
    for line in [
        "",
        "nonsense",
        "man --to",
        "completions bash --json --nonsense",
    ] {
        let outcome = world.run(line);
        assert_eq!(
            (outcome.exit_code, outcome.stdout.as_str()),
            (2, ""),
            "{line}"
        );
    }
}

#[test]
fn with_json_the_error_is_one_line_of_it() {
    let outcome = World::new().run("--json nonsense");
    let error: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    assert_eq!(error["error"]["code"], "usage");
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let outcome = Outcome::of(world.command(["man"]).stdout(Stdio::from(writer)));
    assert_eq!((outcome.exit_code, outcome.stderr.as_str()), (0, ""));
}

#[test]
fn a_full_disk_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let outcome = Outcome::of(World::new().command(["man"]).stdout(Stdio::from(full)));
    assert_eq!(outcome.exit_code, 1);
    assert!(
        outcome.stderr.contains("cannot write to standard output"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn manual_pages_of_all_commands_go_to_a_folder() {
    let world = World::new();
    assert_eq!(world.run("man --to man1").exit_code, 0);
    let page = std::fs::read_to_string(world.path("man1/evergrant-completions.1")).unwrap();
    assert!(
        page.contains("EXIT STATUS") && page.contains("grant_dead"),
        "{page}"
    );
    assert!(world.path("man1/evergrant.1").is_file());
    let page = std::fs::read_to_string(world.path("man1/evergrant-exec.1")).unwrap();
    let synopsis = "exec\\fR <NAME> [OPTIONS] \\-\\- <PROGRAM> [ARG]...";
    assert!(page.contains(synopsis), "{page}");
    assert!(page.contains(".SH EXAMPLES") && !page.contains("EXTRA"));
}
