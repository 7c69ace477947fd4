//! A server that plays a script on one connection, and what is needed to send to it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use zoho_oauth::{
    AccountsDomain, App, ClientId, ClientSecret, CustomHosts, GrantToken, Reply, SendError,
    Transport, TransportConfig, request,
};

/// What a server does next.
pub(crate) enum Step {
    /// Reads a whole request and notes it.
    Hear,
    /// Waits until a request has come, and does not read it: closing now resets the connection.
    Overhear,
    /// Sends bytes.
    Say(Vec<u8>),
    /// Lets time pass.
    Pause(Duration),
    /// Speaks TLS from now on.
    StartTls(Arc<ServerConfig>),
    /// Does nothing until the other side closes.
    Hold,
}

pub(crate) fn say(text: impl AsRef<[u8]>) -> Step {
    Step::Say(text.as_ref().to_vec())
}

/// A server for one connection, which is closed when the script is over.
pub(crate) struct Server {
    port: u16,
    playing: JoinHandle<Vec<String>>,
}

impl Server {
    pub(crate) fn play(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let playing = thread::spawn(move || play(listener.accept().unwrap().0, script));
        Self { port, playing }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the end of the script and returns the requests that were heard.
    pub(crate) fn heard(self) -> Vec<String> {
        self.playing.join().unwrap()
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

fn play(tcp: TcpStream, script: Vec<Step>) -> Vec<String> {
    let mut stream: Box<dyn Duplex> = Box::new(tcp.try_clone().unwrap());
    let mut heard = Vec::new();
    for step in script {
        // A client that has gone away ends the script: what it saw is judged on its side.
        let played = match step {
            Step::Hear => hear(&mut stream).map(|request| heard.push(request)),
            Step::Overhear => tcp.peek(&mut [0]).map(drop),
            Step::Say(bytes) => stream.write_all(&bytes).and_then(|()| stream.flush()),
            Step::Pause(time) => {
                thread::sleep(time);
                Ok(())
            }
            Step::StartTls(config) => {
                let session = ServerConnection::new(config).unwrap();
                stream = Box::new(StreamOwned::new(session, tcp.try_clone().unwrap()));
                Ok(())
            }
            Step::Hold => stream.read(&mut [0; 64]).map(drop),
        };
        if played.is_err() {
            break;
        }
    }
    heard
}

fn hear(stream: &mut dyn Duplex) -> std::io::Result<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body)?;
    request.extend(body);
    Ok(String::from_utf8_lossy(&request).into_owned())
}

/// Limits that no test reaches by accident.
pub(crate) fn patient() -> TransportConfig {
    TransportConfig {
        silence: Duration::from_secs(60),
        reading: Duration::from_secs(60),
        ..TransportConfig::default()
    }
}

/// Builds the exchange that all tests send.
pub(crate) fn exchange(origin: &str) -> Request<Bytes> {
    let accounts = AccountsDomain::parse(origin, CustomHosts::Allowed).unwrap();
    let (client_id, client_secret) = (
        "1000.ID".parse::<ClientId>().unwrap(),
        ClientSecret::new("s3cret"),
    );
    let app = App {
        client_id: &client_id,
        client_secret: &client_secret,
    };
    request::exchange(&accounts, app, &GrantToken::new("1000.code"), None, None)
}

/// Connects to an origin and sends it an exchange.
pub(crate) async fn send(config: TransportConfig, origin: &str) -> Result<Reply, SendError> {
    let connection = Transport::new(config).connect(origin).await.unwrap();
    connection.send(exchange(origin)).await
}
