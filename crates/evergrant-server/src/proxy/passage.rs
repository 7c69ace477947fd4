//! The body of a reply on its way to the caller.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::flow::{Flows, Held, Place};
use crate::body::BodyError;

/// Zoho's body, passed on as it comes. It holds the connection and the right to have a call under way until its end.
pub(crate) struct Passage {
    /// What was looked at and comes first.
    seen: Option<Bytes>,
    incoming: Incoming,
    /// None when nothing is held any more.
    place: Option<Place>,
}

impl Passage {
    pub(super) fn new(incoming: Incoming, held: Held, flows: &Arc<Flows>) -> Self {
        let place = if incoming.is_end_stream() {
            held.keep();
            None
        } else {
            Some(flows.begin(held))
        };
        Self {
            seen: None,
            incoming,
            place,
        }
    }

    /// Puts back what was read of the body to look at it.
    pub(super) fn with_seen(mut self, seen: Bytes) -> Self {
        self.seen = Some(seen).filter(|seen| !seen.is_empty());
        self
    }

    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let Some(place) = &self.place else {
            return Poll::Ready(None);
        };
        match polled {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                place.moves(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) if place.is_cut() => {
                self.place = None;
                Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
            }
            // Trailers end a body here: they may hold what no header may.
            Poll::Ready(Some(Ok(_)) | None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                if let Some(place) = self.place.take() {
                    place.break_off();
                }
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Pending => {
                place.awaits_zoho();
                Poll::Pending
            }
        }
    }

    fn end(&mut self) {
        if let Some(place) = self.place.take() {
            place.end();
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
        match this.seen.take() {
            Some(seen) => Poll::Ready(Some(Ok(Frame::data(seen)))),
            None => this.poll_incoming(cx),
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
        // Else the caller went away, and the connection goes with what is left on it.
        if self.incoming.is_end_stream() {
            self.end();
        }
    }
}
