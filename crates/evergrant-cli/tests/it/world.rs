//! The test world: an empty home, an environment with nothing in it, and the real program.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A home folder of its own, which goes when the test ends.
pub(crate) struct World {
    home: tempfile::TempDir,
}

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit_code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    /// Makes an empty world.
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes an empty world in a folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            home: tempfile::tempdir_in(folder).unwrap(),
        }
    }

    /// Returns a path in this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file that only its owner can read, and returns its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Copies the files of another world into this one, as they are now.
    pub(crate) fn copy(&self, other: &Self) {
        copy_folder(other.home.path(), self.home.path());
    }

    /// Prepares a run in this world: nothing of the tester's environment reaches the program.
    pub(crate) fn command(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evergrant"));
        command
            .args(arguments)
            .env_clear()
            .env("EVERGRANT_HOME", self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("TMPDIR", self.home.path())
            .current_dir(self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program with arguments that are separated by blanks.
    pub(crate) fn run(&self, line: &str) -> Outcome {
        Outcome::of(&mut self.command(line.split_whitespace()))
    }

    /// Runs the program with something on its standard input.
    pub(crate) fn run_with_input(&self, line: &str, input: &str) -> Outcome {
        let mut command = self.command(line.split_whitespace());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses its arguments does not read: the pipe may be closed.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap().into()
    }
}

impl Outcome {
    /// Runs a prepared command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Returns the warnings with this code that a run with `--json` gave.
    pub(crate) fn warnings(&self, code: &str) -> Vec<String> {
        let lines = self.stderr.lines().map(serde_json::from_str::<Value>);
        let warnings = lines.map(|line| line.unwrap()["warning"].take());
        let wanted = warnings.filter(|warning| warning["code"] == code);
        wanted
            .map(|warning| warning["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the error of a run with `--json`.
    pub(crate) fn error(&self) -> Value {
        let last = self.stderr.lines().last().expect("an error");
        serde_json::from_str::<Value>(last).expect(last)["error"].take()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            fs::DirBuilder::new().mode(0o700).create(&target).unwrap();
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

impl From<std::process::Output> for Outcome {
    fn from(output: std::process::Output) -> Self {
        Self {
            exit_code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
