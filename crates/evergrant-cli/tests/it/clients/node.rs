//! Zoho's Node SDK.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Estate, sdks};

/// Finds the folder with node and the packages; fails the test if they are not there.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../sdk-node");
    let made_for = fs::read_to_string(folder.join("installed"));
    assert!(
        made_for.unwrap_or_default() == include_str!("../../sdk-package.json"),
        "Zoho's Node SDK is missing in {} or is another version: run scripts/node-sdk, which needs npm and a network",
        folder.display()
    );
    folder.canonicalize().unwrap()
}

impl Estate {
    /// Prepares a run of a program, which finds the packages beside it.
    pub(super) fn node(&self, program: &str) -> Command {
        let world = &self.flow.world;
        world.file("program.mjs", program);
        // It may be there from the run before.
        let _ = symlink(installed().join("node_modules"), world.path("node_modules"));
        let mut command = Command::new(installed().join("node"));
        command
            .env_clear()
            .current_dir(world.path(""))
            .arg("program.mjs");
        command
    }

    fn sdk_in_node(&self, accounts_domain: &str, api_domain: &str) -> Command {
        let mut command = self.node(include_str!("../../sdk.mjs"));
        command.args(["self_client.json", accounts_domain, api_domain]);
        command
    }
}

#[test]
fn it_exchanges_refreshes_lists_adds_and_changes_here() {
    sdks::work_here(Estate::sdk_in_node);
}

#[test]
fn it_stays_when_zoho_names_its_own_domain() {
    sdks::stay(Estate::sdk_in_node);
}

#[test]
fn it_leaves_when_nothing_stands_in_between() {
    sdks::leave_without_us(Estate::sdk_in_node);
}

#[test]
fn the_page_about_sdks_shows_the_line() {
    let printed = sdks::run_the_page("js", Estate::node);
    assert!(printed.contains("Müller"), "{printed}");
}
