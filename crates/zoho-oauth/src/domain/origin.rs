//! What is left of an address when all that could mislead is refused.

use url::{Host, Url};

use super::InvalidDomain;
use crate::secret;

/// Scheme, host and port, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) text: String,
    pub(super) host: String,
    pub(super) loopback: bool,
}

impl Origin {
    pub(super) fn of_data_center(origin: &'static str) -> Self {
        let host = origin.trim_start_matches("https://").to_owned();
        Self {
            text: origin.to_owned(),
            host,
            loopback: false,
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, InvalidDomain> {
        if text.is_empty() {
            return Err(InvalidDomain::Empty);
        }
        if secret::has_token_shape(text) || secret::has_client_id_shape(text) {
            return Err(InvalidDomain::Token);
        }
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("https://{text}"))
        };
        let url = url.map_err(|error| InvalidDomain::NotAUrl(error.to_string()))?;
        let origin = Self::of_url(&url)?;
        check_nothing_else(&url, &origin.text)?;
        Ok(origin)
    }

    fn of_url(url: &Url) -> Result<Self, InvalidDomain> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(InvalidDomain::Scheme);
        }
        let host = url
            .host()
            .ok_or_else(|| InvalidDomain::NotAUrl("it has no host".to_owned()))?;
        let loopback = is_loopback(&host);
        if let Host::Domain(name) = &host
            && !is_host_name(name)
        {
            let reason = "the host name has characters that no host can have";
            return Err(InvalidDomain::NotAUrl(reason.to_owned()));
        }
        let host = host.to_string();
        if url.scheme() == "http" && !loopback {
            return Err(InvalidDomain::PlainHttp { host });
        }
        let text = url.origin().ascii_serialization();
        Ok(Self {
            text,
            host,
            loopback,
        })
    }
}

fn check_nothing_else(url: &Url, origin: &str) -> Result<(), InvalidDomain> {
    let origin = origin.to_owned();
    if !url.username().is_empty() || url.password().is_some() {
        Err(InvalidDomain::UserInfo { origin })
    } else if url.path() != "/" {
        Err(InvalidDomain::Path { origin })
    } else if url.query().is_some() {
        Err(InvalidDomain::Query { origin })
    } else if url.fragment().is_some() {
        Err(InvalidDomain::Fragment { origin })
    } else {
        Ok(())
    }
}

/// Says whether a name is made of what host names are made of, which is less than what URLs allow
/// (<https://www.rfc-editor.org/rfc/rfc1123#section-2.1>).
fn is_host_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.chars().all(allowed) && !name.starts_with('.')
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}
