//! The log: off unless asked for or for the server, on standard error, and never with a secret.

mod queue;

use std::io::{self, IsTerminal};

use tracing::{level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::{
    Layer, Registry, filter::Targets, fmt::writer::BoxMakeWriter, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

use self::queue::Queue;
use crate::{
    cli::{GlobalOptions, error::CliError},
    config::{Log, LogFormat, LogLevel},
    environment::Environment,
};

/// The variable that turns the log on.
const VARIABLE: &str = "EVERGRANT_LOG";

/// The crates that are logged. Others are not: what they log was not read for secrets.
const OURS: [&str; 5] = [
    "evergrant",
    "evergrant_cli",
    "evergrant_server",
    "zoho_oauth",
    "zoho_sim",
];

/// What to log, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    level: LogLevel,
    format: LogFormat,
    /// Whether nobody waits until a line is written.
    is_queued: bool,
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
        Ok(level.map(|level| Self {
            level,
            format: format(options, config),
            is_queued: false,
        }))
    }

    /// Resolves the settings of a program that runs for long and is looked after: it logs from `info` on.
    pub(crate) fn resolve_for_server(
        options: &GlobalOptions,
        environment: &Environment,
        config: &Log,
    ) -> Result<Self, CliError> {
        let settings = Self::resolve(options, environment, config)?;
        let usual = if options.quiet {
            LogLevel::Error
        } else {
            LogLevel::Info
        };
        let level = settings.map_or(usual, |settings| settings.level);
        Ok(Self {
            level,
            format: format(options, config),
            is_queued: true,
        })
    }

    /// Starts the log of this thread, and of those that are given it; it ends when it is dropped.
    pub(crate) fn start(&self) -> Started {
        let queue = if self.is_queued {
            Queue::start(io::stderr()).ok()
        } else {
            None
        };
        let writer = match queue.clone() {
            Some(queue) => BoxMakeWriter::new(move || queue.clone()),
            None => BoxMakeWriter::new(io::stderr),
        };
        let (filter, level) = reload::Layer::new(targets(self.level));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(io::stderr().is_terminal());
        let lines = match self.format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
        };
        let log = tracing_subscriber::registry().with(lines.with_filter(filter));
        Started {
            format: self.format,
            level,
            queue,
            _guard: log.set_default(),
        }
    }
}

/// A log that goes on until this is dropped.
pub(crate) struct Started {
    format: LogFormat,
    level: reload::Handle<Targets, Registry>,
    queue: Option<Queue>,
    _guard: DefaultGuard,
}

impl Started {
    /// Tells whether its lines are for machines.
    pub(crate) fn is_json(&self) -> bool {
        self.format == LogFormat::Json
    }

    /// Logs from another level on. What the settings say of the format is not taken up.
    pub(crate) fn set_level(&self, settings: &Settings) {
        // It fails only where the log has ended.
        let _ = self.level.reload(targets(settings.level));
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.finish();
        }
    }
}

fn targets(level: LogLevel) -> Targets {
    Targets::new().with_targets(OURS.map(|name| (name, LevelFilter::from(level))))
}

fn format(options: &GlobalOptions, config: &Log) -> LogFormat {
    if options.json {
        LogFormat::Json
    } else {
        config.format
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
    fn a_server_logs_its_requests_by_default() {
        let (options, environment) = (GlobalOptions::default(), Environment::default());
        let level = |config: &Log| {
            Settings::resolve_for_server(&options, &environment, config)
                .unwrap()
                .level
        };
        assert_eq!(level(&Log::default()), LogLevel::Info);
        let quiet = Log {
            level: Some(LogLevel::Error),
            format: LogFormat::Text,
        };
        assert_eq!(level(&quiet), LogLevel::Error);
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
