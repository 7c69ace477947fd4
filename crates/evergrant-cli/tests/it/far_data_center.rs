//! Zoho's own hosts: a proxy leads there, and at the tunnel's end stands a server that the test vouches for.

use std::{
    io::{Read, Write},
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer};
use serde_json::{Value, json};

use crate::{
    flow::{Flow, SCOPE},
    listener::{self, Listener},
    world::Outcome,
};

/// A proxy at whose other end is a server of this name that gives this reply, whatever it is asked.
struct Far {
    proxy: Listener,
    heard: Arc<Mutex<String>>,
    authority: String,
}

impl Far {
    fn that_says(name: &str, reply: String) -> Self {
        let (config, authority) = certified(name);
        let heard: Arc<Mutex<String>> = Arc::default();
        let book = heard.clone();
        let proxy = Listener::new(move |mut client| {
            let asked = head(&mut client);
            let opened = b"HTTP/1.1 200 Connection established\r\n\r\n";
            client.write_all(opened).unwrap();
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, client);
            let request = head(&mut stream);
            *book.lock().unwrap() = asked + &request;
            stream.write_all(reply.as_bytes()).unwrap();
        });
        Self {
            proxy,
            heard,
            authority,
        }
    }

    /// Exchanges through the proxy, trusting the server's authority.
    fn exchange(&self, flow: &Flow) -> Outcome {
        let authority = flow.world.file("authority.pem", &self.authority);
        let mut command = flow.command("acme", "");
        command.env("SSL_CERT_FILE", authority);
        command.env("HTTPS_PROXY", format!("http://{}", self.proxy.address()));
        Outcome::of(&mut command)
    }
}

/// Makes an authority, and what a server needs for whose name it vouches.
fn certified(name: &str) -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    (Arc::new(config.unwrap()), authority)
}

/// Reads a request up to the empty line.
fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// A reply without `api_domain`.
fn reply() -> Value {
    let token = |digit: &str| format!("1000.{}.{}", digit.repeat(32), digit.repeat(32));
    json!({
        "access_token": token("a"), "refresh_token": token("b"), "scope": SCOPE,
        "token_type": "Bearer", "expires_in": 3600,
    })
}

#[test]
fn an_api_domain_that_is_missing_is_the_data_centers() {
    for (host, code, api_domain) in [
        ("accounts.zoho.eu", "eu", "https://www.zohoapis.eu"),
        ("accounts.zohocloud.ca", "ca", "https://www.zohoapis.ca"),
    ] {
        let far = Far::that_says(host, listener::reply(&reply().to_string()));
        let flow = Flow::new().at(code);
        let outcome = far.exchange(&flow);
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let answer = outcome.answer();
        let shown = (&answer["data_center"], &answer["api_domain"]);
        assert_eq!(shown, (&json!(code), &json!(api_domain)));
        let warning = outcome.warning("no_api_domain").unwrap();
        assert!(warning.contains(api_domain), "{warning}");
        assert_eq!(flow.rows("SELECT api_domain FROM connections"), api_domain);
        let heard = far.heard.lock().unwrap().clone();
        assert!(
            heard.starts_with(&format!("CONNECT {host}:443 ")),
            "{heard}"
        );
        let (_, request) = heard.split_once("\r\n\r\n").unwrap();
        assert!(
            request.starts_with("POST /oauth/v2/token HTTP/1.1\r\n"),
            "{heard}"
        );
        assert!(request.contains(&format!("host: {host}\r\n")), "{heard}");
    }
}

#[test]
fn a_data_centers_own_api_domain_needs_no_word() {
    let mut body = reply();
    body["api_domain"] = json!("https://www.zohoapis.eu");
    let far = Far::that_says("accounts.zoho.eu", listener::reply(&body.to_string()));
    let flow = Flow::new().at("eu");
    let outcome = far.exchange(&flow);
    assert_eq!(outcome.answer()["api_domain"], "https://www.zohoapis.eu");
    assert_eq!(outcome.warning("no_api_domain"), None);
}
