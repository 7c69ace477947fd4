//! The refreshes of this process that are under way, for programs that are told to end.

use tokio::sync::watch;

/// How many there are.
#[derive(Default)]
pub(super) struct UnderWay(watch::Sender<usize>);

/// One that is under way until this is dropped.
pub(super) struct OneOfThem<'a>(&'a UnderWay);

impl UnderWay {
    /// Counts one more, from before it takes the lease.
    pub(super) fn enter(&self) -> OneOfThem<'_> {
        self.0.send_modify(|count| *count += 1);
        OneOfThem(self)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self.0.borrow() == 0
    }

    /// Waits until there is one.
    pub(super) async fn begun(&self) {
        self.until(|count| count > 0).await;
    }

    /// Waits until there is none.
    pub(super) async fn ended(&self) {
        self.until(|count| count == 0).await;
    }

    async fn until(&self, is_so: impl Fn(usize) -> bool) {
        let mut count = self.0.subscribe();
        // It fails only if the sender has gone, which is here.
        let _ = count.wait_for(|count| is_so(*count)).await;
    }
}

impl Drop for OneOfThem<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
