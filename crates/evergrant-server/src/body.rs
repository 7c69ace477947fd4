//! Bodies of replies: whole, or passed on as they come.

use std::{
    convert::Infallible,
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::proxy::Passage;

/// Why a body broke off.
pub(crate) type BodyError = Box<dyn Error + Send + Sync>;

/// The body of a reply. One type for all of them, so that the usual ones need no box.
pub(crate) enum Body {
    /// All of it, as it was made here.
    Whole(Full<Bytes>),
    /// What comes from elsewhere, passed on untouched.
    Passed(Incoming),
    /// What comes from Zoho, with what is to be given back at its end.
    Proxied(Passage),
    /// What a part of the server makes that has a type of its own.
    Made(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>),
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Full::new(bytes))
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        Self::Passed(incoming)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole)
                .poll_frame(cx)
                .map_err(|never: Infallible| match never {}),
            Self::Passed(incoming) => Pin::new(incoming).poll_frame(cx).map_err(Into::into),
            Self::Proxied(passage) => Pin::new(passage).poll_frame(cx),
            Self::Made(made) => made.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Passed(incoming) => incoming.is_end_stream(),
            Self::Proxied(passage) => passage.is_end_stream(),
            Self::Made(made) => made.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Passed(incoming) => incoming.size_hint(),
            Self::Proxied(passage) => passage.size_hint(),
            Self::Made(made) => made.size_hint(),
        }
    }
}
