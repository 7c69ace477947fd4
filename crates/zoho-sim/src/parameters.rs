//! A request's parameters, wherever they stand.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

/// The parameters of a request in all the places that Zoho documents: query, form or multipart body, HTTP Basic.
/// Source: <https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html>
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    query: Vec<(String, String)>,
    body: Vec<(String, String)>,
    basic: Option<(String, String)>,
}

impl Parameters {
    /// Reads a request's parameters. What cannot be read is left out: Zoho complains about what is missing.
    pub(crate) async fn read(request: &Request<Bytes>) -> Self {
        Self {
            query: form_pairs(request.uri().query().unwrap_or_default().as_bytes()),
            body: body_pairs(request).await,
            basic: basic_credentials(request),
        }
    }

    /// Returns a parameter's value, the query's first; `None` when it is absent or empty.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let pairs = self.query.iter().chain(&self.body);
        pairs
            .filter(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
            .next()
    }

    /// Returns the client ID, from HTTP Basic if it is not among the parameters.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.find("client_id")
            .or(self.basic.as_ref().map(|(id, _)| id.as_str()))
    }

    /// Returns the client secret, from HTTP Basic if it is not among the parameters.
    pub(crate) fn client_secret(&self) -> Option<&str> {
        self.find("client_secret")
            .or(self.basic.as_ref().map(|(_, secret)| secret.as_str()))
    }

    /// Returns client ID and client secret as HTTP Basic brought them.
    pub(crate) fn basic(&self) -> Option<(&str, &str)> {
        self.basic
            .as_ref()
            .map(|(id, secret)| (id.as_str(), secret.as_str()))
    }

    /// Returns where the parameters stood, such as `body` or `basic+query`.
    pub(crate) fn places(&self) -> String {
        let places = [
            ("basic", self.basic.is_some()),
            ("query", !self.query.is_empty()),
            ("body", !self.body.is_empty()),
        ];
        let used: Vec<&str> = places
            .into_iter()
            .filter(|(_, used)| *used)
            .map(|(place, _)| place)
            .collect();
        used.join("+")
    }
}

async fn body_pairs(request: &Request<Bytes>) -> Vec<(String, String)> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if let Ok(boundary) = multer::parse_boundary(content_type) {
        return multipart_pairs(request.body(), boundary).await;
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return form_pairs(request.body());
    }
    Vec::new()
}

fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

async fn multipart_pairs(body: &[u8], boundary: String) -> Vec<(String, String)> {
    let mut multipart = multer::Multipart::with_reader(body, boundary);
    let mut pairs = Vec::new();
    while let Ok(Some(field)) = multipart.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        // The field's own text() would drop a byte order mark, which is a part of the value here.
        let Ok(value) = field.bytes().await else {
            break;
        };
        let value = String::from_utf8_lossy(&value).into_owned();
        pairs.push((name, value));
    }
    pairs
}

fn basic_credentials(request: &Request<Bytes>) -> Option<(String, String)> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let encoded = encoded.trim();
    let decoded = STANDARD
        .decode(encoded)
        .or_else(|_| STANDARD_NO_PAD.decode(encoded))
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(request: &Request<Bytes>) -> Parameters {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(Parameters::read(request))
    }

    fn encoded(pairs: &[(String, String)]) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }

    fn multipart(pairs: &[(String, String)]) -> String {
        let part = |(name, value): &(String, String)| {
            format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        format!(
            "{}--limit--\r\n",
            pairs.iter().map(part).collect::<String>()
        )
    }

    fn post(uri: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
        Request::post(uri)
            .header(CONTENT_TYPE, content_type)
            .body(body.into())
            .unwrap()
    }

    /// Distinct names with any value that is not empty.
    fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
        proptest::collection::btree_map("[a-z_]{1,12}", "[^\r\n]{1,40}", 1..6)
            .prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_is_sent_is_found_wherever_it_stands(pairs in pairs()) {
            let form = "application/x-www-form-urlencoded; charset=utf-8";
            let requests = [
                (post(&format!("/oauth/v2/token?{}", encoded(&pairs)), form, ""), "query"),
                (post("/oauth/v2/token", form, encoded(&pairs)), "body"),
                (post("/oauth/v2/token", "multipart/form-data; boundary=limit", multipart(&pairs)), "body"),
            ];
            for (request, place) in requests {
                let parameters = read(&request);
                prop_assert_eq!(parameters.places(), place);
                for (name, value) in &pairs {
                    prop_assert_eq!(parameters.find(name), Some(value.as_str()));
                }
            }
        }

        #[test]
        fn no_body_and_no_header_breaks_the_reading(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            kind in prop_oneof![Just("multipart/form-data; boundary=limit"), Just("application/x-www-form-urlencoded"), Just("")],
            basic in "[ -~]{0,40}",
        ) {
            let mut request = post("/oauth/v2/token?%zz=%", kind, body);
            request.headers_mut().insert(AUTHORIZATION, format!("Basic {basic}").parse().unwrap());
            let parameters = read(&request);
            prop_assert_eq!(parameters.find("grant_type"), None);
        }
    }

    #[test]
    fn json_is_no_place_for_parameters() {
        let parameters = read(&post(
            "/oauth/v2/token",
            "application/json",
            r#"{"grant_type":"refresh_token"}"#,
        ));
        assert_eq!(parameters.find("grant_type"), None);
        assert_eq!(parameters.places(), "");
    }

    #[test]
    fn an_empty_value_is_none() {
        assert_eq!(
            read(&post("/oauth/v2/token?code=", "", "code=x")).find("code"),
            Some("x")
        );
    }

    #[test]
    fn basic_brings_client_id_and_secret() {
        let mut request = post("/oauth/v2/token", "", "grant_type=refresh_token");
        request
            .headers_mut()
            .insert(AUTHORIZATION, "Basic aWQ6c2U6Y3JldA==".parse().unwrap());
        let parameters = read(&request);
        assert_eq!(
            (parameters.client_id(), parameters.client_secret()),
            (Some("id"), Some("se:cret"))
        );
        assert_eq!(parameters.places(), "basic+body");
    }
}
