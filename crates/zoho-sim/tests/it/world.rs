//! A running simulator, and a raw HTTP client that shares nothing with it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use zoho_sim::{Config, Ready, Simulator};

/// A simulator in a runtime of its own.
pub(crate) struct World {
    pub(crate) ready: Ready,
    _simulator: Simulator,
    _runtime: tokio::runtime::Runtime,
}

/// A reply as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Returns whether there is an access token; refusals have status 200 too.
    pub(crate) fn is_granted(&self) -> bool {
        self.status == 200 && self.json()["access_token"].is_string()
    }

    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.json()[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let simulator = runtime
            .block_on(Simulator::start(Config {
                seed: Some(7),
                ..config
            }))
            .unwrap();
        Self {
            ready: simulator.ready().clone(),
            _simulator: simulator,
            _runtime: runtime,
        }
    }

    /// Speaks to the control port.
    pub(crate) fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        send(&self.ready.control, &request(method, path, &[], &body)).unwrap()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        assert_eq!(
            self.control("POST", "/clock", json!({"advance_seconds": seconds}))
                .status,
            200
        );
    }

    pub(crate) fn accounts_domain(&self) -> &str {
        &self.ready.data_centers["us"].accounts_domain
    }

    /// Makes a grant token for the default client.
    pub(crate) fn grant(&self, wanted: Value) -> String {
        let mut asked = json!({"scope": "ZohoCRM.modules.ALL"});
        asked
            .as_object_mut()
            .unwrap()
            .extend(wanted.as_object().unwrap().clone());
        self.control("POST", "/grants", asked).text("code")
    }

    /// Returns a form with the default client's ID and secret before the given fields.
    pub(crate) fn form(&self, fields: &[(&str, &str)]) -> String {
        let client = [
            ("client_id", self.ready.client_id.as_str()),
            ("client_secret", &self.ready.client_secret),
        ];
        let pairs: Vec<String> = client
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }

    /// Posts a form to the token endpoint.
    pub(crate) fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.token_form(&self.form(fields))
    }

    pub(crate) fn token_form(&self, form: &str) -> Answer {
        self.post(
            "/oauth/v2/token",
            &[("Content-Type", "application/x-www-form-urlencoded")],
            form,
        )
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send(
            self.accounts_domain(),
            &request("POST", path, headers, body),
        )
        .unwrap()
    }

    pub(crate) fn exchange(&self, code: &str) -> Answer {
        self.token(&[("grant_type", "authorization_code"), ("code", code)])
    }

    pub(crate) fn refresh(&self, refresh_token: &str) -> Answer {
        self.token(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ])
    }

    /// Makes a grant token, exchanges it and returns the refresh token.
    pub(crate) fn refresh_token(&self) -> String {
        self.exchange(&self.grant(json!({}))).text("refresh_token")
    }

    /// Calls the CRM with an access token.
    pub(crate) fn crm(&self, method: &str, path: &str, access_token: &str, body: &str) -> Answer {
        let header = format!("Zoho-oauthtoken {access_token}");
        let api_domain = &self.ready.data_centers["us"].api_domain;
        send(
            api_domain,
            &request(method, path, &[("Authorization", &header)], body),
        )
        .unwrap()
    }

    pub(crate) fn manner(&self, name: &str, value: Value) {
        assert_eq!(
            self.control("PATCH", "/manners", json!({name: value}))
                .status,
            200
        );
    }

    pub(crate) fn limit(&self, name: &str, value: u64) {
        assert_eq!(
            self.control("PATCH", "/limits", json!({name: value}))
                .status,
            200
        );
    }

    pub(crate) fn stats(&self, name: &str) -> u64 {
        self.control("GET", "/stats", Value::Null).json()[name]
            .as_u64()
            .unwrap()
    }

    /// Returns the last request in the list.
    pub(crate) fn last_request(&self) -> Value {
        self.control("GET", "/requests", Value::Null)
            .json()
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone()
    }
}

/// Returns a request's text, closing the connection after the reply.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends a request to a base URL and reads until the other side closes.
pub(crate) fn send(base_url: &str, request: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(base_url.split("//").nth(1).unwrap())?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
