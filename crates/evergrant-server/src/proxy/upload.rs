//! Bodies of requests: small ones are read first, so that they can be sent twice; others stream.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::{
    error::ProxyError,
    pace::{Credit, Pace, TooSlow},
    silence::Silence,
};

/// Up to this size a body is read before it is sent.
const SMALL: u64 = 64 * 1024;

/// The body of a request on its way to Zoho.
pub(super) enum Upload {
    /// All of it. It may be sent again.
    Whole(Option<Bytes>),
    /// What the caller sends, as it comes.
    Streamed(Streamed),
}

impl Upload {
    /// Takes a caller's body, and waits for all of it if it is small.
    pub(super) async fn take(incoming: Incoming, pace: Pace) -> Result<Self, ProxyError> {
        if incoming.is_end_stream() {
            return Ok(Self::Whole(None));
        }
        match incoming.size_hint().exact() {
            Some(size) if size <= SMALL => {
                let whole =
                    read(incoming, usize::try_from(size).unwrap_or(0), pace.silence).await?;
                Ok(Self::Whole(Some(whole)))
            }
            _ => Ok(Self::Streamed(Streamed {
                incoming,
                credit: Credit::new(pace),
                progress: Arc::default(),
            })),
        }
    }

    /// Returns the same body once more; None if it is gone when it has been sent.
    pub(super) fn again(&self) -> Option<Self> {
        match self {
            Self::Whole(whole) => Some(Self::Whole(whole.clone())),
            Self::Streamed(_) => None,
        }
    }

    /// Returns what tells how a streamed body gets on; None for one that is here.
    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        match self {
            Self::Whole(_) => None,
            Self::Streamed(streamed) => Some(streamed.progress.clone()),
        }
    }
}

async fn read(mut incoming: Incoming, size: usize, silence: Duration) -> Result<Bytes, ProxyError> {
    let mut silence = Silence::new(silence);
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let frame = std::future::poll_fn(|cx| match Pin::new(&mut incoming).poll_frame(cx) {
            // All of it has the time of one silence: it is small.
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => silence.poll(cx).map(Err),
        });
        let frame = frame.await.map_err(|()| ProxyError::body_silent())?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| ProxyError::body_cut())?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        match &first {
            // As a rule all of it comes at once, and nothing is copied.
            None => first = Some(data),
            Some(_) => {
                rest.reserve(size);
                rest.extend_from_slice(&data);
            }
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([&first[..], &rest[..]].concat().into())
}

/// How a streamed body gets on.
#[derive(Default)]
pub(super) struct Progress(Mutex<Stage>);

/// Where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// On its way.
    #[default]
    Going,
    /// All of it is sent.
    Ended(Instant),
    /// The caller sent nothing for too long, or too little.
    Late(TooSlow),
    /// The caller's connection broke.
    Cut,
}

impl Progress {
    pub(super) fn stage(&self) -> Stage {
        // Unwrap safety: nothing panics while it holds the lock.
        *self.0.lock().expect("whole")
    }

    fn set(&self, stage: Stage) {
        *self.0.lock().expect("whole") = stage;
    }
}

/// A body that is sent as it comes.
pub(super) struct Streamed {
    incoming: Incoming,
    credit: Credit,
    progress: Arc<Progress>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadBroken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        match self.get_mut() {
            Self::Whole(whole) => Poll::Ready(whole.take().map(|whole| Ok(Frame::data(whole)))),
            Self::Streamed(streamed) => streamed.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_none(),
            Self::Streamed(streamed) => streamed.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => {
                let size = whole.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(size).unwrap_or(u64::MAX))
            }
            Self::Streamed(streamed) => streamed.incoming.size_hint(),
        }
    }
}

impl Streamed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        let (stage, polled) = match Pin::new(&mut self.incoming).poll_frame(cx) {
            // Trailers end a body here: they may hold what no header may.
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                self.credit.came(frame.data_ref().map_or(0, Bytes::len));
                if !self.incoming.is_end_stream() {
                    return Poll::Ready(Some(Ok(frame)));
                }
                (Stage::Ended(Instant::now()), Some(Ok(frame)))
            }
            Poll::Ready(Some(Ok(_)) | None) => (Stage::Ended(Instant::now()), None),
            Poll::Ready(Some(Err(_))) => (Stage::Cut, Some(Err(UploadBroken))),
            Poll::Pending => match self.credit.poll(cx) {
                Poll::Ready(why) => (Stage::Late(why), Some(Err(UploadBroken))),
                Poll::Pending => return Poll::Pending,
            },
        };
        self.progress.set(stage);
        Poll::Ready(polled)
    }
}

/// The caller's body broke off; [`Stage`] says why.
#[derive(Debug)]
pub(super) struct UploadBroken;

impl fmt::Display for UploadBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request's body broke off")
    }
}

impl Error for UploadBroken {}
