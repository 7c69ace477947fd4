//! A server in the place of Zoho's that tells back what it was told, and notes every word.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::json;

use super::canaries::{ACCESS_TOKEN, REFRESH_TOKEN};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With tokens.
    Grants,
    /// With tokens, but without a word on scopes.
    GrantsLess,
    /// With tokens, and then the connection breaks.
    GrantsHalf,
    /// With an access token only.
    GrantsNoRefreshToken,
    /// With this error, and all that was sent as its description.
    Refuses(&'static str),
    /// With an error that is what was sent.
    RefusesInOurWords,
    /// With a web page that shows what was sent.
    Page,
    /// With a redirect to an address that has in it what was sent.
    Redirects,
    /// With what was sent, which is no HTTP.
    Echoes,
    /// With what was sent, over and over.
    Floods,
    /// Not at all, and hangs up.
    HangsUp,
    /// Not at all.
    IsSilent,
    /// As a proxy that wants another password, and shows the one it got.
    WantsPassword,
}

/// The server; it runs until the test ends.
pub(crate) struct Chatterbox {
    address: String,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Chatterbox {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            manner: Arc::new(Mutex::new(Manner::Grants)),
            requests: Arc::default(),
        };
        let (manner, requests) = (server.manner.clone(), server.requests.clone());
        thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                if request.is_empty() {
                    continue;
                }
                let manner = *manner.lock().unwrap();
                let number = requests.lock().unwrap().len();
                requests.lock().unwrap().push(request.clone());
                // A program that has heard enough does not listen to the end.
                let _ = stream.write_all(&reply(manner, &request, number));
                if manner == Manner::IsSilent {
                    silent.push(stream);
                }
            }
        });
        server
    }

    /// Returns its address as an accounts domain.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns its address as a proxy's, with a user and a password.
    pub(crate) fn proxy(&self, password: &str) -> String {
        format!("http://anna:{password}@{}", self.address)
    }

    /// Tells it how to answer from now on.
    pub(crate) fn shall(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Returns the requests so far, each as it came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a request: its head, and as much of a body as the head promises.
fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= promised(head)
        {
            return text;
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => bytes.extend_from_slice(&buffer[..count]),
            _ => return text,
        }
    }
}

fn promised(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(0, |(_, length)| length.parse().unwrap())
}

fn reply(manner: Manner, request: &str, number: usize) -> Vec<u8> {
    // What is cut off shall not be the part that counts.
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let told = format!("{body} {}", head.replace("\r\n", " "));
    let refusal = |word: &str| json!({ "error": word, "error_description": told });
    match manner {
        Manner::Grants => http(200, "application/json", "", &grant(number, true, true)),
        Manner::GrantsLess => http(200, "application/json", "", &grant(number, true, false)),
        Manner::GrantsNoRefreshToken => {
            http(200, "application/json", "", &grant(number, false, true))
        }
        Manner::GrantsHalf => {
            let mut whole = http(200, "application/json", "", &grant(number, true, true));
            whole.truncate(whole.len() - 5);
            whole
        }
        Manner::Refuses(word) => http(400, "application/json", "", &refusal(word).to_string()),
        Manner::RefusesInOurWords => http(200, "application/json", "", &refusal(&told).to_string()),
        Manner::Page => http(500, "text/html", "", &format!("<html>{told}</html>")),
        Manner::Redirects => {
            let location = format!("location: https://elsewhere.example/{body}?{body}\r\n");
            http(302, "text/plain", &location, "")
        }
        Manner::Echoes => told.into_bytes(),
        Manner::Floods => http(200, "application/json", "", &told.repeat(300)),
        Manner::HangsUp | Manner::IsSilent => Vec::new(),
        Manner::WantsPassword => http(407, "text/plain", "proxy-authenticate: Basic\r\n", &told),
    }
}

fn http(status: u16, content_type: &str, header: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{header}\r\n{body}"
    )
    .into_bytes()
}

/// A reply of Zoho's token endpoint.
fn grant(number: usize, refresh_token: bool, scope: bool) -> String {
    let mut reply = json!({
        "access_token": ACCESS_TOKEN.token(number),
        "api_domain": "http://127.0.0.1:9",
        "token_type": "Bearer",
        "expires_in": 3600,
    });
    if refresh_token {
        reply["refresh_token"] = REFRESH_TOKEN.token(number).into();
    }
    if scope {
        reply["scope"] = "ZohoCRM.modules.contacts.READ".into();
    }
    reply.to_string()
}
