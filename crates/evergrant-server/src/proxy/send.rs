//! Sends one request and waits for its reply to begin.

use std::{pin::pin, sync::Arc, time::Duration};

use http::{Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::{
    error::ProxyError,
    pace::TooSlow,
    pool::{Connection, Pool},
    target::Target,
    upload::{Progress, Stage, Upload},
};

/// A reply that has begun, and the connection that it comes over.
pub(super) struct Answered {
    pub(super) response: Response<Incoming>,
    pub(super) connection: Connection,
}

/// Sends a request over a kept connection or a new one.
///
/// `again` makes the request once more, if that can be done. It is used for a kept connection that was closed while the
/// request was on its way, and only for methods that change nothing
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2>).
pub(super) async fn send(
    pool: &Pool,
    target: &Arc<Target>,
    first_byte: Duration,
    mut request: Request<Upload>,
    again: impl Fn() -> Option<Request<Upload>>,
) -> Result<Answered, ProxyError> {
    loop {
        let mut connection = match pool.take(target) {
            Some(connection) => connection,
            None => {
                let opened = Box::pin(pool.open(target)).await;
                opened.map_err(|error| ProxyError::unreached(&error))?
            }
        };
        connection.address(&mut request);
        let progress = request.body().progress();
        let is_safe = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        let answer = connection.sender.try_send_request(request);
        match wait(answer, first_byte, progress.as_deref()).await {
            Some(Ok(response)) => {
                return Ok(Answered {
                    response,
                    connection,
                });
            }
            None => return Err(ProxyError::reply_late()),
            Some(Err(mut failed)) => {
                let unsent = failed.take_message();
                let next = unsent.or_else(|| is_safe.then(&again).flatten());
                match next.filter(|_| connection.is_reused) {
                    Some(next) => request = next,
                    None => return Err(why(progress.as_deref())),
                }
            }
        }
    }
}

/// Waits for the first byte of a reply; None if it does not come in time. The time begins when the request has been sent:
/// how long that takes has limits of its own.
async fn wait<F: Future>(
    answer: F,
    first_byte: Duration,
    progress: Option<&Progress>,
) -> Option<F::Output> {
    let mut answer = pin!(answer);
    let mut end = Instant::now() + first_byte;
    loop {
        if let Ok(answered) = timeout_at(end, answer.as_mut()).await {
            return Some(answered);
        }
        end = match progress?.stage() {
            Stage::Going => Instant::now() + first_byte,
            Stage::Ended(at) if at + first_byte > end => at + first_byte,
            _ => return None,
        };
    }
}

fn why(progress: Option<&Progress>) -> ProxyError {
    match progress.map(Progress::stage) {
        Some(Stage::Late(TooSlow::Silent)) => ProxyError::body_silent(),
        Some(Stage::Late(TooSlow::Slow)) => ProxyError::body_slow(),
        Some(Stage::Cut) => ProxyError::body_cut(),
        _ => ProxyError::no_reply(),
    }
}
