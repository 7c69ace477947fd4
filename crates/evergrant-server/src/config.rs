//! What a server is told by whoever starts it: it reads no file, environment or argument of its own.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use evergrant::exchange::Retries;
use http::Uri;
use rand::rngs::StdRng;
use zoho_oauth::TransportConfig;

use crate::{
    admin_key::AdminKey, alerts::Alerts, host, local::LocalUser, proxy::Settings as ProxySettings,
};

/// Where a server listens if nobody says.
pub const USUAL_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8470);

/// Where a server listens, and how it is known.
#[derive(Debug)]
pub struct Config {
    /// Addresses to listen at.
    pub listen: Vec<SocketAddr>,
    /// Sockets that listen already, as a supervisor hands them over.
    pub inherited: Vec<std::net::TcpListener>,
    /// A Unix socket that listens already, in the place of `unix`.
    pub inherited_unix: Option<std::os::unix::net::UnixListener>,
    /// The Unix socket of programs on this machine.
    pub unix: Option<PathBuf>,
    /// Certificate chain and key in PEM form; without them plain HTTP is spoken.
    pub tls: Option<TlsFiles>,
    /// Whether to listen beyond this machine without TLS, because something in front of it speaks TLS.
    pub in_the_clear: bool,
    /// Threads that answer callers.
    pub workers: NonZeroUsize,
    /// Where callers reach this server: what proxied callers are told as their API domain.
    ///
    /// By default, the first address it listens at.
    pub public_url: Option<PublicUrl>,
    /// Further names by which callers may call it.
    pub hosts: Vec<String>,
    /// The key of administrators; without it nobody may use the JSON API by the network.
    pub admin_key: Option<AdminKey>,
    /// Other users of this machine, and what they may have by the Unix socket.
    pub local: Vec<LocalUser>,
    /// How Zoho is spoken to.
    pub transport: TransportConfig,
    /// How often an exchange for a caller is repeated that has not reached Zoho, or was not answered by it.
    pub retries: Retries,
    /// Where random numbers come from.
    pub rng: StdRng,
    /// How many connections of callers are held at once; whoever comes after that is let go at once, so that
    /// there are files left to open for Zoho and for the vault.
    pub connections: NonZeroUsize,
    /// How many of them one address may hold, or one network of 64 bits of IPv6.
    ///
    /// By default half of them, and at loopback, where a reverse proxy may bring everybody, all of them.
    pub connections_per_address: Option<NonZeroUsize>,
    /// How long callers may take.
    pub patience: Patience,
    /// How requests to Zoho's API are passed on.
    pub proxy: ProxySettings,
    /// Whether metrics, which name connections and callers, are told to everybody rather than on this machine only.
    pub metrics_are_open: bool,
    /// Who is told when the state of a connection changes.
    pub alerts: Alerts,
    /// How long a stop waits for requests that are under way.
    pub grace: Duration,
}

/// How long a caller may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, from the end of the one before: so long is a connection held that asks
    /// nothing.
    pub head: Duration,
    /// For a form.
    pub form: Duration,
    /// For taking any of what it is sent.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(300),
            form: Duration::from_secs(10),
            silence: Duration::from_secs(2 * 60),
        }
    }
}

/// The files of a TLS identity.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A server's own address, without a path: `https://evergrant.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    authority: String,
}

impl PublicUrl {
    /// Makes the URL of an address that is listened at.
    pub fn of(address: SocketAddr, tls: bool) -> Self {
        let mut address = address;
        // Nobody can call an address that stands for all of them.
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let authority = address.to_string();
        let scheme = if tls { "https" } else { "http" };
        Self {
            text: format!("{scheme}://{authority}"),
            authority,
        }
    }

    /// Returns the URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether callers on other machines would send their secrets to it in the clear.
    pub fn is_in_the_clear(&self) -> bool {
        let authority = self.authority.parse();
        self.text.starts_with("http:")
            && !authority.is_ok_and(|authority| host::is_loopback(&authority))
    }

    /// Returns host and port, as a caller's `Host` names them.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// The text is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a server's address is http:// or https:// and a host, with a port if it is not the usual one"
)]
pub struct InvalidPublicUrl;

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let uri: Uri = text.parse().map_err(|_| InvalidPublicUrl)?;
        let authority = uri.authority().ok_or(InvalidPublicUrl)?.as_str();
        let scheme = uri.scheme_str().ok_or(InvalidPublicUrl)?;
        let plain = format!("{scheme}://{authority}") == text && !authority.contains('@');
        (plain && matches!(scheme, "http" | "https"))
            .then(|| Self {
                text: text.to_owned(),
                authority: authority.to_owned(),
            })
            .ok_or(InvalidPublicUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_path_and_no_user() {
        let url: PublicUrl = "https://evergrant.example.com/".parse().unwrap();
        assert_eq!(url.as_str(), "https://evergrant.example.com");
        assert_eq!(url.authority(), "evergrant.example.com");
        for wrong in [
            "evergrant.example.com",
            "ftp://a",
            "http://a/b",
            "http://u:p@a",
            "http://a?b",
            "",
        ] {
            assert_eq!(wrong.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{wrong}");
        }
    }
}
