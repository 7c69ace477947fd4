//! The log: off unless asked for, on standard error, and never with a secret.

use std::io::{self, IsTerminal};

use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    cli::{GlobalOptions, error::CliError},
    config::{Log, LogFormat, LogLevel},
    environment::Environment,
};

/// The variable that turns the log on.
const VARIABLE: &str = "EVERGRANT_LOG";

/// The crates that are logged. Others are not: what they log was not read for secrets.
const OURS: [&str; 4] = ["evergrant", "evergrant_cli", "zoho_oauth", "zoho_sim"];

/// What to log, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    level: LogLevel,
    format: LogFormat,
}

impl Settings {
    /// Resolves the settings: `-v`, environment, configuration; none if nobody asks for a log.
    /// Fails if the variable names no level.
    pub(crate) fn resolve(
        options: &GlobalOptions,
        environment: &Environment,
        config: &Log,
    ) -> Result<Option<Self>, CliError> {
        let level = match options.verbose {
            0 => of_environment(environment)?.or(config.level),
            1 => Some(LogLevel::Info),
            2 => Some(LogLevel::Debug),
            _ => Some(LogLevel::Trace),
        };
        let format = if options.json {
            LogFormat::Json
        } else {
            config.format
        };
        Ok(level.map(|level| Self { level, format }))
    }

    /// Starts the log of this thread; it ends with the guard.
    pub(crate) fn start(&self) -> DefaultGuard {
        let filter =
            Targets::new().with_targets(OURS.map(|name| (name, LevelFilter::from(self.level))));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal());
        let lines = match self.format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        };
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .set_default()
    }
}

fn of_environment(environment: &Environment) -> Result<Option<LogLevel>, CliError> {
    let Some(word) = environment.find(VARIABLE) else {
        return Ok(None);
    };
    match word.to_str().map(str::to_ascii_lowercase).as_deref() {
        Some("error") => Ok(Some(LogLevel::Error)),
        Some("warn") => Ok(Some(LogLevel::Warn)),
        Some("info") => Ok(Some(LogLevel::Info)),
        Some("debug") => Ok(Some(LogLevel::Debug)),
        Some("trace") => Ok(Some(LogLevel::Trace)),
        _ => Err(
            CliError::usage("invalid_input", format!("{VARIABLE} names no level")).next(format!(
                "set {VARIABLE} to error, warn, info, debug or trace"
            )),
        ),
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        verbose: u8,
        variable: &str,
        config: Option<LogLevel>,
    ) -> Result<Option<LogLevel>, CliError> {
        let options = GlobalOptions {
            verbose,
            ..GlobalOptions::default()
        };
        let environment = Environment::from_iter([(VARIABLE, variable)]);
        let config = Log {
            level: config,
            format: LogFormat::Text,
        };
        Settings::resolve(&options, &environment, &config)
            .map(|settings| settings.map(|settings| settings.level))
    }

    #[test]
    fn nobody_asks_for_a_log_by_default() {
        assert_eq!(resolve(0, "", None).unwrap(), None);
    }

    #[test]
    fn a_flag_beats_the_environment_and_that_the_configuration() {
        let config = Some(LogLevel::Error);
        assert_eq!(resolve(0, "", config).unwrap(), Some(LogLevel::Error));
        assert_eq!(resolve(0, "Warn", config).unwrap(), Some(LogLevel::Warn));
        assert_eq!(resolve(1, "warn", config).unwrap(), Some(LogLevel::Info));
        assert_eq!(resolve(2, "warn", config).unwrap(), Some(LogLevel::Debug));
        assert_eq!(resolve(9, "warn", config).unwrap(), Some(LogLevel::Trace));
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        assert!(resolve(0, "hyper=trace", None).is_err());
    }

    #[test]
    fn json_asks_for_json_lines() {
        let options = GlobalOptions {
            verbose: 1,
            json: true,
            ..GlobalOptions::default()
        };
        let settings = Settings::resolve(&options, &Environment::default(), &Log::default())
            .unwrap()
            .unwrap();
        assert_eq!(settings.format, LogFormat::Json);
    }
}
