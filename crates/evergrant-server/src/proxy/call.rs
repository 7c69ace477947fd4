//! One request that may be made: from the token to the reply, and once more if the token was refused.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use evergrant::{
    Broker,
    broker::{BrokerError, Report, Token},
};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{
    Proxy, ProxyCaller,
    error::ProxyError,
    flow::Held,
    headers,
    line::{Line, Ticket},
    passage::Passage,
    queue::Permit,
    refused::{LOOK_LIMIT, is_refused_token},
    send::{self, Answered},
    target::{Target, Way},
    upload::Upload,
};
use crate::{body::Body, tokens};

/// A request without its body, and all that is needed to make it.
pub(super) struct Call<'a> {
    pub(super) proxy: &'a Proxy,
    pub(super) broker: &'a Broker,
    pub(super) who: &'a ProxyCaller<'a>,
    pub(super) line: &'a Line,
    /// The product that it goes to; None for the API domain.
    pub(super) product: Option<String>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// What of the caller's headers goes on.
    pub(super) headers: HeaderMap,
}

impl Call<'_> {
    /// Makes the call, and once more if Zoho refused the token and the body can be sent again.
    pub(super) async fn run(
        &self,
        upload: Upload,
        permit: Permit,
    ) -> Result<Response<Body>, ProxyError> {
        let ticket = self.ticket(self.token().await)?;
        let again = upload.again();
        let target = self.target(&ticket)?;
        if !(self.who.still_may)() {
            let detail =
                "the caller or its handle was revoked, or has expired, while the request waited";
            return Err(ProxyError::denied("revoked", detail));
        }
        let answered = self.send(&ticket, &target, upload, again.as_ref()).await?;
        if answered.response.status() != StatusCode::UNAUTHORIZED {
            return Ok(self.pass(answered, &target, permit));
        }
        let looked = Box::pin(self.look(answered)).await;
        if !looked.refuses_the_token {
            return Ok(self.pass_looked(looked, &target, permit));
        }
        let another = Box::pin(self.another_ticket(&ticket)).await;
        let (Some(ticket), Some(upload)) = (another, again) else {
            return Ok(self.pass_looked(looked, &target, permit));
        };
        self.proxy.pool.keep(looked.answered.connection);
        self.proxy.shared.measures.note_repeated();
        let target = self.target(&ticket)?;
        let again = upload.again();
        let sending = self.send(&ticket, &target, upload, again.as_ref());
        Ok(self.pass(Box::pin(sending).await?, &target, permit))
    }

    async fn token(&self) -> Result<Token, BrokerError> {
        tokens::token(self.broker, self.who.connection, self.who.connection_id).await
    }

    fn ticket(&self, token: Result<Token, BrokerError>) -> Result<Arc<Ticket>, ProxyError> {
        let now = || self.broker.vault().vault().now();
        self.line
            .ticket(token.map_err(|error| ProxyError::broker(&error, now()))?)
    }

    /// Reports a refused token and returns another; None if there is none, or the report is not believed.
    ///
    /// Where many were refused the same token, the first report counts, and all get what one refresh brings.
    async fn another_ticket(&self, refused: &Ticket) -> Option<Arc<Ticket>> {
        let token = refused.token.access_token();
        let is_another =
            |given: &Token| given.access_token().expose_secret() != token.expose_secret();
        let current = self.token().await.ok()?;
        if is_another(&current) {
            return self.ticket(Ok(current)).ok();
        }
        match self.broker.report_refused(self.who.connection, token).await {
            Ok(Report::Dropped | Report::NotCurrent) => {}
            Ok(report) => {
                tracing::warn!(?report, "Zoho refused a token, which goes on being used");
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "a refused token could not be reported");
                return None;
            }
        }
        let given = self.token().await.ok().filter(is_another)?;
        self.ticket(Ok(given)).ok()
    }

    fn target(&self, ticket: &Ticket) -> Result<Arc<Target>, ProxyError> {
        let Some(product) = &self.product else {
            return Ok(ticket.target.clone());
        };
        let api_domain = ticket
            .token
            .api_domain()
            .ok_or_else(ProxyError::no_api_domain)?;
        let custom = &self.proxy.shared.settings.products;
        Way::product_target(product, api_domain, custom).map(Arc::new)
    }

    async fn send(
        &self,
        ticket: &Ticket,
        target: &Arc<Target>,
        upload: Upload,
        again: Option<&Upload>,
    ) -> Result<Answered, ProxyError> {
        let request = self.request(ticket, target, upload);
        let again = || Some(self.request(ticket, target, again?.again()?));
        let first_byte = self.proxy.shared.settings.first_byte;
        send::send(&self.proxy.pool, target, first_byte, request, again).await
    }

    fn request(&self, ticket: &Ticket, target: &Target, upload: Upload) -> Request<Upload> {
        let mut request = Request::new(upload);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_11;
        let mut headers = self.headers.clone();
        headers.insert(HOST, target.host.clone());
        headers.insert(AUTHORIZATION, ticket.authorization.clone());
        frame(&mut headers, &self.method, request.body());
        *request.headers_mut() = headers;
        request
    }

    fn pass(&self, answered: Answered, target: &Target, permit: Permit) -> Response<Body> {
        self.pass_looked(Looked::not_at(answered), target, permit)
    }

    fn pass_looked(&self, looked: Looked, target: &Target, permit: Permit) -> Response<Body> {
        let Answered {
            response,
            connection,
        } = looked.answered;
        let (mut head, incoming) = response.into_parts();
        headers::strip_response(&mut head.headers, &target.origin);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        let held = Held {
            connection,
            pool: self.proxy.pool.clone(),
            permit,
            measures: self.proxy.shared.measures.clone(),
        };
        let passage = Passage::new(incoming, held, &self.proxy.flows).with_seen(looked.seen);
        Response::from_parts(head, Body::Proxied(passage))
    }

    /// Reads the body of a 401, if it is small, to see what Zoho refuses.
    async fn look(&self, mut answered: Answered) -> Looked {
        let mut seen = BytesMut::new();
        let incoming = answered.response.body_mut();
        let ended = tokio::time::timeout(
            self.proxy.shared.settings.silence,
            read(incoming, &mut seen),
        );
        // A body that breaks off, or goes on for too long, is passed on and does so there.
        let ended = ended.await.unwrap_or(false);
        Looked {
            refuses_the_token: ended && is_refused_token(&seen),
            answered,
            seen: seen.freeze(),
        }
    }
}

/// Frames a request anew: what the caller's headers said about its length has gone.
fn frame(headers: &mut HeaderMap, method: &Method, upload: &Upload) {
    if upload.is_end_stream() {
        // <https://www.rfc-editor.org/rfc/rfc9110#section-8.6-5>
        if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        return;
    }
    match upload.size_hint().exact() {
        Some(size) => headers.insert(CONTENT_LENGTH, HeaderValue::from(size)),
        None => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
    };
}

/// Reads a body into a buffer; says whether that is all of it.
async fn read(incoming: &mut Incoming, seen: &mut BytesMut) -> bool {
    while seen.len() <= LOOK_LIMIT {
        match incoming.frame().await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => seen.extend_from_slice(&data),
                Err(_) => return true,
            },
        }
    }
    false
}

/// A reply, and what was read of its body to look at it.
struct Looked {
    answered: Answered,
    seen: Bytes,
    refuses_the_token: bool,
}

impl Looked {
    fn not_at(answered: Answered) -> Self {
        Self {
            answered,
            seen: Bytes::new(),
            refuses_the_token: false,
        }
    }
}
