//! Who may call Zoho's API through this server: proxied callers, by their proxy tokens.

use evergrant::caller::{Denied, Grant, Mode, PROXY_TOKEN_PREFIX};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE},
};
use hyper::body::Incoming;

use crate::{
    asking,
    body::Body,
    connection::Peer,
    problem::{Code, ERROR_HEADER, Problem},
    proxy::ProxyCaller,
    state::State,
    workers::Worker,
};

/// Passes a request on to Zoho's API, if its caller may have that.
pub(crate) async fn pass(
    worker: &Worker,
    peer: Peer,
    request: Request<Incoming>,
) -> Response<Body> {
    let state = &worker.state;
    let grant = match grant_of(state, request.headers()) {
        Ok(grant) => grant,
        Err(refused) => return refused.into_response(state, peer),
    };
    asking::for_grant(&grant);
    let who = ProxyCaller {
        name: grant.caller.name.as_str(),
        connection: &grant.connection,
        connection_id: &grant.connection_id,
        rules: &grant.caller.rules,
        scopes: &grant.caller.scopes,
        still_may: &|| state.callers().known.still_have(&grant, state.now()),
    };
    // In a box, since each connection keeps room for all that it may do.
    Box::pin(worker.proxy.forward(&state.broker, &who, request)).await
}

enum Refused {
    /// No token, or several.
    NotOne,
    /// The token is none of ours, or does not work any more.
    Token {
        denied: Denied,
        /// Whether it looks as if this server had made it.
        looks_ours: bool,
    },
}

fn grant_of(state: &State, headers: &HeaderMap) -> Result<Grant, Refused> {
    let token = token_of(headers).ok_or(Refused::NotOne)?;
    let (callers, now) = (state.callers(), state.now());
    let grant = callers.known.by_proxy_token(token, now);
    let grant = grant.map_err(|denied| Refused::Token {
        denied,
        looks_ours: token.starts_with(PROXY_TOKEN_PREFIX),
    })?;
    // A direct caller asks Zoho itself; a token of ours that it had as a proxied one is over.
    if grant.caller.mode != Mode::Proxied {
        return Err(Refused::Token {
            denied: Denied::Revoked(grant.caller.clone()),
            looks_ours: true,
        });
    }
    callers.usage(grant).used(now);
    Ok(grant.clone())
}

/// Returns the one token of a request: `Zoho-oauthtoken` is Zoho's word for it, `Bearer` everybody's
/// (<https://www.zoho.com/crm/developer/docs/api/v8/access-refresh.html>).
fn token_of(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (all.next(), all.next()) else {
        return None;
    };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let known = ["Zoho-oauthtoken", "Bearer"];
    let known = known.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    known.then_some(token)
}

impl Refused {
    /// Answers as Zoho would, so that a client knows what to do: get another token. The header tells that
    /// it was not Zoho who said so.
    fn into_response(self, state: &State, peer: Peer) -> Response<Body> {
        let body: &'static [u8] = match self {
            Self::NotOne => {
                br#"{"code":"AUTHENTICATION_FAILURE","details":{},"message":"Authentication failed","status":"error"}"#
            }
            Self::Token { denied, .. } if state.too_many_failures(peer, &denied) => {
                return too_many().into_response();
            }
            Self::Token {
                looks_ours: true, ..
            } => {
                br#"{"code":"INVALID_TOKEN","details":{},"message":"invalid oauth token","status":"error"}"#
            }
            // Software that was led here a moment ago may show the last token that it had from Zoho.
            Self::Token { .. } => {
                br#"{"code":"INVALID_TOKEN","details":{"hint":"tokens for this address begin with evp_: a proxied caller gets one at /oauth/v2/token; a direct one sends its calls to Zoho's API domain"},"message":"invalid oauth token","status":"error"}"#
            }
        };
        let mut response = Response::new(Body::from(bytes::Bytes::from_static(body)));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=UTF-8"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            ERROR_HEADER,
            HeaderValue::from_static(Code::Denied.as_str()),
        );
        response
    }
}

fn too_many() -> Problem {
    Problem::new(
        Code::Throttled,
        "too_many_failures",
        "too many wrong tokens came from there",
    )
    .retry_after(60)
    .next("get a token from this server's /oauth/v2/token, and send it as Zoho-oauthtoken")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(headers: &[&str]) -> Option<String> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(AUTHORIZATION, header.parse().unwrap());
        }
        token_of(&map).map(str::to_owned)
    }

    #[test]
    fn one_token_in_either_scheme() {
        assert_eq!(token(&["Zoho-oauthtoken evp_1"]).unwrap(), "evp_1");
        assert_eq!(token(&["bearer evp_1"]).unwrap(), "evp_1");
        assert_eq!(token(&["Basic evp_1"]), None);
        assert_eq!(token(&["evp_1"]), None);
        assert_eq!(token(&[]), None);
        assert_eq!(token(&["Bearer evp_1", "Bearer evp_1"]), None);
    }
}
