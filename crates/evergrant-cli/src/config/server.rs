//! The table `[server]`: where `evergrant serve` listens, and how it is known.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use evergrant::connection::ConnectionName;
use evergrant_server::{LocalUser, PublicUrl, USUAL_ADDRESS, Webhook};
use http::uri::Authority;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

use crate::{cli::error::CliError, duration};

/// The settings of the server; what a flag says beats them.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Where callers reach it.
    #[serde(deserialize_with = "public_url")]
    pub(crate) public_url: Option<PublicUrl>,
    /// Further names by which callers may call it, with their port if that is not the usual one.
    #[serde(deserialize_with = "hosts")]
    pub(crate) hosts: Vec<String>,
    /// Where it listens.
    #[serde(deserialize_with = "listen")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Its Unix socket.
    pub(crate) unix: Option<PathBuf>,
    /// The certificate, and those that lead to its root, in PEM form.
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM form.
    pub(crate) tls_key: Option<PathBuf>,
    /// Whether to listen beyond this machine without TLS.
    pub(crate) in_the_clear: bool,
    /// How many threads answer.
    #[serde(deserialize_with = "workers")]
    pub(crate) workers: Option<NonZeroUsize>,
    /// How many connections one address may hold.
    pub(crate) connections_per_address: Option<NonZeroUsize>,
    /// How many calls to Zoho's API each connection may have at once.
    #[serde(deserialize_with = "simultaneous")]
    pub(crate) simultaneous: Option<NonZeroUsize>,
    /// How long a stop waits for requests that are under way.
    #[serde(deserialize_with = "duration::deserialize_limit")]
    pub(crate) grace: Option<Duration>,
    /// A program that is told on its standard input when the state of a connection changes.
    #[serde(deserialize_with = "command")]
    pub(crate) alert_command: Option<Vec<String>>,
    /// A URL that is told of it.
    #[serde(deserialize_with = "webhook")]
    pub(crate) alert_webhook: Option<Webhook>,
    /// Who sees metrics, which name connections and callers.
    pub(crate) metrics: Metrics,
    /// The file of the administrators' key; made in the configuration's folder where none is named.
    pub(crate) admin_key_file: Option<PathBuf>,
    /// Other users of this machine, and what they may have by the Unix socket.
    pub(crate) local: Vec<Local>,
}

impl Server {
    /// Takes paths as beginning in the folder of the configuration.
    pub(super) fn place_in(&mut self, folder: &Path) {
        for path in [
            &mut self.unix,
            &mut self.tls_cert,
            &mut self.tls_key,
            &mut self.admin_key_file,
        ] {
            *path = path.take().map(|path| folder.join(path));
        }
    }
}

/// Who sees metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metrics {
    /// Programs on this machine.
    #[default]
    Local,
    /// Whoever asks.
    Open,
}

/// One `[[server.local]]`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Local {
    /// The user, by name or number.
    pub(crate) user: User,
    /// The connections whose tokens and status the user may have.
    #[serde(deserialize_with = "names")]
    pub(crate) connections: Vec<ConnectionName>,
}

/// A user of this machine.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum User {
    /// By number.
    Number(u32),
    /// By name.
    Name(String),
}

impl Local {
    /// Finds the user's number. Fails if this machine knows nobody of this name.
    pub(crate) fn resolve(&self) -> Result<LocalUser, CliError> {
        Ok(LocalUser {
            uid: self.user.number()?,
            connections: self.connections.clone(),
        })
    }
}

impl User {
    fn number(&self) -> Result<u32, CliError> {
        let name = match self {
            Self::Number(number) => return Ok(*number),
            Self::Name(name) => name,
        };
        let unknown = || {
            let message = format!("[[server.local]] names a user that is not there: {name}");
            CliError::config("no_such_user", message)
                .next("correct it, or write the user's number: user = 1000")
        };
        match nix::unistd::User::from_name(name) {
            Ok(Some(user)) => Ok(user.uid.as_raw()),
            Ok(None) => Err(unknown()),
            Err(error) => Err(unknown().cause(error)),
        }
    }
}

impl Server {
    /// Returns where callers reach the server; where none is named, the first address that it listens at.
    pub(crate) fn public_url(&self) -> PublicUrl {
        let first = self.listen.first().copied().unwrap_or(USUAL_ADDRESS);
        let named = self.public_url.clone();
        named.unwrap_or_else(|| PublicUrl::of(first, self.tls_cert.is_some()))
    }

    /// Tells whether the configuration names it.
    pub(crate) fn is_named(&self) -> bool {
        self.public_url.is_some()
    }
}

fn hosts<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(value)?;
    let is_host = |host: &str| host.parse::<Authority>().is_ok() && !host.contains('@');
    match hosts.iter().find(|host| !is_host(host)) {
        None => Ok(hosts),
        Some(wrong) => Err(D::Error::custom(format!(
            "[server] hosts holds {wrong:?}: write a list of names, with the port if it is not the usual one, such as hosts = [\"zoho.internal:8470\"]"
        ))),
    }
}

fn listen<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<SocketAddr>, D::Error> {
    let wrong = |what: String| {
        D::Error::custom(format!(
            "[server] listen {what}: write a list of IP addresses with ports, such as listen = [\"127.0.0.1:8470\"]"
        ))
    };
    let value = Value::deserialize(value)?;
    let Value::Array(entries) = &value else {
        return Err(wrong(format!("= {value}")));
    };
    let address = |entry: &Value| {
        let address = entry.as_str().and_then(|text| text.parse().ok());
        address.ok_or_else(|| wrong(format!("holds {entry}")))
    };
    entries.iter().map(address).collect()
}

fn workers<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NonZeroUsize>, D::Error> {
    count(
        value,
        "workers",
        "how many threads answer, at least 1, such as workers = 4",
    )
}

fn simultaneous<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NonZeroUsize>, D::Error> {
    let what = "how many calls to Zoho's API a connection may have at once, at least 1, such as simultaneous = 10";
    count(value, "simultaneous", what)
}

fn count<'de, D: Deserializer<'de>>(
    value: D,
    key: &str,
    what: &str,
) -> Result<Option<NonZeroUsize>, D::Error> {
    let value = Value::deserialize(value)?;
    let number = value.as_u64().and_then(|number| number.try_into().ok());
    match number.and_then(NonZeroUsize::new) {
        Some(number) => Ok(Some(number)),
        None => Err(D::Error::custom(format!(
            "[server] {key} = {value}: write {what}"
        ))),
    }
}

fn names<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<ConnectionName>, D::Error> {
    let names = Vec::<String>::deserialize(value)?;
    let names = names.iter().map(|name| name.parse());
    names.collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn public_url<'de, D: Deserializer<'de>>(value: D) -> Result<Option<PublicUrl>, D::Error> {
    let text = String::deserialize(value)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

fn webhook<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Webhook>, D::Error> {
    let text = String::deserialize(value)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

fn command<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Vec<String>>, D::Error> {
    let words = Vec::<String>::deserialize(value)?;
    match words.as_slice() {
        [] => Err(D::Error::custom("a command has a program")),
        _ => Ok(Some(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Server, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn other_users_are_named_or_numbered() {
        let server = parse(
            "[[local]]\nuser = 1000\nconnections = [\"acme\"]\n[[local]]\nuser = \"root\"\nconnections = []",
        );
        let users: Vec<_> = server
            .unwrap()
            .local
            .iter()
            .map(|one| one.resolve().unwrap())
            .collect();
        assert_eq!((users[0].uid, users[1].uid), (1000, 0));
        assert_eq!(users[0].connections, ["acme".parse().unwrap()]);
    }

    #[test]
    fn a_user_or_a_connection_that_cannot_be_is_refused() {
        let nobody = parse("[[local]]\nuser = \"no such user\"\nconnections = []").unwrap();
        let refused = nobody.local[0].resolve().unwrap_err();
        assert!(refused.to_text().contains("names a user that is not there"));
        assert!(parse("[[local]]\nuser = 1\nconnections = [\"A b\"]").is_err());
        assert!(parse("[[local]]\nuser = -1\nconnections = []").is_err());
    }
}
