//! Opens TCP connections, directly or through an HTTP proxy.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::config::Proxy;
use super::error::ConnectError;

/// Returns the proxy to go through; None if the origin is reached directly.
pub(crate) fn proxy_for(origin: &Uri, proxy: &Proxy) -> Result<Option<Intercept>, ConnectError> {
    let setting = if origin.scheme_str() == Some("https") {
        &proxy.https
    } else {
        &proxy.http
    };
    let Some(setting) = setting
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    // A setting that cannot be read must not quietly mean that there is no proxy.
    let bad = |reason| ConnectError::BadProxy { reason };
    if has_more_than_an_authority(setting) {
        return Err(bad(
            "`/`, `?` and `#` in a password are written as %2F, %3F and %23",
        ));
    }
    let any = Matcher::builder().all(setting).build();
    let intercept = any.intercept(origin).ok_or(bad(
        "it is no address such as http://proxy.example.com:3128",
    ))?;
    if intercept.uri().scheme_str() != Some("http") {
        return Err(bad("only proxies that begin with http:// can be used"));
    }
    let no_proxy = proxy.no_proxy.as_deref().unwrap_or_default();
    Ok(Matcher::builder()
        .all(setting)
        .no(no_proxy)
        .build()
        .intercept(origin))
}

/// Tells whether an address goes on after user, password, host and port: then a password was cut off in its middle,
/// and its first half would be taken for a port and shown in errors.
fn has_more_than_an_authority(address: &str) -> bool {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    authority.contains(['/', '?', '#'])
}

/// Connects to the host and port of an address.
pub(crate) async fn tcp(address: &Uri, silence: Duration) -> Result<TcpStream, ConnectError> {
    let connected = call(connector(silence), address).await;
    connected.map_err(|error| connect_error(&error, host_of(address)))
}

/// Connects to a proxy and has it open a tunnel.
pub(crate) async fn tunnel(
    origin: &Uri,
    proxy: &Intercept,
    silence: Duration,
) -> Result<TcpStream, ConnectError> {
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connector(silence));
    if let Some(password) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(password.clone());
    }
    let proxy = proxy
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    call(tunnel, origin)
        .await
        .map_err(|error| tunnel_error(&error, proxy))
}

/// Returns the host of an address, to be named in errors.
pub(crate) fn host_of(address: &Uri) -> String {
    address.host().unwrap_or_default().to_owned()
}

async fn call<C>(mut connector: C, address: &Uri) -> Result<TcpStream, C::Error>
where
    C: Service<Uri, Response = TokioIo<TcpStream>>,
{
    poll_fn(|cx| connector.poll_ready(cx)).await?;
    Ok(connector.call(address.clone()).await?.into_inner())
}

fn connector(silence: Duration) -> HttpConnector<Resolver> {
    let mut connector = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(silence));
    connector
}

fn connect_error(error: &(dyn Error + 'static), host: String) -> ConnectError {
    if let Some(unresolved) = cause::<Unresolved>(error) {
        return ConnectError::Dns {
            host,
            source: copy(&unresolved.0),
        };
    }
    match cause::<io::Error>(error) {
        Some(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
            ConnectError::Refused { host }
        }
        Some(late) if late.kind() == io::ErrorKind::TimedOut => ConnectError::Timeout { host },
        Some(other) => ConnectError::Unreachable {
            host,
            source: copy(other),
        },
        None => ConnectError::Unreachable {
            host,
            source: io::Error::other(error.to_string()),
        },
    }
}

fn tunnel_error(error: &(dyn Error + 'static), proxy: String) -> ConnectError {
    let text = error.to_string();
    let broken = match error.source() {
        None => text.ends_with("unexpected end of file"),
        Some(source) if source.is::<io::Error>() => true,
        Some(source) => return connect_error(source, proxy),
    };
    let reason = match text.trim_start_matches("tunnel error: ") {
        "proxy authorization required" => "it asks for a user and a password",
        "unsuccessful" => "it refuses this host, or is no proxy",
        _ if broken => "the connection to it broke",
        other => other,
    };
    ConnectError::Proxy {
        proxy,
        reason: reason.to_owned(),
        broken,
    }
}

fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        link = error.source();
    }
    None
}

fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// The system's resolver, whose failures can be told from those of connecting.
#[derive(Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = Unresolved;
    type Future = Pin<Box<dyn Future<Output = Result<GaiAddrs, Unresolved>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.0.poll_ready(cx).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async { resolving.await.map_err(Unresolved) })
    }
}

#[derive(Debug)]
struct Unresolved(io::Error);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Unresolved {}
