//! Opens byte streams for whoever speaks HTTP over them on his own, and keeps them.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Intercept;
use rustls::client::Resumption;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::config::TransportConfig;
use super::error::ConnectError;
use super::tls::{self, Tls};
use super::{dial, parse_origin};

/// Opens byte streams to origins: with TLS for https, through the proxy if one is set.
///
/// [`Transport`](super::Transport) sends single requests over such streams. Whoever sends many and keeps the
/// connections uses this. TLS sessions are resumed, and HTTP/1.1 is what is spoken.
pub struct Dialer {
    config: TransportConfig,
    tls: Tls,
}

impl Dialer {
    /// Makes a dialer. Costs nothing: roots are read at the first https connection.
    pub fn new(config: TransportConfig) -> Self {
        Self::resuming(config, Resumption::default())
    }

    pub(super) fn resuming(config: TransportConfig, resumption: Resumption) -> Self {
        let tls = Tls::new(config.roots.clone(), resumption);
        Self { config, tls }
    }

    /// Opens a stream to an origin, a `scheme://host[:port]` whose path is ignored.
    ///
    /// # Errors
    ///
    /// If there is no connection within the silence of the configuration, or none that is trusted.
    pub async fn dial(&self, origin: impl AsRef<str>) -> Result<Dialed, ConnectError> {
        let origin = parse_origin(origin.as_ref())?;
        let host = dial::host_of(&origin);
        let opening = tokio::time::timeout(self.config.silence, self.open(&origin));
        opening.await.unwrap_or(Err(ConnectError::Timeout { host }))
    }

    pub(super) fn config(&self) -> &TransportConfig {
        &self.config
    }

    pub(super) async fn open(&self, origin: &Uri) -> Result<Dialed, ConnectError> {
        let is_https = origin.scheme_str() == Some("https");
        // The roots are read while the connection is made.
        let tls = is_https.then(|| self.tls.load());
        let proxy = dial::proxy_for(origin, &self.config.proxy)?;
        let tcp = match &proxy {
            Some(proxy) if is_https => dial::tunnel(origin, proxy, self.config.silence).await?,
            Some(proxy) => dial::tcp(proxy.uri(), self.config.silence).await?,
            None => dial::tcp(origin, self.config.silence).await?,
        };
        let stream = match tls {
            Some(loading) => {
                let shaken = tls::handshake(tcp, origin, loading.await?).await?;
                DialedStream::Tls(Box::new(shaken))
            }
            None => DialedStream::Plain(tcp),
        };
        let proxy = proxy.filter(|_| !is_https);
        Ok(Dialed { stream, proxy })
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// An open stream, and who is at its other end.
pub struct Dialed {
    /// The bytes.
    pub stream: DialedStream,
    pub(super) proxy: Option<Intercept>,
}

impl Dialed {
    /// Says whether an HTTP proxy without a tunnel is at the other end: it wants whole addresses in request lines.
    pub fn wants_absolute_form(&self) -> bool {
        self.proxy.is_some()
    }

    /// Returns the `Proxy-Authorization` that goes into each request; None if no proxy asks for one.
    pub fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.proxy.as_ref().and_then(Intercept::basic_auth)
    }
}

impl fmt::Debug for Dialed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialed")
            .field("wants_absolute_form", &self.wants_absolute_form())
            .finish_non_exhaustive()
    }
}

/// A byte stream, with or without TLS.
#[derive(Debug)]
pub enum DialedStream {
    /// TCP alone.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! on_stream {
    ($self:expr, $stream:ident => $body:expr) => {
        match $self.get_mut() {
            Self::Plain($stream) => {
                let $stream = Pin::new($stream);
                $body
            }
            Self::Tls($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $body
            }
        }
    };
}

impl AsyncRead for DialedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for DialedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self, stream => stream.poll_shutdown(cx))
    }
}
