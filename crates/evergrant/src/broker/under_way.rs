//! The refreshes of this process that are under way, for programs that are told to end.

use tokio::sync::watch;

use super::Broker;

impl Broker {
    /// Tells whether a refresh of this broker is under way: one that is broken off counts at Zoho all the
    /// same, and keeps the others waiting for its lease to run out. Waiting for another process is none.
    pub fn is_refreshing(&self) -> bool {
        !self.0.under_way.is_empty()
    }

    /// Waits until a refresh of this broker is under way: from then on a program that is told to end had
    /// better wait for [`finish`](Self::finish).
    pub async fn refreshing(&self) {
        self.0.under_way.begun().await;
    }

    /// Waits for the refreshes of this broker that are under way, for a program that is about to end.
    pub async fn finish(&self) {
        self.0.under_way.ended().await;
    }
}

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
