//! Builds the requests of Zoho's accounts server; nothing here sends them.
//!
//! Every parameter goes in the form body, never in the URL, which proxies and servers write down. The body is wiped
//! from memory when the request is dropped. `http::Request` shows its body in `Debug`: never print a request.
//!
//! Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html>.

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::domain::AccountsDomain;
use crate::scope::Scopes;
use crate::secret::{AccessToken, ClientId, ClientSecret, CodeVerifier, GrantToken, RefreshToken};

/// A registered OAuth client: what identifies it to the accounts server.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// The client ID.
    pub client_id: &'a ClientId,
    /// The client secret of the account's data center.
    pub client_secret: &'a ClientSecret,
}

/// Builds the exchange of a grant token for a refresh token.
///
/// A self client needs neither redirect URI nor code verifier; a server-based client repeats its registered redirect
/// URI, and the code verifier if its authorization request carried a challenge.
pub fn exchange(
    accounts: &AccountsDomain,
    app: App<'_>,
    grant: &GrantToken,
    redirect_uri: Option<&str>,
    code_verifier: Option<&CodeVerifier>,
) -> Request<Bytes> {
    let mut form = Form::of(app, "authorization_code");
    form.add("code", grant.expose_secret());
    form.add_some("redirect_uri", redirect_uri);
    form.add_some(
        "code_verifier",
        code_verifier.map(CodeVerifier::expose_secret),
    );
    form.post(accounts, TOKEN_PATH)
}

/// Builds the refresh that brings an access token.
///
/// Only the four documented parameters are sent: a `scope` here has made Zoho refuse,
/// <https://github.com/Weble/ZohoClient/pull/34>.
pub fn refresh(accounts: &AccountsDomain, app: App<'_>, token: &RefreshToken) -> Request<Bytes> {
    let mut form = Form::of(app, "refresh_token");
    form.add("refresh_token", token.expose_secret());
    form.post(accounts, TOKEN_PATH)
}

/// Builds the request of a self client for an access token of its own, without any grant.
///
/// `soid` names service and organisation (`ZohoCRM.123`) where an account has several. Source:
/// <https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html>.
pub fn client_credentials(
    accounts: &AccountsDomain,
    app: App<'_>,
    scopes: &Scopes,
    soid: Option<&str>,
) -> Request<Bytes> {
    let mut form = Form::of(app, "client_credentials");
    form.add("scope", &scopes.to_console_string());
    form.add_some("soid", soid);
    form.post(accounts, TOKEN_PATH)
}

/// Builds the revocation of a refresh token and of all access tokens made from it.
///
/// Goes to the path that Zoho's discovery document and its SDKs name: whoever has the token may revoke it there.
/// Source: <https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html>.
pub fn revoke(accounts: &AccountsDomain, token: &RefreshToken) -> Request<Bytes> {
    let mut form = Form::empty();
    form.add("token", token.expose_secret());
    form.post(accounts, REVOKE_PATH)
}

/// Builds the revocation of one access token alone, as [`revoke`].
pub fn revoke_access_token(accounts: &AccountsDomain, token: &AccessToken) -> Request<Bytes> {
    let mut form = Form::empty();
    form.add("token", token.expose_secret());
    form.post(accounts, REVOKE_PATH)
}

/// Builds the same revocation for Zoho's other path, on which an app says who it is and may revoke its own tokens.
///
/// Source: <https://www.zoho.com/developer/oauth/revoke-oauth-token.html>.
pub fn revoke_as_app(
    accounts: &AccountsDomain,
    app: App<'_>,
    token: &RefreshToken,
) -> Request<Bytes> {
    as_app(accounts, app, token.expose_secret(), "refresh_token")
}

/// Builds the revocation of one access token alone, as [`revoke_as_app`].
pub fn revoke_access_token_as_app(
    accounts: &AccountsDomain,
    app: App<'_>,
    token: &AccessToken,
) -> Request<Bytes> {
    as_app(accounts, app, token.expose_secret(), "access_token")
}

fn as_app(accounts: &AccountsDomain, app: App<'_>, token: &str, kind: &str) -> Request<Bytes> {
    let mut form = Form::empty();
    form.add("token", token);
    form.add("token_type", kind);
    let mut request = form.post(accounts, REVOKE_AS_APP_PATH);
    request.headers_mut().insert(AUTHORIZATION, basic(app));
    request
}

/// Writes ID and secret of an app as HTTP Basic; the text is wiped with the request.
fn basic(app: App<'_>) -> HeaderValue {
    let (id, secret) = (app.client_id.as_str(), app.client_secret.expose_secret());
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let encoded = Zeroizing::new(Base64::encode_string(pair.as_bytes()));
    let text = Zeroizing::new(format!("Basic {}", *encoded).into_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        // Unwrap safety: the alphabet of Base64 is part of what a header may hold.
        .expect("Base64 fits into a header");
    value.set_sensitive(true);
    value
}

struct Form(form_urlencoded::Serializer<'static, String>);

impl Form {
    fn empty() -> Self {
        // Roomy enough for any usual form: a string that grows leaves copies of secrets behind.
        Self(form_urlencoded::Serializer::new(String::with_capacity(
            1024,
        )))
    }

    fn of(app: App<'_>, grant_type: &str) -> Self {
        let mut form = Self::empty();
        form.add("grant_type", grant_type);
        form.add("client_id", app.client_id.as_str());
        form.add("client_secret", app.client_secret.expose_secret());
        form
    }

    fn add(&mut self, name: &str, value: &str) {
        self.0.append_pair(name, value);
    }

    fn add_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn post(mut self, accounts: &AccountsDomain, path: &str) -> Request<Bytes> {
        let body = Zeroizing::new(self.0.finish().into_bytes());
        Request::post(format!("{accounts}{path}"))
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            )
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            // A compressed reply that is cut could not be read to where it was cut.
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .header(USER_AGENT, HeaderValue::from_static(AGENT))
            .body(Bytes::from_owner(body))
            // Unwrap safety: an accounts domain was seen to be a URI when it was parsed, and the rest is constant.
            .expect("an accounts domain and a path are a URI")
    }
}

const TOKEN_PATH: &str = "/oauth/v2/token";
const REVOKE_PATH: &str = "/oauth/v2/token/revoke";
const REVOKE_AS_APP_PATH: &str = "/oauth/v2/revoke/token";
const AGENT: &str = concat!("zoho-oauth/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::CustomHosts;

    fn accounts(text: &str) -> AccountsDomain {
        AccountsDomain::parse(text, CustomHosts::Allowed).unwrap()
    }

    fn pairs(request: &Request<Bytes>) -> Vec<(String, String)> {
        form_urlencoded::parse(request.body())
            .into_owned()
            .collect()
    }

    fn with_app<T>(build: impl FnOnce(App<'_>) -> T) -> T {
        let (client_id, client_secret) = ("1000.ID".parse().unwrap(), ClientSecret::new("s3cret"));
        build(App {
            client_id: &client_id,
            client_secret: &client_secret,
        })
    }

    #[test]
    fn an_exchange_is_a_form_and_nothing_in_the_url() {
        let grant = GrantToken::new("1000.a&b=c");
        let verifier = CodeVerifier::new("v");
        let request = with_app(|app| {
            exchange(
                &accounts("eu"),
                app,
                &grant,
                Some("https://x.example/?a=b"),
                Some(&verifier),
            )
        });
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://accounts.zoho.eu/oauth/v2/token");
        let expected = [
            ("grant_type", "authorization_code"),
            ("client_id", "1000.ID"),
            ("client_secret", "s3cret"),
            ("code", "1000.a&b=c"),
            ("redirect_uri", "https://x.example/?a=b"),
            ("code_verifier", "v"),
        ];
        assert_eq!(
            pairs(&request),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_refresh_sends_the_four_documented_parameters() {
        let request = with_app(|app| refresh(&accounts("us"), app, &RefreshToken::new("r")));
        let names: Vec<String> = pairs(&request).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            ["grant_type", "client_id", "client_secret", "refresh_token"]
        );
        let headers: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(
            headers,
            ["content-type", "accept", "accept-encoding", "user-agent"]
        );
    }

    #[test]
    fn client_credentials_separate_scopes_by_commas() {
        let scopes = Scopes::parse("ZohoCRM.modules.ALL ZohoCRM.users.READ").unwrap();
        let request =
            with_app(|app| client_credentials(&accounts("in"), app, &scopes, Some("ZohoCRM.12")));
        let form = pairs(&request);
        assert!(form.contains(&(
            "scope".into(),
            "ZohoCRM.modules.ALL,ZohoCRM.users.READ".into()
        )));
        assert!(form.contains(&("soid".into(), "ZohoCRM.12".into())));
    }

    #[test]
    fn a_revocation_names_the_token_in_the_body() {
        let request = revoke(&accounts("http://localhost:9"), &RefreshToken::new("r"));
        assert_eq!(request.uri(), "http://localhost:9/oauth/v2/token/revoke");
        assert_eq!(pairs(&request), [("token".to_owned(), "r".to_owned())]);
    }

    #[test]
    fn an_access_token_is_revoked_by_its_own_kind() {
        let (accounts, token) = (accounts("eu"), AccessToken::new("a"));
        let alone = revoke_access_token(&accounts, &token);
        assert_eq!(pairs(&alone), [("token".to_owned(), "a".to_owned())]);
        let as_app = with_app(|app| revoke_access_token_as_app(&accounts, app, &token));
        let form = [("token", "a"), ("token_type", "access_token")];
        let form = form.map(|(name, value)| (name.into(), value.into()));
        assert_eq!(pairs(&as_app), form);
        assert!(as_app.headers().contains_key(AUTHORIZATION));
    }

    #[test]
    fn an_app_that_revokes_says_who_it_is_in_a_header_that_debug_hides() {
        let (accounts, token) = (accounts("eu"), RefreshToken::new("r"));
        let request = with_app(|app| revoke_as_app(&accounts, app, &token));
        let uri = "https://accounts.zoho.eu/oauth/v2/revoke/token";
        assert_eq!(
            (request.method().as_str(), request.uri().to_string()),
            ("POST", uri.into())
        );
        let form = [("token", "r"), ("token_type", "refresh_token")];
        assert_eq!(
            pairs(&request),
            form.map(|(name, value)| (name.into(), value.into()))
        );
        let header = &request.headers()[AUTHORIZATION];
        assert_eq!(header, "Basic MTAwMC5JRDpzM2NyZXQ=");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }

    proptest! {
        #[test]
        fn any_secret_fits_into_the_header(secret in "\\PC{1,80}") {
            let client_id = "1000.ID".parse().unwrap();
            let client_secret = ClientSecret::new(secret.clone());
            let app = App { client_id: &client_id, client_secret: &client_secret };
            let request = revoke_as_app(&accounts("eu"), app, &RefreshToken::new("r"));
            let header = request.headers()[AUTHORIZATION].to_str().unwrap();
            let decoded = Base64::decode_vec(header.strip_prefix("Basic ").unwrap()).unwrap();
            prop_assert_eq!(decoded, format!("1000.ID:{secret}").into_bytes());
            prop_assert!(!request.uri().to_string().contains("1000.ID"));
        }

        #[test]
        fn any_value_round_trips_and_stays_out_of_the_url(secret in "[!-~]{8,60}", host in "[a-z0-9._~-]{1,30}") {
            let Ok(accounts) = AccountsDomain::parse(&host, CustomHosts::Allowed) else { return Ok(()) };
            let request = with_app(|app| refresh(&accounts, app, &RefreshToken::new(secret.clone())));
            prop_assert!(pairs(&request).contains(&("refresh_token".to_owned(), secret)));
            let (uri, path) = (request.uri().to_string(), accounts.to_string() + TOKEN_PATH);
            prop_assert_eq!(uri, path);
        }
    }
}
