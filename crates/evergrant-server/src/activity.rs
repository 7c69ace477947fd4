//! Whether anything happens on a connection that carries many requests at once.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};

/// What happens on one connection.
#[derive(Clone, Default)]
pub(crate) struct Activity(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Requests that are not answered yet.
    asked: AtomicUsize,
    /// Whether a request or an answer has got on since this was last looked at.
    has_moved: AtomicBool,
}

/// A request that is not answered yet.
struct Asked(Activity);

impl Activity {
    fn ask(&self) -> Asked {
        self.0.asked.fetch_add(1, AcqRel);
        Asked(self.clone())
    }

    /// Counts the requests that a service answers.
    pub(crate) fn of<S, B>(
        &self,
        service: S,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Watched<B>>,
        Error = Infallible,
        Future: Send + 'static,
    > + use<S, B>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
        S::Future: Send + 'static,
        B: Body + Unpin + Send + 'static,
    {
        let activity = self.clone();
        service_fn(move |request| {
            let asked = activity.ask();
            let answering = service.call(request);
            // In a box that goes with the request.
            Box::pin(async move {
                let activity = asked.0.clone();
                let answered = answering.await;
                drop(asked);
                answered.map(|response| response.map(|body| Watched { body, activity }))
            })
        })
    }

    /// Is ready when nothing has been asked and no answer has got on for this time, or twice as long at the most.
    pub(crate) async fn idle(&self, time: Duration) {
        loop {
            tokio::time::sleep(time).await;
            let has_moved = self.0.has_moved.swap(false, Relaxed);
            if self.0.asked.load(Acquire) == 0 && !has_moved {
                return;
            }
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.0.has_moved.store(true, Relaxed);
        self.0.0.asked.fetch_sub(1, AcqRel);
    }
}

/// An answer that says when it gets on.
pub(crate) struct Watched<B> {
    body: B,
    activity: Activity,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if polled.is_ready() {
            this.activity.0.has_moved.store(true, Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const IDLE: Duration = Duration::from_secs(300);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_was_asked_for_a_while() {
        let (activity, began) = (Activity::default(), Instant::now());
        let asked = activity.ask();
        tokio::spawn(async move {
            tokio::time::sleep(IDLE * 10).await;
            drop(asked);
        });
        activity.idle(IDLE).await;
        let idle = began.elapsed().saturating_sub(IDLE * 10);
        assert!(
            IDLE <= idle && idle <= IDLE * 2 + Duration::from_secs(1),
            "{idle:?}"
        );
    }
}
