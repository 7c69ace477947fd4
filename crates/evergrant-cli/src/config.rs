//! `config.toml`.

mod invalid;
#[cfg(test)]
mod sample;
mod server;

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use evergrant::broker;
use serde::Deserialize;

use self::invalid::invalid;
pub(crate) use self::server::{Local, Metrics, Server};
use crate::{cli::error::CliError, duration, paths::Paths};

/// The settings of a home; what is not written there is `None`, empty, or the default.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// How Zoho is spoken to.
    pub(crate) http: Http,
    /// Where master keys come from: the first seals, every one opens.
    pub(crate) master_key: Vec<MasterKey>,
    /// How many refreshes are made.
    pub(crate) limits: Limits,
    /// Where the server listens, and how it is known.
    pub(crate) server: Server,
    /// What is logged, and how.
    pub(crate) log: Log,
}

/// The table `[http]`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// Trusted roots instead of the system's, as PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// How long Zoho may be silent.
    #[serde(deserialize_with = "duration::deserialize_limit")]
    pub(crate) silence: Option<Duration>,
    /// How often a request that cannot have arrived is made again, 0 to 10.
    #[serde(deserialize_with = "max_retries")]
    pub(crate) max_retries: Option<u8>,
    /// How long to wait before the first retry; each further wait is twice as long.
    #[serde(deserialize_with = "duration::deserialize_wait")]
    pub(crate) retry_delay: Option<Duration>,
}

/// The table `[limits]`: how many refreshes of one refresh token are made in which time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "LimitsTable")]
pub(crate) struct Limits(pub(crate) broker::Limits);

/// A `[limits]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    refreshes: Option<u32>,
    #[serde(default, deserialize_with = "duration::deserialize_limit")]
    window: Option<Duration>,
    kept_for_people: Option<u32>,
}

impl TryFrom<LimitsTable> for Limits {
    type Error = &'static str;

    fn try_from(table: LimitsTable) -> Result<Self, Self::Error> {
        let usual = broker::Limits::default();
        let limits = broker::Limits {
            refreshes: table.refreshes.unwrap_or(usual.refreshes),
            window: table.window.unwrap_or(usual.window),
            kept_for_people: table.kept_for_people.unwrap_or(usual.kept_for_people),
        };
        if limits.kept_for_people < limits.refreshes {
            Ok(Self(limits))
        } else {
            Err("`kept_for_people` must be less than `refreshes`, or programs would get none")
        }
    }
}

/// One `[[master_key]]`: exactly one of its three settings.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "MasterKeyTable")]
pub(crate) enum MasterKey {
    /// A file that only its owner can read.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A program with its arguments, which prints the key.
    Command(Vec<String>),
}

/// A `[[master_key]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MasterKeyTable {
    file: Option<PathBuf>,
    env: Option<String>,
    command: Option<Vec<String>>,
}

impl TryFrom<MasterKeyTable> for MasterKey {
    type Error = &'static str;

    fn try_from(table: MasterKeyTable) -> Result<Self, Self::Error> {
        match table {
            MasterKeyTable {
                file: Some(file),
                env: None,
                command: None,
            } => Ok(Self::File(file)),
            MasterKeyTable {
                file: None,
                env: Some(name),
                command: None,
            } => Ok(Self::Env(name)),
            MasterKeyTable {
                file: None,
                env: None,
                command: Some(words),
            } if !words.is_empty() => Ok(Self::Command(words)),
            _ => Err("a master key has exactly one of `file`, `env` and `command`"),
        }
    }
}

/// The table `[log]`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// From which level on.
    pub(crate) level: Option<LogLevel>,
    /// Text for people or JSON lines for machines.
    pub(crate) format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Config {
    /// Reads the file; without one, everything has its default, unless the person named it.
    /// Fails for a setting that is not known or not right, naming file and line.
    pub(crate) fn read(paths: &Paths) -> Result<Self, CliError> {
        let path = &paths.config;
        match fs_err::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == ErrorKind::NotFound && !paths.config_is_named => {
                Ok(Self::default())
            }
            Err(error) => Err(unreadable(error, paths)),
        }
    }

    /// Lists the environment variables that hold master keys.
    pub(crate) fn secret_variables(&self) -> Vec<&str> {
        let names = self.master_key.iter().filter_map(|key| match key {
            MasterKey::Env(name) => Some(name.as_str()),
            MasterKey::File(_) | MasterKey::Command(_) => None,
        });
        names.collect()
    }

    fn parse(text: &str, path: &Path) -> Result<Self, CliError> {
        let mut config: Self = toml::from_str(text).map_err(|error| invalid(&error, text, path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.http.ca_file = config.http.ca_file.map(|file| folder.join(file));
        config.server.place_in(folder);
        for key in &mut config.master_key {
            if let MasterKey::File(file) = key {
                *file = folder.join(&*file);
            }
        }
        Ok(config)
    }
}

fn max_retries<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<u8>, D::Error> {
    match u8::deserialize(source)? {
        retries @ 0..=10 => Ok(Some(retries)),
        more => Err(serde::de::Error::custom(format!(
            "`{more}` is too many retries: 0 to 10 are allowed"
        ))),
    }
}

fn unreadable(error: io::Error, paths: &Paths) -> CliError {
    let path = paths.config.display();
    let next = match error.kind() {
        ErrorKind::InvalidData => format!("write {path} anew, in UTF-8"),
        _ if paths.config_is_named => format!(
            "see that {path}, which --config or EVERGRANT_CONFIG names, is a file, there and yours to read"
        ),
        _ => format!("see that {path} is a file and yours to read"),
    };
    CliError::config("config_unreadable", "cannot read the configuration")
        .cause(error)
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use snapbox::{assert_data_eq, str};

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/home/anna/config.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_every_setting() {
        let config = parse(
            r#"
            [http]
            ca_file = "ca.pem"
            silence = "45s"
            max_retries = 0
            retry_delay = "250ms"
            [[master_key]]
            file = "new.key"
            [[master_key]]
            env = "OLD_KEY"
            [[master_key]]
            command = ["kms", "decrypt"]
            [limits]
            refreshes = 20
            window = "5m"
            kept_for_people = 0
            [server]
            public_url = "https://zoho.example.com/"
            [log]
            level = "debug"
            format = "json"
            "#,
        )
        .unwrap();
        assert_eq!(
            config.http,
            Http {
                ca_file: Some("/home/anna/ca.pem".into()),
                silence: Some(Duration::from_secs(45)),
                max_retries: Some(0),
                retry_delay: Some(Duration::from_millis(250)),
            }
        );
        assert_eq!(
            config.master_key,
            [
                MasterKey::File("/home/anna/new.key".into()),
                MasterKey::Env("OLD_KEY".to_owned()),
                MasterKey::Command(vec!["kms".to_owned(), "decrypt".to_owned()]),
            ]
        );
        assert_eq!(
            config.limits.0,
            broker::Limits {
                refreshes: 20,
                window: Duration::from_secs(300),
                kept_for_people: 0,
            }
        );
        assert_eq!(
            config.server.public_url().as_str(),
            "https://zoho.example.com"
        );
        assert_eq!(
            config.log,
            Log {
                level: Some(LogLevel::Debug),
                format: LogFormat::Json
            }
        );
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn errors_name_file_and_line() {
        assert_data_eq!(
            parse("[http]\nsilense = 3").unwrap_err(),
            str![
                "/home/anna/config.toml, line 2: unknown field `silense`, expected one of `ca_file`, `silence`, `max_retries`, `retry_delay`"
            ]
        );
        assert_data_eq!(
            parse("[http]\n\nsilence = \"soon\"").unwrap_err(),
            str![
                "/home/anna/config.toml, line 3: [http] silence: `soon` is no duration: write 30s, 10m, 1h or 90d, or a number of seconds"
            ]
        );
        assert_data_eq!(
            parse("[http]\nmax_retries = 11").unwrap_err(),
            str![
                "/home/anna/config.toml, line 2: [http] max_retries: `11` is too many retries: 0 to 10 are allowed"
            ]
        );
        assert_data_eq!(
            parse("[[master_key]]\nfile = \"a\"\nenv = \"B\"").unwrap_err(),
            str![
                "/home/anna/config.toml, line 1: [[master_key]]: a master key has exactly one of `file`, `env` and `command`"
            ]
        );
        assert_data_eq!(
            parse("[limits]\nrefreshes = 2").unwrap_err(),
            str![
                "/home/anna/config.toml, line 1: [limits]: `kept_for_people` must be less than `refreshes`, or programs would get none"
            ]
        );
        assert_data_eq!(
            parse("[server]\npublic_url = \"zoho.example.com\"").unwrap_err(),
            str![
                "/home/anna/config.toml, line 2: [server] public_url: a server's address is http:// or https:// and a host, with a port if it is not the usual one"
            ]
        );
        assert_data_eq!(
            parse("[server]\nlisten = [\"127.0.0.1:1\", \"localhost:8470\"]").unwrap_err(),
            str![[r#"
/home/anna/config.toml, line 2: [server] listen holds "localhost:8470": write a list of IP addresses with ports, such as listen = ["127.0.0.1:8470"]
"#]]
        );
        assert_data_eq!(
            parse("[server]\nlisten = \"127.0.0.1:8470\"").unwrap_err(),
            str![[r#"
/home/anna/config.toml, line 2: [server] listen = "127.0.0.1:8470": write a list of IP addresses with ports, such as listen = ["127.0.0.1:8470"]
"#]]
        );
        for (value, written) in [
            ("\"many\"", "\"many\""),
            ("0", "0"),
            ("-2", "-2"),
            ("2.5", "2.5"),
        ] {
            for key in ["workers", "simultaneous"] {
                let told = parse(&format!("[server]\n{key} = {value}")).unwrap_err();
                let begins =
                    format!("/home/anna/config.toml, line 2: [server] {key} = {written}: ");
                assert!(told.starts_with(&begins), "{told}");
                assert!(told.contains("at least 1, such as"), "{told}");
            }
        }
        assert_data_eq!(
            parse("[http\n").unwrap_err(),
            str!["/home/anna/config.toml, line 1: unclosed table, expected `]`"]
        );
    }

    #[test]
    fn a_file_must_exist_only_when_it_was_named() {
        let paths = |named: Option<&str>| {
            Paths::find(
                Some(Path::new("/nowhere")),
                named.map(Path::new),
                &crate::Environment::default(),
            )
            .unwrap()
        };
        assert_eq!(Config::read(&paths(None)).unwrap(), Config::default());
        assert!(
            Config::read(&paths(Some("/nowhere/c.toml")))
                .unwrap_err()
                .to_text()
                .contains("/nowhere/c.toml")
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        let refused = |named: Option<&Path>| {
            let paths = Paths::find(Some(home.path()), named, &crate::Environment::default());
            Config::read(&paths.unwrap()).unwrap_err().to_text()
        };
        fs_err::write(&file, b"\xff\xfe").unwrap();
        let next = format!("write {} anew, in UTF-8", file.display());
        assert!(refused(None).contains(&next), "{}", refused(None));
        fs_err::remove_file(&file).unwrap();
        fs_err::create_dir(&file).unwrap();
        let next = format!("see that {} is a file and yours", file.display());
        assert!(refused(None).contains(&next), "{}", refused(None));
        assert!(refused(Some(&file)).contains("which --config or EVERGRANT_CONFIG names"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "(?s).{0,200}") {
            let _ = parse(&text);
        }
    }
}
