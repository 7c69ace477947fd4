//! The pages under `docs/clients`: their commands parse, their configuration is read. Their programs run in the tests
//! of what they are written for.

use std::{fs, path::Path};

use crate::world::{Outcome, World};

const PAGES: [&str; 7] = [
    "README.md",
    "adopted-software.md",
    "fixed-hosts.md",
    "generic-oauth2.md",
    "integration-platforms.md",
    "official-sdks.md",
    "proxied-callers.md",
];

/// Returns the code blocks of a page that are in a language, also those inside a list.
pub(super) fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients");
    let text = fs::read_to_string(path.join(page)).unwrap();
    let fenced = text.split("```").skip(1).step_by(2);
    let content = fenced.filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    content.map(str::to_owned).collect()
}

#[test]
fn no_page_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients");
    let found = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = found.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, PAGES);
}

#[test]
fn their_commands_parse() {
    let world = World::new();
    let mut commands = 0;
    for block in PAGES.iter().flat_map(|page| blocks(page, "sh")) {
        let lines = block.lines().map(str::trim);
        for command in lines.filter_map(|line| line.strip_prefix("evergrant ")) {
            let command = command.split(" > ").next().unwrap();
            // Help is printed instead of anything being done, but only if all before it is right.
            let words = command.split_whitespace().chain(["--help"]);
            let outcome = Outcome::of(&mut world.command(words));
            assert_eq!(outcome.exit_code, 0, "{command}: {outcome:?}");
            commands += 1;
        }
    }
    assert!(commands >= 8, "the pages show how it goes");
}

#[test]
fn their_configuration_is_read() {
    for block in PAGES.iter().flat_map(|page| blocks(page, "toml")) {
        let world = World::new();
        world.file("config.toml", &block);
        let outcome = world.run("callers list");
        assert_eq!(outcome.exit_code, 0, "{block}\n{outcome:?}");
    }
}
