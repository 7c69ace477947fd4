//! The table `[server]`: where `evergrant serve` listens, and how it is known.

use std::{
    net::SocketAddr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use evergrant_server::{PublicUrl, Webhook};
use serde::{Deserialize, Deserializer, de::Error};

use crate::duration;

/// The settings of the server; what a flag says beats them.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Where callers reach it.
    #[serde(deserialize_with = "public_url")]
    pub(crate) public_url: Option<PublicUrl>,
    /// Further names by which callers may call it, with their port if that is not the usual one.
    pub(crate) hosts: Vec<String>,
    /// Where it listens.
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
    pub(crate) workers: Option<NonZeroUsize>,
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
}

impl Server {
    /// Takes paths as beginning in the folder of the configuration.
    pub(super) fn place_in(&mut self, folder: &Path) {
        for path in [&mut self.unix, &mut self.tls_cert, &mut self.tls_key] {
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

impl Server {
    /// Returns where callers reach the server; this machine's own address where none is named.
    pub(crate) fn public_url(&self) -> &str {
        let named = self.public_url.as_ref();
        named.map_or("http://127.0.0.1:8470", PublicUrl::as_str)
    }

    /// Tells whether the configuration names it.
    pub(crate) fn is_named(&self) -> bool {
        self.public_url.is_some()
    }
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
