//! Zoho's Python SDK.

use std::{path::Path, process::Command};

use super::{Estate, sdks};
use crate::sdk::python;

impl Estate {
    /// Prepares a run of Python.
    fn python(&self) -> Command {
        let mut command = Command::new(python());
        command.env_clear().current_dir(self.flow.world.path(""));
        command
    }

    fn sdk_in_python(&self, accounts_domain: &str, api_domain: &str) -> Command {
        let mut command = self.python();
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk.py"))
            .args(["self_client.json", accounts_domain, api_domain]);
        command
    }
}

#[test]
fn it_exchanges_refreshes_lists_adds_and_changes_here() {
    sdks::work_here(Estate::sdk_in_python);
}

#[test]
fn it_stays_when_zoho_names_its_own_domain() {
    sdks::stay(Estate::sdk_in_python);
}

#[test]
fn it_leaves_when_nothing_stands_in_between() {
    sdks::leave_without_us(Estate::sdk_in_python);
}

#[test]
fn the_page_about_sdks_shows_the_line() {
    let printed = sdks::run_the_page("python", |estate, program| {
        let mut command = estate.python();
        command.args(["-c", program]);
        command
    });
    assert!(printed.starts_with("['Müller', 'Dupont'"), "{printed}");
}
