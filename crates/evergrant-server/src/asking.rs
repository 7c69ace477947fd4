//! Which request is answered in a task, and who asks, as far as that is found out meanwhile. A log's span could tell, but
//! the usual requests have none, and of those too somebody wants to know who was refused.

use std::{cell::RefCell, fmt, sync::Arc};

use evergrant::{
    caller::{Grant, KnownCaller},
    connection::ConnectionName,
};
use tracing::{Span, field::display};

tokio::task_local! {
    static ASKING: RefCell<Asking>;
}

/// The name of a request. It is not written out for most of them: the proxy has names of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) u64);

/// A request that is answered.
#[derive(Default)]
pub(crate) struct Asking {
    id: RequestId,
    pub(crate) caller: Option<Arc<KnownCaller>>,
    pub(crate) connection: Option<Arc<ConnectionName>>,
}

/// Answers a request; tells who asked, too.
pub(crate) async fn answered<T>(id: RequestId, answering: impl Future<Output = T>) -> (T, Asking) {
    let asking = Asking {
        id,
        ..Asking::default()
    };
    let both = async { (answering.await, ASKING.with(RefCell::take)) };
    ASKING.scope(RefCell::new(asking), both).await
}

/// Returns the name of the request that is answered; `None` outside of any.
pub(crate) fn id() -> Option<RequestId> {
    ASKING.try_with(|asking| asking.borrow().id).ok()
}

/// Returns who asks, as far as that is known; `None` outside of any.
pub(crate) fn caller() -> Option<Arc<KnownCaller>> {
    let caller = ASKING.try_with(|asking| asking.borrow().caller.clone());
    caller.ok().flatten()
}

/// Notes who asks, and for which connection.
pub(crate) fn for_grant(grant: &Grant) {
    by(&grant.caller);
    note(|asking| asking.connection = Some(grant.connection.clone()));
    Span::current().record("connection", display(&grant.connection));
}

/// Notes who asks.
pub(crate) fn by(caller: &Arc<KnownCaller>) {
    note(|asking| asking.caller = Some(caller.clone()));
    Span::current().record("caller", display(&caller.name));
}

fn note(note: impl FnOnce(&mut Asking)) {
    // Outside of any request there is nobody to tell.
    let _ = ASKING.try_with(|asking| note(&mut asking.borrow_mut()));
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_known_while_it_is_answered() {
        assert_eq!(id(), None);
        let (inside, asking) = answered(RequestId(7), async { id() }).await;
        assert_eq!(inside, Some(RequestId(7)));
        assert!(asking.caller.is_none() && id().is_none());
        assert_eq!(RequestId(7).to_string(), "0000000000000007");
    }
}
