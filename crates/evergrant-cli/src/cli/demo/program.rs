//! This program as its own child, as a person would call it.

use std::{
    ffi::OsString,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use evergrant::vault::{
    Folders,
    escrow::{self, Phase, Record},
};
use serde_json::Value;

use super::broken;
use crate::{cli::error::CliError, environment::Environment};

/// This program in a home of its own.
pub(super) struct Program {
    home: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

/// A run of this program.
pub(super) struct Run {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    pub(super) took: Duration,
}

/// A run that is not over.
pub(super) struct Child(std::process::Child);

impl Program {
    /// Makes it see the caller's environment without the settings for Zoho and for us.
    pub(super) fn new(environment: &Environment, home: &Path) -> Self {
        let ours = |name: &str| name.starts_with("EVERGRANT_") || name.starts_with("ZOHO_");
        let variables = environment.iter();
        let variables = variables.filter(|(name, _)| !name.to_str().is_some_and(ours));
        Self {
            home: home.to_owned(),
            environment: variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Returns the folders of its home.
    pub(super) fn folders(&self) -> Folders {
        let home = self.home.clone();
        Folders {
            config: home.clone(),
            data: home.clone(),
            runtime: home.clone(),
            temporary: home,
        }
    }

    /// Runs this program to its end.
    pub(super) fn run(&self, arguments: &[String]) -> Result<Run, CliError> {
        let started = Instant::now();
        let output = self
            .command(arguments)?
            .output()
            .map_err(|error| broken("cannot run myself").cause(error))?;
        let took = started.elapsed();
        Ok(Run {
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
            took,
        })
    }

    /// Starts this program.
    pub(super) fn start(&self, arguments: &[String]) -> Result<Child, CliError> {
        let mut command = self.command(arguments)?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
            .spawn()
            .map(Child)
            .map_err(|error| broken("cannot run myself").cause(error))
    }

    fn command(&self, arguments: &[String]) -> Result<Command, CliError> {
        let program =
            std::env::current_exe().map_err(|error| broken("cannot find myself").cause(error))?;
        let mut command = Command::new(program);
        command.args(arguments).args(["--json", "--no-input"]);
        command.env_clear().envs(self.environment.iter().cloned());
        command
            .env("EVERGRANT_HOME", &self.home)
            .current_dir(&self.home);
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// Kills the child as soon as its exchange has come this far; false if it was quicker.
    pub(super) fn kill_at(&self, Child(mut child): Child, phase: Phase) -> Result<bool, CliError> {
        let failed = |error: std::io::Error| broken("cannot watch the exchange").cause(error);
        let folders = self.folders();
        while child.try_wait().map_err(failed)?.is_none() {
            let entries = escrow::list(&folders).unwrap_or_default();
            let records = entries
                .iter()
                .filter_map(|entry| std::fs::read(&entry.path).ok());
            let mut phases = records
                .filter_map(|bytes| Record::from_bytes(&bytes))
                .map(|record| record.phase());
            if phases.any(|found| found == phase) {
                child.kill().map_err(failed)?;
                let status = child.wait().map_err(failed)?;
                let left = !escrow::list(&folders).map_err(failed)?.is_empty();
                return Ok(status.signal().is_some() && left);
            }
        }
        Ok(false)
    }
}

impl Run {
    /// Returns the program's exit code.
    pub(super) fn exit_code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Returns what it answered in JSON, if it succeeded.
    pub(super) fn answer(&self) -> Result<Value, CliError> {
        if !self.status.success() {
            return Err(broken("a step of the demo failed")
                .cause(String::from_utf8_lossy(&self.stderr).trim()));
        }
        serde_json::from_slice(&self.stdout)
            .map_err(|error| broken("a step of the demo answered nothing").cause(error))
    }
}
