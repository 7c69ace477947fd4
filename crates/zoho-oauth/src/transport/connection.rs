//! An open connection, good for one request.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, DATE, HOST, HeaderName, LOCATION, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use super::config::TransportConfig;
use super::dialer::DialedStream;
use super::error::{ConnectError, SendError};
use super::watch::{Seen, Watched};
use crate::reply::{Reply, ReplyEnd};

/// How much of a reply's body is read: 60 KiB, a hundred times what a token reply needs.
pub const REPLY_LIMIT: usize = 60 * 1024;

/// An open connection to one origin, good for one request.
///
/// Nothing runs in the background: the connection moves only while [`send`](Self::send) is awaited.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    wire: Wire,
    target: Target,
}

impl Connection {
    pub(crate) async fn new(
        stream: DialedStream,
        target: Target,
        config: &TransportConfig,
    ) -> Result<Self, ConnectError> {
        let (watched, seen) = Watched::new(stream);
        let shaken = http1::handshake(TokioIo::new(watched)).await;
        let (sender, driver) = shaken.map_err(|error| ConnectError::Unreachable {
            host: target.host(),
            source: io::Error::other(error),
        })?;
        let driver = Some(Box::pin(driver));
        let (silence, reading) = (config.silence, config.reading);
        let wire = Wire {
            driver,
            seen,
            started: Instant::now(),
            silence,
            reading,
        };
        Ok(Self {
            sender,
            wire,
            target,
        })
    }

    /// Sends the request and reads the reply, whatever its status; redirects are not followed.
    ///
    /// A reply that has begun is read to its end, but not past [`REPLY_LIMIT`] nor the time of the configuration:
    /// what came until then is returned, marked as cut or too large.
    ///
    /// # Errors
    ///
    /// If no body could begin; [`may_have_arrived`](SendError::may_have_arrived) says whether the server may have
    /// acted all the same.
    pub async fn send(mut self, request: Request<Bytes>) -> Result<Reply, SendError> {
        let request = self.target.address(request)?;
        self.wire.look().await;
        self.wire.started = Instant::now();
        let answered = self.wire.run(self.sender.try_send_request(request)).await;
        match answered {
            Some(Ok(response)) => Ok(self.wire.read(response).await),
            Some(Err(error)) => Err(self.wire.send_error(error.into_error())),
            None => Err(self.wire.late_error()),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("origin", &self.target.origin)
            .finish_non_exhaustive()
    }
}

type Driver = http1::Connection<TokioIo<Watched>, Full<Bytes>>;

/// What moves the bytes, and the limits it moves them in.
struct Wire {
    driver: Option<Pin<Box<Driver>>>,
    seen: Arc<Seen>,
    started: Instant,
    silence: Duration,
    reading: Duration,
}

impl Wire {
    /// Runs a future of the connection within its limits; None if time ran out.
    async fn run<F: Future>(&mut self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        let mut timer = pin!(sleep_until(self.deadline()));
        poll_fn(|cx| {
            self.drive(cx);
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let deadline = self.deadline();
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            timer.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// Notices a connection that was closed meanwhile, so that the request is not sent into it.
    async fn look(&mut self) {
        for _ in 0..2 {
            poll_fn(|cx| {
                self.drive(cx);
                Poll::Ready(())
            })
            .await;
            // Only the runtime can say what has happened at the socket.
            tokio::task::yield_now().await;
        }
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && driver.as_mut().poll(cx).is_ready()
        {
            // Whatever ended the connection, the work on it hears of it too.
            self.driver = None;
        }
    }

    /// Silence ends a request that nothing has answered; a reply that has begun has its own time.
    fn deadline(&self) -> Instant {
        match self.seen.first_read() {
            None => after(self.started, self.silence),
            Some(begun) => after(begun, self.reading),
        }
    }

    async fn read(&mut self, response: Response<Incoming>) -> Reply {
        let (head, mut incoming) = response.into_parts();
        // All the room at once: a vector that grows leaves copies of secrets behind. What is made is wiped too, so
        // that it is no larger than what is announced.
        let announced = incoming
            .size_hint()
            .exact()
            .and_then(|length| usize::try_from(length).ok());
        let room = announced.map_or(REPLY_LIMIT, |length| length.min(REPLY_LIMIT));
        let mut body = Zeroizing::new(Vec::with_capacity(room));
        let end = loop {
            let Some(frame) = self.run(incoming.frame()).await else {
                break ReplyEnd::Cut;
            };
            let data = match frame {
                None => break ReplyEnd::Complete,
                Some(Err(_)) => break ReplyEnd::Cut,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            let room = REPLY_LIMIT - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() > room {
                break ReplyEnd::TooLarge;
            }
        };
        Reply {
            status: head.status.as_u16(),
            content_type: text_of(&head.headers, CONTENT_TYPE),
            location: text_of(&head.headers, LOCATION),
            date: text_of(&head.headers, DATE),
            body,
            end,
        }
    }

    fn send_error(&self, error: hyper::Error) -> SendError {
        if !self.seen.has_written() {
            SendError::NotSent(error.into())
        } else if error.is_parse() {
            SendError::Malformed(error.into())
        } else {
            SendError::Closed(error.into())
        }
    }

    fn late_error(&self) -> SendError {
        let late = || Box::new(io::Error::from(io::ErrorKind::TimedOut));
        if !self.seen.has_written() {
            SendError::NotSent(late())
        } else if self.seen.first_read().is_some() {
            SendError::Closed(late())
        } else {
            SendError::NoAnswer
        }
    }
}

fn after(start: Instant, time: Duration) -> Instant {
    // A limit past all reckoning is a year.
    start
        .checked_add(time)
        .unwrap_or_else(|| start + Duration::from_secs(365 * 24 * 3600))
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Where requests of a connection go, and how they are addressed.
pub(crate) struct Target {
    origin: Uri,
    proxy: Option<Intercept>,
}

impl Target {
    /// Addresses requests to an origin; a proxy that opens no tunnel is told the whole address.
    pub(crate) fn new(origin: Uri, proxy: Option<Intercept>) -> Self {
        Self { origin, proxy }
    }

    fn host(&self) -> String {
        super::dial::host_of(&self.origin)
    }

    fn address(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, SendError> {
        let (mut head, body) = request.into_parts();
        if !is_same_origin(&head.uri, &self.origin) {
            return Err(SendError::OtherOrigin);
        }
        let host = head
            .uri
            .authority()
            .map(|authority| HeaderValue::from_str(authority.as_str()));
        let Some(Ok(host)) = host else {
            return Err(SendError::OtherOrigin);
        };
        head.headers.insert(HOST, host);
        head.headers
            .insert(CONNECTION, HeaderValue::from_static("close"));
        match &self.proxy {
            Some(proxy) => {
                if let Some(password) = proxy.basic_auth() {
                    head.headers.insert(PROXY_AUTHORIZATION, password.clone());
                }
            }
            None => {
                head.uri = head
                    .uri
                    .path_and_query()
                    .cloned()
                    .map(Uri::from)
                    .unwrap_or_default()
            }
        }
        Ok(Request::from_parts(head, Full::new(body)))
    }
}

fn is_same_origin(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port_of(a) == port_of(b)
}

fn port_of(uri: &Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    uri.port_u16().unwrap_or(usual)
}
