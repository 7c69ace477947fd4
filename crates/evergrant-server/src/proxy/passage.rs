//! The body of a reply on its way to the caller.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{
    measure::Measures,
    pool::{Connection, Pool},
    queue::Permit,
    silence::Silence,
};
use crate::body::BodyError;

/// Zoho's body, passed on as it comes. It holds the connection and the right to have a call under way until its end.
pub(crate) struct Passage {
    /// What was looked at and comes first.
    seen: Option<Bytes>,
    incoming: Incoming,
    silence: Silence,
    held: Option<Held>,
}

/// What is given back when a body has ended.
pub(super) struct Held {
    pub(super) connection: Connection,
    pub(super) pool: Arc<Pool>,
    pub(super) permit: Permit,
    pub(super) measures: Arc<Measures>,
}

impl Passage {
    pub(super) fn new(incoming: Incoming, held: Held, silence: Duration) -> Self {
        Self {
            seen: None,
            incoming,
            silence: Silence::new(silence),
            held: Some(held),
        }
    }

    /// Puts back what was read of the body to look at it.
    pub(super) fn with_seen(mut self, seen: Bytes) -> Self {
        self.seen = Some(seen).filter(|seen| !seen.is_empty());
        self
    }

    /// Gives back what the body held: the connection for the next request, if nothing is left on it.
    fn end(&mut self) {
        if let Some(held) = self.held.take() {
            held.pool.keep(held.connection);
        }
    }

    /// Closes the connection, whose rest nobody can use.
    fn break_off(&mut self) {
        if let Some(held) = self.held.take() {
            held.measures.note_broken();
        }
    }
}

impl Body for Passage {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(seen) = this.seen.take() {
            return Poll::Ready(Some(Ok(Frame::data(seen))));
        }
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                this.silence.broken();
                Poll::Ready(Some(Ok(frame)))
            }
            // Trailers end a body here: they may hold what no header may.
            Poll::Ready(Some(Ok(_)) | None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                this.break_off();
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Pending => this.silence.poll(cx).map(|()| {
                this.break_off();
                Some(Err(io::Error::from(io::ErrorKind::TimedOut).into()))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.seen.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.incoming.size_hint();
        let seen = self.seen.as_ref().map_or(0, Bytes::len) as u64;
        if seen == 0 {
            return hint;
        }
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + seen);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + seen);
        }
        whole
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.end();
        }
        // Else the caller went away, and the connection with what is left on it.
    }
}
