//! What is kept of a connection from one request to the next.

use std::{
    collections::HashMap,
    ptr,
    sync::{Arc, Mutex},
};

use arc_swap::{ArcSwap, ArcSwapOption};
use evergrant::{broker::Token, connection::ConnectionName};
use http::HeaderValue;

use super::{
    error::ProxyError,
    queue::{Queue, QueueLimits},
    target::Target,
};

/// The lines of all connections. Reading takes no lock.
pub(super) struct Lines {
    lines: ArcSwap<HashMap<ConnectionName, Arc<Line>>>,
    /// The limits of lines that are added; locked while one is.
    adding: Mutex<QueueLimits>,
}

/// One connection: who is under way, and the token that was sent last.
pub(super) struct Line {
    pub(super) queue: Arc<Queue>,
    ticket: ArcSwapOption<Ticket>,
}

/// A token as it is sent.
pub(super) struct Ticket {
    /// Kept so that no other token can come to lie at its address.
    pub(super) token: Token,
    pub(super) authorization: HeaderValue,
    /// The API domain.
    pub(super) target: Arc<Target>,
}

impl Lines {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            lines: ArcSwap::default(),
            adding: Mutex::new(limits),
        }
    }

    /// Returns the line of a connection; the first request makes it.
    pub(super) fn of(&self, name: &ConnectionName) -> Arc<Line> {
        if let Some(line) = self.lines.load().get(name) {
            return line.clone();
        }
        // Unwrap safety: nothing panics while it holds the lock.
        let limits = self.adding.lock().expect("whole");
        if let Some(line) = self.lines.load().get(name) {
            return line.clone();
        }
        let line = Arc::new(Line {
            queue: Arc::new(Queue::new(*limits)),
            ticket: ArcSwapOption::empty(),
        });
        let mut lines = HashMap::clone(&self.lines.load());
        lines.insert(name.clone(), line.clone());
        self.lines.store(Arc::new(lines));
        line
    }

    /// Lets each connection have so many calls under way from now on.
    pub(super) fn set_simultaneous(&self, simultaneous: usize) {
        // Unwrap safety: nothing panics while it holds the lock.
        let mut limits = self.adding.lock().expect("whole");
        limits.simultaneous = simultaneous;
        for line in self.lines.load().values() {
            line.queue.set_simultaneous(simultaneous);
        }
    }
}

impl Line {
    /// Returns a token as it is sent; made once a token.
    pub(super) fn ticket(&self, token: Token) -> Result<Arc<Ticket>, ProxyError> {
        if let Some(ticket) = &*self.ticket.load()
            && ticket.is_of(&token)
        {
            return Ok(ticket.clone());
        }
        let ticket = Arc::new(Ticket::new(token)?);
        self.ticket.store(Some(ticket.clone()));
        Ok(ticket)
    }
}

impl Ticket {
    fn new(token: Token) -> Result<Self, ProxyError> {
        let api_domain = token.api_domain().ok_or_else(ProxyError::no_api_domain)?;
        let target = Target::new(api_domain.as_str()).ok_or_else(ProxyError::no_api_domain)?;
        let text = format!("Zoho-oauthtoken {}", token.access_token().expose_secret());
        // A token that is no header value cannot be sent by anybody: it is as good as none.
        let authorization = HeaderValue::from_str(&text);
        let mut authorization = authorization.map_err(|_| ProxyError::no_api_domain())?;
        authorization.set_sensitive(true);
        Ok(Self {
            token,
            authorization,
            target: Arc::new(target),
        })
    }

    /// Says whether this is the same token, by its address: two that are alike count as two, and cost a new ticket.
    fn is_of(&self, token: &Token) -> bool {
        ptr::eq(self.token.access_token(), token.access_token())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Settings;

    #[tokio::test(start_paused = true)]
    async fn another_limit_holds_for_every_connection() {
        let lines = Lines::new(Settings::default().queue);
        let known = lines.of(&"known".parse().unwrap());
        lines.set_simultaneous(1);
        for line in [known, lines.of(&"new".parse().unwrap())] {
            let _held = line.queue.enter("a").await.unwrap();
            assert!(line.queue.enter("b").await.is_err());
        }
    }
}
