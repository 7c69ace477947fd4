//! The `Authorization` header of API calls.

use http::Request;
use http::header::AUTHORIZATION;

use crate::manners::Bearer;

/// Returns the access token of `Authorization: Zoho-oauthtoken TOKEN` or, unless refused, `Bearer TOKEN`.
/// Source: <https://zoho.com/inventory/api/v1/oauth/> and <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>
pub(crate) fn access_token<T>(request: &Request<T>, bearer: Bearer) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.trim().split_once(' ')?;
    let bearer_taken = bearer == Bearer::Accepted && scheme.eq_ignore_ascii_case("bearer");
    (bearer_taken || scheme.eq_ignore_ascii_case("zoho-oauthtoken")).then_some(token.trim())
}
