//! How a reply goes over the wire: whole, cut short, drop by drop, or not at all because the connection is reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A connection that can be told to end with a reset in place of an orderly close.
pub(crate) struct Wire {
    stream: TcpStream,
    reset: Reset,
}

/// The order to reset a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reset(Arc<AtomicBool>);

impl Reset {
    pub(crate) fn order(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_ordered(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            reset: Reset::default(),
        }
    }

    /// Returns what resets this connection once it is dropped.
    pub(crate) fn reset(&self) -> Reset {
        self.reset.clone()
    }

    fn check(&self) -> io::Result<()> {
        if self.reset.is_ordered() {
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.is_ordered() {
            // Without lingering the system sends a reset. If that fails the other side sees a close, which is as bad.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// Nothing leaves once a reset is ordered, neither a reply nor a farewell.
impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A reply's body on its way.
pub(crate) struct Delivery {
    bytes: Bytes,
    pace: Pace,
}

enum Pace {
    Whole,
    /// The bytes that are left go out, then the connection breaks.
    Cut {
        flushed: bool,
    },
    Drip {
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    },
}

impl Delivery {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self {
            bytes,
            pace: Pace::Whole,
        }
    }

    pub(crate) fn cut(bytes: Bytes) -> Self {
        Self {
            bytes,
            pace: Pace::Cut { flushed: false },
        }
    }

    pub(crate) fn drip(bytes: Bytes, pause: Duration) -> Self {
        Self {
            bytes,
            pace: Pace::Drip {
                pause,
                sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            },
        }
    }
}

impl Body for Delivery {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        match &mut this.pace {
            Pace::Drip { pause, sleep } if !this.bytes.is_empty() => {
                ready!(sleep.as_mut().poll(context));
                sleep.set(tokio::time::sleep(*pause));
                Poll::Ready(Some(Ok(Frame::data(this.bytes.split_to(1)))))
            }
            _ if !this.bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.bytes)))))
            }
            Pace::Cut {
                flushed: flushed @ false,
            } => {
                // The server flushes what it has when it must wait; an error at once would drop it.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Pace::Cut { .. } => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            Pace::Whole | Pace::Drip { .. } => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && !matches!(self.pace, Pace::Cut { .. })
    }

    fn size_hint(&self) -> SizeHint {
        match self.pace {
            Pace::Cut { .. } => SizeHint::default(),
            Pace::Whole | Pace::Drip { .. } => SizeHint::with_exact(self.bytes.len() as u64),
        }
    }
}
