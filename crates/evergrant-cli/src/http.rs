//! How Zoho is spoken to: flags, environment and configuration as one value.

use std::{path::PathBuf, time::Duration};

use evergrant::exchange::Retries;
use zoho_oauth::{Proxy, Roots, TransportConfig};

use crate::{
    cli::{error::CliError, exchange::HttpArgs},
    config,
    environment::Environment,
};

/// How often a request is made again where nobody says otherwise.
const MAX_RETRIES: u8 = 3;

/// The wait before the first retry where nobody says otherwise.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The settings of the network.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    pub(crate) transport: TransportConfig,
    pub(crate) max_retries: u8,
    pub(crate) retry_delay: Duration,
}

impl HttpSettings {
    /// Resolves each setting: flag, environment, configuration, default. Fails if the certificates cannot be read.
    pub(crate) fn resolve(
        args: &HttpArgs,
        environment: &Environment,
        config: &config::Http,
    ) -> Result<Self, CliError> {
        let default = TransportConfig::default();
        let ca_file = args
            .ca_file
            .clone()
            .or_else(|| environment.path("SSL_CERT_FILE"))
            .or_else(|| config.ca_file.clone());
        Ok(Self {
            transport: TransportConfig {
                roots: ca_file.map_or(Ok(Roots::System), roots)?,
                proxy: proxy(environment),
                silence: silence(args, config).unwrap_or(default.silence),
                reading: default.reading,
            },
            max_retries: config.max_retries.unwrap_or(MAX_RETRIES),
            retry_delay: config.retry_delay.unwrap_or(RETRY_DELAY),
        })
    }

    /// Returns how often an exchange is repeated.
    pub(crate) fn retries(&self) -> Retries {
        Retries {
            limit: u32::from(self.max_retries),
            first_delay: self.retry_delay,
        }
    }
}

fn silence(args: &HttpArgs, config: &config::Http) -> Option<Duration> {
    args.timeout.or(config.silence)
}

fn roots(ca_file: PathBuf) -> Result<Roots, CliError> {
    let read = fs_err::read(ca_file);
    read.map(|pem| Roots::Pem(pem.into())).map_err(|error| {
        CliError::config(
            "ca_file_unreadable",
            "cannot read the certificate authorities to trust",
        )
        .cause(error)
        .next("name a file in PEM form: --ca-file FILE")
    })
}

/// Takes the proxies from the variables that curl reads: lower case first, and `http_proxy` in lower case only,
/// since a web server hands a visitor's `Proxy:` header to its programs as `HTTP_PROXY`.
///
/// <https://httpoxy.org>
fn proxy(environment: &Environment) -> Proxy {
    let find = |names: &[&str]| {
        let found = names.iter().find_map(|name| environment.find(name));
        found.map(|value| value.to_string_lossy().into_owned())
    };
    Proxy {
        https: find(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
        http: find(&["http_proxy", "all_proxy", "ALL_PROXY"]),
        no_proxy: find(&["no_proxy", "NO_PROXY"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn pem(settings: &HttpSettings) -> &[u8] {
        match &settings.transport.roots {
            Roots::Pem(pem) => pem,
            Roots::System => b"system",
        }
    }

    #[test]
    fn without_a_word_the_defaults_hold() {
        let settings = HttpSettings::resolve(
            &HttpArgs::default(),
            &Environment::default(),
            &config::Http::default(),
        )
        .unwrap();
        assert_eq!(
            (settings.transport.silence, settings.max_retries),
            (Duration::from_secs(30), 3)
        );
        assert_eq!(pem(&settings), b"system");
    }

    #[test]
    fn a_flag_beats_the_environment_and_that_the_configuration() {
        let (flag, variable, config) = (written("flag"), written("variable"), written("config"));
        let config = config::Http {
            ca_file: Some(config.path().into()),
            silence: Some(Duration::from_secs(5)),
            max_retries: Some(7),
            retry_delay: Some(Duration::ZERO),
        };
        let environment = Environment::from_iter([("SSL_CERT_FILE", variable.path())]);
        let mut args = HttpArgs::default();
        let settings = HttpSettings::resolve(&args, &environment, &config).unwrap();
        assert_eq!(
            (settings.transport.silence, settings.max_retries),
            (Duration::from_secs(5), 7)
        );
        assert_eq!(pem(&settings), b"variable");
        args = HttpArgs {
            timeout: Some(Duration::from_secs(1)),
            ca_file: Some(flag.path().into()),
        };
        let settings = HttpSettings::resolve(&args, &environment, &config).unwrap();
        assert_eq!(settings.transport.silence, Duration::from_secs(1));
        assert_eq!(pem(&settings), b"flag");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let args = HttpArgs {
            ca_file: Some("/nowhere/ca.pem".into()),
            ..HttpArgs::default()
        };
        let error = HttpSettings::resolve(&args, &Environment::default(), &config::Http::default())
            .unwrap_err();
        assert!(error.to_text().contains("/nowhere/ca.pem"));
    }

    #[test]
    fn proxies_are_those_that_curl_takes() {
        let proxy = |pairs: &[(&str, &str)]| {
            let proxy = proxy(&pairs.iter().copied().collect());
            (proxy.https, proxy.http, proxy.no_proxy)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            proxy(&[
                ("HTTPS_PROXY", "a"),
                ("https_proxy", "b"),
                ("NO_PROXY", "c")
            ]),
            (text("b"), None, text("c"))
        );
        assert_eq!(
            proxy(&[("HTTP_PROXY", "a"), ("HTTPS_PROXY", "")]),
            (None, None, None)
        );
        assert_eq!(
            proxy(&[("ALL_PROXY", "a"), ("http_proxy", "b")]),
            (text("a"), text("b"), None)
        );
    }
}
