//! How long one side may be silent. A timer exists only while something is awaited.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// The time that something may keep us waiting.
pub(crate) struct Silence {
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Silence {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            timer: None,
            waiting: false,
        }
    }

    /// Notes that something has happened.
    pub(crate) fn broken(&mut self) {
        self.waiting = false;
    }

    /// Is ready when nothing has happened for too long; to be polled whenever there is nothing.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.waiting {
            self.waiting = true;
            let end = Instant::now() + self.limit;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(end),
                None => self.timer = Some(Box::pin(sleep_until(end))),
            }
        }
        self.timer
            .as_mut()
            .map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }
}

/// A stream whose other side may not refuse to take bytes for longer than a silence.
///
/// How long it sends nothing is for whoever reads: an idle connection is silent for good reasons.
pub(crate) struct Patient<S> {
    stream: S,
    silence: Silence,
}

impl<S> Patient<S> {
    /// Limits how long a write may take.
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            silence: Silence::new(limit),
        }
    }

    fn limit<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.silence.broken();
            return polled;
        }
        ready!(self.silence.poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.limit(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.limit(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.limit(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.limit(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(120);

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_is_not_waited_for() {
        let (ours, _theirs) = tokio::io::duplex(8);
        let mut patient = Patient::new(ours, LIMIT);
        let began = Instant::now();
        let error = patient.write_all(&[0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), LIMIT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_a_little_now_and_then_is() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        tokio::spawn(async move {
            for _ in 0..100 {
                tokio::time::sleep(LIMIT / 2).await;
                theirs.read_u8().await.unwrap();
            }
        });
        let mut patient = Patient::new(ours, LIMIT);
        patient.write_all(&[0; 100]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn reading_may_take_as_long_as_it_likes() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        tokio::spawn(async move {
            tokio::time::sleep(LIMIT * 10).await;
            theirs.write_u8(7).await.unwrap();
        });
        assert_eq!(Patient::new(ours, LIMIT).read_u8().await.unwrap(), 7);
    }
}
