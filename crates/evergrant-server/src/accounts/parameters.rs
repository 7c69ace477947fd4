//! The parameters of a request to the accounts server, in every placement that Zoho takes: query, form,
//! multipart form, and client ID and secret as HTTP Basic
//! (<https://www.zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>).

use std::{borrow::Cow, time::Duration};

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use http::{
    HeaderMap,
    header::{AUTHORIZATION, CONTENT_TYPE},
    request::Parts,
};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use zeroize::Zeroizing;

/// The largest form that is read: a hundred times what any client sends.
const LIMIT: usize = 64 * 1024;

/// A value that may be a secret, wiped when it is not needed any more.
pub(crate) type Value = Zeroizing<String>;

/// What a request says, as it says it.
#[derive(Default)]
pub(crate) struct Parameters {
    pub(crate) grant_type: Option<Value>,
    pub(crate) client_id: Option<Value>,
    pub(crate) client_secret: Option<Value>,
    pub(crate) refresh_token: Option<Value>,
    pub(crate) code: Option<Value>,
    pub(crate) redirect_uri: Option<Value>,
    pub(crate) code_verifier: Option<Value>,
    /// What is to be revoked.
    pub(crate) token: Option<Value>,
}

/// Why a request's parameters cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Another method than POST.
    NotPost,
    /// Nothing says what is asked for.
    NoGrantType,
    /// The same parameter twice, in one place or in two.
    Twice(&'static str),
    /// Neither a form nor a multipart form.
    NoForm,
    /// A form that breaks its own rules.
    Malformed,
    /// More than [`LIMIT`].
    TooLarge,
    /// Not here in time, or cut.
    Late,
}

impl Unreadable {
    /// Says it in a sentence.
    pub(crate) fn message(self) -> Cow<'static, str> {
        match self {
            Self::NotPost => "the method is POST".into(),
            Self::NoGrantType => "grant_type is missing".into(),
            Self::Twice(name) => format!("{name} is given twice").into(),
            Self::NoForm => {
                "the body is neither application/x-www-form-urlencoded nor multipart/form-data"
                    .into()
            }
            Self::Malformed => "the form cannot be read".into(),
            Self::TooLarge => "the form is too large".into(),
            Self::Late => "the form did not come whole and in time".into(),
        }
    }
}

impl Parameters {
    /// Reads them from everywhere that they may stand.
    pub(crate) async fn read(
        head: &Parts,
        body: Incoming,
        patience: Duration,
    ) -> Result<Self, Unreadable> {
        let mut parameters = Self::default();
        if let Some(query) = head.uri.query() {
            parameters.take_form(query.as_bytes())?;
        }
        parameters.take_basic(&head.headers)?;
        let body = receive(body, patience).await?;
        if body.is_empty() {
            return Ok(parameters);
        }
        match ContentType::of(&head.headers) {
            ContentType::Form => parameters.take_form(&body)?,
            ContentType::Multipart(boundary) => {
                Box::pin(parameters.take_multipart(&body, boundary)).await?
            }
            ContentType::Other => return Err(Unreadable::NoForm),
        }
        Ok(parameters)
    }

    fn take_form(&mut self, form: &[u8]) -> Result<(), Unreadable> {
        for (name, value) in url::form_urlencoded::parse(form) {
            self.take(&name, value.into_owned())?;
        }
        Ok(())
    }

    async fn take_multipart(&mut self, body: &[u8], boundary: String) -> Result<(), Unreadable> {
        let mut parts = multer::Multipart::with_reader(body, boundary);
        while let Some(field) = parts
            .next_field()
            .await
            .map_err(|_| Unreadable::Malformed)?
        {
            let name = field.name().unwrap_or_default().to_owned();
            let value = field.text().await.map_err(|_| Unreadable::Malformed)?;
            self.take(&name, value)?;
        }
        Ok(())
    }

    /// Client ID and secret as [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1) has them.
    fn take_basic(&mut self, headers: &HeaderMap) -> Result<(), Unreadable> {
        let mut all = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = all.next() else {
            return Ok(());
        };
        if all.next().is_some() {
            return Err(Unreadable::Twice("Authorization"));
        }
        // Other schemes are none of Zoho's: whoever sends one is told that its client ID is missing.
        let Some(encoded) = header.to_str().ok().and_then(basic) else {
            return Ok(());
        };
        let decoded = Base64::decode_vec(encoded.trim()).map_err(|_| Unreadable::Malformed)?;
        let decoded =
            Zeroizing::new(String::from_utf8(decoded).map_err(|_| Unreadable::Malformed)?);
        let (id, secret) = decoded.split_once(':').ok_or(Unreadable::Malformed)?;
        self.take("client_id", id.to_owned())?;
        self.take("client_secret", secret.to_owned())
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Unreadable> {
        let (name, slot) = match name {
            "grant_type" => ("grant_type", &mut self.grant_type),
            "client_id" => ("client_id", &mut self.client_id),
            "client_secret" => ("client_secret", &mut self.client_secret),
            "refresh_token" => ("refresh_token", &mut self.refresh_token),
            "code" => ("code", &mut self.code),
            "redirect_uri" => ("redirect_uri", &mut self.redirect_uri),
            "code_verifier" => ("code_verifier", &mut self.code_verifier),
            "token" => ("token", &mut self.token),
            // Like Zoho, we overlook what we do not know.
            _ => return Ok(()),
        };
        match slot.replace(Zeroizing::new(value)) {
            None => Ok(()),
            Some(_) => Err(Unreadable::Twice(name)),
        }
    }
}

/// Returns what stands behind the scheme `Basic`.
fn basic(header: &str) -> Option<&str> {
    let (scheme, encoded) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(encoded)
}

async fn receive(body: Incoming, patience: Duration) -> Result<Bytes, Unreadable> {
    let limited = Limited::new(body, LIMIT).collect();
    let collected = tokio::time::timeout(patience, limited).await;
    match collected.map_err(|_| Unreadable::Late)? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Unreadable::TooLarge),
        Err(_) => Err(Unreadable::Late),
    }
}

enum ContentType {
    Form,
    Multipart(String),
    Other,
}

impl ContentType {
    /// Reads the header; without one a body is taken for a form.
    fn of(headers: &HeaderMap) -> Self {
        let Some(header) = headers.get(CONTENT_TYPE) else {
            return Self::Form;
        };
        let text = header.to_str().unwrap_or_default();
        let kind = text.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Form
        } else if let Ok(boundary) = multer::parse_boundary(text) {
            Self::Multipart(boundary)
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Result<Parameters, Unreadable> {
        let mut parameters = Parameters::default();
        parameters.take_form(text.as_bytes()).map(|()| parameters)
    }

    fn basic(header: &str) -> Result<Parameters, Unreadable> {
        let mut parameters = Parameters::default();
        let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
        parameters.take_basic(&headers).map(|()| parameters)
    }

    fn text(value: &Option<Value>) -> Option<&str> {
        value.as_ref().map(|value| value.as_str())
    }

    #[test]
    fn a_form_is_decoded_and_strangers_are_overlooked() {
        let read = form("grant_type=refresh_token&client_id=1000.A%2B&scope=x&scope=y").unwrap();
        assert_eq!(text(&read.grant_type), Some("refresh_token"));
        assert_eq!(text(&read.client_id), Some("1000.A+"));
        assert_eq!(text(&read.client_secret), None);
    }

    #[test]
    fn nothing_is_given_twice() {
        let twice = form("code=a&code=a").err();
        assert_eq!(twice, Some(Unreadable::Twice("code")));
        let mut both = form("client_id=a").unwrap();
        let header = HeaderMap::from_iter([(AUTHORIZATION, "Basic YTpi".parse().unwrap())]);
        assert_eq!(
            both.take_basic(&header),
            Err(Unreadable::Twice("client_id"))
        );
    }

    #[test]
    fn a_header_holds_id_and_secret() {
        let read = basic("basic MTAwMC5BOnM6dA==").unwrap();
        assert_eq!(text(&read.client_id), Some("1000.A"));
        assert_eq!(text(&read.client_secret), Some("s:t"));
        assert_eq!(basic("Basic !").err(), Some(Unreadable::Malformed));
        assert_eq!(basic("Basic YQ==").err(), Some(Unreadable::Malformed));
        assert!(basic("Bearer abc").unwrap().client_id.is_none());
    }

    #[tokio::test]
    async fn parts_of_a_multipart_form_are_parameters() {
        let body =
            "--b\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\n1000.A\r\n--b--\r\n";
        let mut read = Parameters::default();
        read.take_multipart(body.as_bytes(), "b".into())
            .await
            .unwrap();
        assert_eq!(text(&read.client_id), Some("1000.A"));
        let cut = read
            .take_multipart(&body.as_bytes()[..60], "b".into())
            .await;
        assert_eq!(cut, Err(Unreadable::Malformed));
    }
}
