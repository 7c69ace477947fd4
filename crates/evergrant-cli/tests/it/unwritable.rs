//! Files and folders that may not be written, by their modes. Root writes all the same, so that the program runs as
//! a user without rights.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    checks::text,
    flow::{Failure, Flow, SCOPE},
    world::Outcome,
};

/// A user without rights, and their group: nobody, by convention.
const NOBODY: &str = "65534";

/// A home that a user without rights owns.
struct Home {
    flow: Flow,
    program: PathBuf,
}

impl Home {
    /// Makes one whose vault has a connection; a grant token for the next is ready.
    fn new() -> Self {
        let flow = Flow::new();
        let program = flow.world.path("evergrant");
        // Where the program was built, others need not get to.
        fs::copy(env!("CARGO_BIN_EXE_evergrant"), &program).unwrap();
        let home = Self { flow, program };
        home.give_away();
        let kept = home.exchange("");
        assert_eq!(kept.exit_code, 0, "{kept:?}");
        home.flow.grant(json!({ "scope": SCOPE }));
        home
    }

    fn give_away(&self) {
        if rustix::process::geteuid().is_root() {
            let mut chown = Command::new("chown");
            chown.args(["-R", &format!("{NOBODY}:{NOBODY}")]);
            assert!(chown.arg(self.path("")).status().unwrap().success());
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.flow.world.path(name)
    }

    fn exchange(&self, options: &str) -> Outcome {
        self.run(&self.flow.command("acme", options))
    }

    /// Runs a prepared command as the user without rights; whoever runs the tests as one is that user.
    fn run(&self, prepared: &Command) -> Outcome {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("/usr/bin/setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
            command.arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        command.args(prepared.get_args()).env_clear();
        for (name, value) in prepared.get_envs() {
            command.env(name, value.unwrap());
        }
        command.current_dir(self.path(""));
        Outcome::of(&mut command)
    }

    /// Forbids something, and asserts that an exchange and its rehearsal say so alike before anything is sent, and
    /// say it once.
    fn refuses(&self, forbidden: &str, mode: u32, failure: fn() -> Failure<'static>) -> Value {
        let path = self.path(forbidden);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let checked = self.exchange("--replace --check").failed(failure());
        let error = self.exchange("--replace").failed(failure());
        assert_eq!(checked["message"], error["message"]);
        assert_eq!(self.flow.exchanges(), 1, "nothing is sent");
        let causes = error["causes"].as_array().unwrap();
        let twice = causes.windows(2).any(|pair| {
            let said = |cause: &Value| cause.as_str().unwrap().to_owned();
            said(&pair[0]).ends_with(&said(&pair[1]))
        });
        assert!(!twice, "{error}");
        error
    }

    /// Allows something, after which the grant token works.
    fn works_with(&self, allowed: &str) {
        let mut chmod = Command::new("sh");
        chmod.args(["-c", allowed]).current_dir(self.path(""));
        assert!(chmod.status().unwrap().success());
        let kept = self.exchange("--replace");
        assert_eq!(kept.exit_code, 0, "{kept:?}");
        assert_eq!(self.flow.escrow(), 0, "nothing lies in escrow");
    }

    /// Does what an error says is to be done next.
    fn works_as_told(&self, error: &Value) {
        let (_, command) = error["next"][0].as_str().unwrap().split_once(": ").unwrap();
        self.works_with(command);
    }
}

fn names(error: &Value, path: &Path) {
    let path = path.to_str().unwrap();
    assert!(text(error).contains(path), "{error}");
}

#[test]
fn a_vault_that_may_not_be_written() {
    let home = Home::new();
    let error = home.refuses("vault.db", 0o400, || {
        Failure(8, "vault", "vault_unwritable", "unspent")
    });
    names(&error, &home.path("vault.db"));
    home.works_as_told(&error);
}

#[test]
fn a_vault_that_may_not_be_read() {
    let home = Home::new();
    let error = home.refuses("vault.db", 0o000, || {
        Failure(8, "vault", "vault_unwritable", "unspent")
    });
    names(&error, &home.path("vault.db"));
    home.works_as_told(&error);
}

#[test]
fn a_data_folder_that_may_not_be_written() {
    let home = Home::new();
    let error = home.refuses("", 0o500, || {
        Failure(8, "vault", "vault_unwritable", "unspent")
    });
    names(&error, &home.path("vault.db"));
    home.works_as_told(&error);
}

#[test]
fn an_escrow_folder_that_may_not_be_written() {
    let home = Home::new();
    let error = home.refuses("escrow", 0o500, || {
        Failure(8, "vault", "no_escrow", "unspent")
    });
    names(&error, &home.path("escrow"));
    home.works_with("chmod 700 escrow");
}

#[test]
fn an_escrow_folder_that_may_not_be_read() {
    let home = Home::new();
    let error = home.refuses("escrow", 0o300, || {
        Failure(8, "vault", "unreadable", "unspent")
    });
    names(&error, &home.path("escrow"));
    home.works_with("chmod 700 escrow");
}

#[test]
fn a_master_key_that_may_not_be_read() {
    let home = Home::new();
    let error = home.refuses("master.key", 0o000, || {
        Failure(8, "vault", "master_key_unreadable", "unspent")
    });
    names(&error, &home.path("master.key"));
    home.works_with("chmod 600 master.key");
}

#[test]
fn the_doctor_sees_that_nothing_can_be_written() {
    for (forbidden, mode) in [("vault.db", 0o400), ("", 0o500)] {
        let home = Home::new();
        let doctor = home.flow.world.command(["doctor", "--offline", "--json"]);
        assert_eq!(home.run(&doctor).exit_code, 0);
        // Whoever closes it last takes the log away, and a process may end before it has closed it.
        home.flow.rows("SELECT count(*) FROM vault");
        assert!(!home.path("vault.db-wal").exists());
        fs::set_permissions(home.path(forbidden), fs::Permissions::from_mode(mode)).unwrap();
        let outcome = home.run(&doctor);
        assert_eq!(outcome.exit_code, 8, "{outcome:?}");
        let report = outcome.answer();
        let failed = report["checks"].as_array().unwrap().iter();
        let failed: Vec<_> = failed.filter(|one| one["status"] == "fail").collect();
        assert!(failed[0]["next"].to_string().contains("chmod"), "{report}");
        fs::set_permissions(home.path(forbidden), fs::Permissions::from_mode(0o700)).unwrap();
    }
}
