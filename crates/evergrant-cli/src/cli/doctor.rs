//! `evergrant doctor`: looks at everything that an exchange needs, and changes nothing.

mod checks;
mod server;

use std::path::PathBuf;

use clap::Args;
use evergrant_server::PublicUrl;
use serde::Serialize;

use super::{Context, error::CliError, exit_code::Kind};
use crate::lifecycle;

/// Look whether everything is in order, and say what to do where it is not
///
/// Changes nothing, and sends nothing but the greeting of a connection to each accounts server in use. Exit code 3
/// if the configuration is wrong, 8 if vault, master key, audit or escrow are.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Do not try to reach the accounts servers
    #[arg(long)]
    pub(crate) offline: bool,
    /// Look at the server that is known by this address instead, from here: whether it is reached, trusted, an Evergrant,
    /// of this version and on time, leads back to itself, and answers this user at its Unix socket
    #[arg(long, value_name = "URL", conflicts_with = "offline")]
    pub(crate) server: Option<PublicUrl>,
    /// Trust the certificate authorities in this PEM file instead of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warn,
    Fail,
}

/// What one check found.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    message: String,
    next: Vec<String>,
    #[serde(skip)]
    kind: Option<Kind>,
}

impl Check {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            status: Status::Ok,
            message: message.into(),
            next: Vec::new(),
            kind: None,
        }
    }

    fn warn(name: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        let (message, next) = (message.into(), vec![next.into()]);
        Self {
            name,
            status: Status::Warn,
            message,
            next,
            kind: None,
        }
    }

    fn fail(name: &'static str, error: &CliError) -> Self {
        let (message, next) = (error.to_string(), error.steps().to_vec());
        Self {
            name,
            status: Status::Fail,
            message,
            next,
            kind: Some(error.kind()),
        }
    }
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Check>,
}

/// Runs the command. The report is printed whatever it says.
pub(crate) fn run(args: &DoctorArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let checks = lifecycle::run(async {
        Ok(match &args.server {
            Some(url) => server::all(url, args.ca_file.as_deref(), context).await,
            None => checks::all(args, context).await,
        })
    })?;
    let failed = checks.iter().find_map(|check| {
        check
            .kind
            .map(|kind| (kind, check.name, check.next.clone()))
    });
    let report = Report {
        ok: failed.is_none(),
        checks,
    };
    context.output.result(&report, for_people)?;
    match failed {
        None => Ok(()),
        Some((kind, name, next)) => {
            let message = format!("the check of {name} failed");
            let error = CliError::new(kind, "check_failed", message);
            Err(next.into_iter().fold(error, CliError::next))
        }
    }
}

fn for_people(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let status = match check.status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        text.push_str(&format!("{status}  {:<14}{}\n", check.name, check.message));
        for step in &check.next {
            text.push_str(&format!("{:20}next: {step}\n", ""));
        }
    }
    text
}
