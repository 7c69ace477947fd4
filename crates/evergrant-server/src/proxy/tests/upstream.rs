//! Servers made by hand that stand for Zoho's API.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body::Frame;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use zoho_oauth::Roots;

use super::world::List;
use crate::body::{Body, BodyError};

/// A server, and what it has seen.
pub(super) struct Upstream {
    pub(super) origin: String,
    /// Whom to trust so as to reach it.
    pub(super) roots: Option<Roots>,
    pub(super) seen: List<Parts>,
    connections: Arc<AtomicUsize>,
}

type Replying = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Reply = dyn Fn(Request<Incoming>) -> Replying + Send + Sync;

impl Upstream {
    /// Starts a server that speaks HTTP.
    pub(super) async fn http<F, R>(reply: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let (mut upstream, listener) = Self::listen("http://127.0.0.1").await;
        upstream.serve(
            listener,
            None,
            Arc::new(move |request| Box::pin(reply(request))),
        );
        upstream
    }

    /// Starts a server that speaks HTTP over TLS.
    pub(super) async fn https<F, R>(reply: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let (mut upstream, listener) = Self::listen("https://localhost").await;
        let (config, roots) = certificate();
        upstream.roots = Some(roots);
        let acceptor = TlsAcceptor::from(config);
        upstream.serve(
            listener,
            Some(acceptor),
            Arc::new(move |request| Box::pin(reply(request))),
        );
        upstream
    }

    /// Starts a server that hears one head a connection and says what is given, as it is; then it closes, or holds.
    pub(super) async fn script(says: &'static str, holds: bool) -> Self {
        let (upstream, listener) = Self::listen("http://127.0.0.1").await;
        let connections = upstream.connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    hear(&mut stream).await;
                    stream.write_all(says.as_bytes()).await.unwrap();
                    if holds {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        upstream
    }

    async fn listen(origin: &str) -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self {
            origin: format!("{origin}:{}", listener.local_addr().unwrap().port()),
            roots: None,
            seen: List::default(),
            connections: Arc::default(),
        };
        (upstream, listener)
    }

    fn serve(&mut self, listener: TcpListener, tls: Option<TlsAcceptor>, reply: Arc<Reply>) {
        let (seen, connections) = (self.seen.clone(), self.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, reply, tls) = (seen.clone(), reply.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve_one(stream, seen, reply).await;
                            }
                        }
                        None => serve_one(stream, seen, reply).await,
                    }
                });
            }
        });
    }

    /// Returns how many connections were made to it.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns the heads of what it was asked.
    pub(super) fn seen(&self) -> Vec<Parts> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve_one<S>(stream: S, seen: List<Parts>, reply: Arc<Reply>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        seen.lock().unwrap().push(head.clone());
        let reply = reply.clone();
        async move { Ok::<_, Infallible>(reply(Request::from_parts(head, body)).await) }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Connections may break: some tests want it.
    let _ = serving.await;
}

async fn hear(stream: &mut TcpStream) {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        heard.push(stream.read_u8().await.unwrap_or(b'\n'));
    }
}

/// Makes a certificate for `localhost`, and the authority to trust.
fn certificate() -> (Arc<ServerConfig>, Roots) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        );
    (Arc::new(config.unwrap()), Roots::Pem(pem.into()))
}

/// A reply with this text.
pub(super) fn says(text: &'static str) -> Response<Body> {
    Response::new(Body::from(Bytes::from_static(text.as_bytes())))
}

/// A body of so many pieces, with a pause before each.
pub(super) struct Pieces {
    pub(super) piece: Bytes,
    pub(super) left: usize,
}

impl Pieces {
    pub(super) fn of(size: usize, left: usize) -> Self {
        Self {
            piece: Bytes::from(vec![b'x'; size]),
            left,
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }
}
