//! One connection to a data center's port: HTTP/1.1, with or without TLS.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, SERVER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::accounts::Asked;
use crate::clock;
use crate::data_center::Door;
use crate::parameters::Parameters;
use crate::play::{self, Outcome};
use crate::reply::{self, Reply};
use crate::state::Shared;
use crate::wire::{Delivery, Reset};

/// More than any request that makes sense; the hundred records of an insert fit many times.
const REQUEST_LIMIT: usize = 16 * 1024 * 1024;

/// Serves requests until the other side closes or a fault breaks the connection.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    reset: Reset,
    shared: Arc<Shared>,
    door: Door,
) {
    let service = service_fn(|request| answer(request, &shared, door, &reset));
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "connection ended");
    }
}

/// Answers one request; an error ends the connection without a reply.
async fn answer(
    request: Request<Incoming>,
    shared: &Shared,
    door: Door,
    reset: &Reset,
) -> io::Result<Response<Delivery>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, REQUEST_LIMIT).collect().await else {
        return Ok(
            reply::html(StatusCode::PAYLOAD_TOO_LARGE, "Payload Too Large").map(Delivery::whole),
        );
    };
    let request = Request::from_parts(head, body.to_bytes());
    let parameters = Parameters::read(&request).await;
    let (now, played) = {
        let mut state = shared.lock();
        let asked = Asked {
            door,
            request: &request,
            parameters: &parameters,
        };
        (state.now(), play::play(&mut state, &asked))
    };
    if !played.delay.is_zero() {
        tokio::time::sleep(played.delay).await;
    }
    match played.outcome {
        Outcome::Reset => {
            reset.order();
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Outcome::Close => Err(io::ErrorKind::ConnectionAborted.into()),
        Outcome::Whole(reply) => Ok(finish(reply, now, Delivery::whole)),
        Outcome::Cut { reply, after_bytes } => Ok(finish(reply, now, |bytes| {
            Delivery::cut(bytes.slice(..after_bytes))
        })),
        Outcome::Drip { reply, pause } => {
            Ok(finish(reply, now, |bytes| Delivery::drip(bytes, pause)))
        }
    }
}

/// Adds the headers that every reply has, the length of the whole body among them, and puts the body on its way.
fn finish(
    mut reply: Reply,
    now: clock::Millis,
    deliver: impl FnOnce(Bytes) -> Delivery,
) -> Response<Delivery> {
    let length = reply.body().len();
    let headers = reply.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("ZGS"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(date) = clock::http_date(now).parse() {
        headers.insert(DATE, date);
    }
    if matches!(
        reply.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    ) {
        reply.headers_mut().remove(CONTENT_LENGTH);
    }
    reply.map(deliver)
}
