//! The API proxy: a caller's request goes to Zoho with the connection's token in it, and Zoho's reply comes back.
//!
//! ```text
//! request ─► address ─► rules ─► scopes ─► small body ─► queue ─► token ─► Zoho ─► reply
//!            one        may the caller     is read       of the            │
//!            reading    do this?           first         connection        └─ 401: report, once more with another token
//! ```
//! Bodies stream in both directions, whatever their size. What Zoho replies is passed on as it is, errors too; answers of
//! our own are problem documents with `Evergrant-Error`.

mod call;
mod error;
mod flow;
mod headers;
mod line;
mod measure;
mod pace;
mod passage;
mod path;
mod pool;
mod product;
mod queue;
mod refused;
mod request_id;
mod scope;
mod send;
mod settings;
mod target;
mod upload;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Instant};

use evergrant::{Broker, caller::Rule, connection::ConnectionName};
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use rand::{Rng, RngExt};
use tracing::Instrument;
use zoho_oauth::{Dialer, Scopes, TransportConfig};

use self::{
    call::Call,
    flow::Flows,
    line::Lines,
    pool::{Pool, PoolLimits},
    request_id::{REQUEST_ID, RequestIds},
    target::Way,
    upload::Upload,
};
pub(crate) use self::{
    error::ProxyError,
    measure::{BUCKETS, Measures, Outcome},
    passage::Passage,
};
pub use self::{queue::QueueLimits, settings::Settings};
use crate::{body::Body, silence};

/// Passes requests on to Zoho.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    flows: Arc<Flows>,
}

/// What all threads share.
struct Shared {
    settings: Settings,
    lines: Lines,
    request_ids: RequestIds,
    measures: Arc<Measures>,
}

/// Whose request it is, as the server has found out.
pub(crate) struct ProxyCaller<'a> {
    /// The caller's name, for the log and for taking turns.
    pub(crate) name: &'a str,
    /// The connection whose token is put in.
    pub(crate) connection: &'a ConnectionName,
    /// That connection's row.
    pub(crate) connection_id: &'a str,
    /// What the caller may ask for; none allows everything.
    pub(crate) rules: &'a [Rule],
    /// What the caller may do at the most; none for whatever the token allows.
    pub(crate) scopes: &'a Scopes,
    /// Tells whether the caller may have it still; asked last of all, since a request may have waited long.
    pub(crate) still_may: &'a (dyn Fn() -> bool + Sync),
}

impl Proxy {
    /// Makes a proxy. Costs nothing: no file is read and nothing is sent until there is a request.
    pub(crate) fn new(transport: TransportConfig, settings: Settings, rng: &mut impl Rng) -> Self {
        let limits = PoolLimits {
            silence: settings.silence,
            idle: settings.idle,
            idle_connections: settings.idle_connections,
        };
        Self {
            pool: Arc::new(Pool::new(Arc::new(Dialer::new(transport)), limits)),
            flows: Arc::new(Flows::new(settings.pace())),
            shared: Arc::new(Shared {
                lines: Lines::new(settings.queue),
                settings,
                request_ids: RequestIds::new(rng.random()),
                measures: Arc::default(),
            }),
        }
    }

    /// Returns the same proxy for another thread: with connections to Zoho of its own, and with the same queues.
    pub(crate) fn for_another_thread(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            pool: Arc::new(self.pool.empty()),
            flows: Arc::new(self.flows.empty()),
        }
    }

    /// Takes in what of its settings may change while it runs.
    pub(crate) fn set(&self, settings: &Settings) {
        let simultaneous = settings.queue.simultaneous;
        self.shared.lines.set_simultaneous(simultaneous);
    }

    /// Returns the counters.
    pub(crate) fn measures(&self) -> &Arc<Measures> {
        &self.shared.measures
    }

    /// Passes a request on and the reply back.
    pub(crate) async fn forward(
        &self,
        broker: &Broker,
        who: &ProxyCaller<'_>,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let began = Instant::now();
        let id = self.shared.request_ids.of(request.headers());
        let request_id = id.to_str().unwrap_or_default();
        let span = tracing::debug_span!("proxy", request_id);
        let passed = self
            .pass(broker, who, request, &id)
            .instrument(span.clone())
            .await;
        let _entered = span.entered();
        let (outcome, mut response) = match passed {
            Ok(response) => {
                tracing::debug!(status = response.status().as_u16(), "passed");
                (Outcome::Passed, response)
            }
            Err(error) => {
                let (caller, connection) = (who.name, who.connection);
                let (status, reason) = (error.status().as_u16(), error.reason());
                tracing::info!(caller, %connection, request_id, status, reason, "not passed on");
                let outcome = error.outcome();
                let problem = error.into_problem().connection(connection.as_str());
                let problem = problem.request_id(request_id);
                (outcome, problem.into_response())
            }
        };
        self.shared.measures.note(outcome, began.elapsed());
        response.headers_mut().insert(&REQUEST_ID, id);
        response
    }

    async fn pass(
        &self,
        broker: &Broker,
        who: &ProxyCaller<'_>,
        request: Request<Incoming>,
        id: &HeaderValue,
    ) -> Result<Response<Body>, ProxyError> {
        path::check(&request)?;
        let (mut head, incoming) = request.into_parts();
        let way = Way::of(head.uri.path())?;
        check_allowed(who, &head.method, head.uri.path(), &way)?;
        let product = way.product.map(str::to_owned);
        let uri = way.uri(&head.uri)?;
        headers::strip_request(&mut head.headers);
        head.headers.insert(&REQUEST_ID, id.clone());
        // A body that comes slowly keeps nobody else waiting, unless it is too large to be read first.
        let upload = Upload::take(incoming, self.shared.settings.pace()).await?;
        let line = self.shared.lines.of(who.connection);
        let permit = line.queue.enter(who.name).await?;
        let call = Call {
            proxy: self,
            broker,
            who,
            line: &line,
            product,
            method: head.method,
            uri,
            headers: head.headers,
        };
        call.run(upload, permit).await
    }
}

/// Fails unless the caller's rules and scopes allow a request.
fn check_allowed(
    who: &ProxyCaller<'_>,
    method: &Method,
    path: &str,
    way: &Way<'_>,
) -> Result<(), ProxyError> {
    let allows = |rule: &Rule| rule.allows(method.as_str(), path);
    if !who.rules.is_empty() && !who.rules.iter().any(allows) {
        let detail = format!(
            "no rule of the caller {} allows this method and path",
            who.name
        );
        return Err(ProxyError::denied("rule", detail));
    }
    if who.scopes.is_empty() {
        return Ok(());
    }
    let Some(needed) = scope::needed(method, way.product, way.path) else {
        let detail = format!(
            "the caller {} is limited to scopes, and which one this needs is not known",
            who.name
        );
        return Err(ProxyError::denied("scope_unknown", detail));
    };
    let missing = who.scopes.missing(&needed);
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("the caller {} lacks the scopes {missing}", who.name);
    Err(ProxyError::denied("scope", detail))
}
