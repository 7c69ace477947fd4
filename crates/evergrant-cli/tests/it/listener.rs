//! A server that is no server: it takes connections and does with them what goes wrong in a network.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// A listener on a free port of loopback; its thread ends with the test's process.
pub(crate) struct Listener {
    address: String,
    connections: Arc<AtomicUsize>,
}

impl Listener {
    /// Treats every connection, each in a thread of its own.
    pub(crate) fn new(treat: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::SeqCst);
                let treat = treat.clone();
                thread::spawn(move || treat(stream));
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// Hangs up on everybody at once.
    pub(crate) fn that_hangs_up() -> Self {
        Self::new(drop)
    }

    /// Hears a request and hangs up without a byte.
    pub(crate) fn that_hears_and_hangs_up() -> Self {
        Self::new(|mut stream| drop(hear(&mut stream)))
    }

    /// Hears a request, or the greeting of TLS, says so, and is silent until it is told what to say.
    pub(crate) fn that_waits() -> (Self, mpsc::Receiver<String>, mpsc::Sender<String>) {
        let (heard, hears) = mpsc::channel();
        let (says, said) = mpsc::channel::<String>();
        let said = Arc::new(std::sync::Mutex::new(said));
        let listener = Self::new(move |mut stream| {
            heard.send(hear(&mut stream)).unwrap();
            // Nobody says anything any more once the test is over.
            if let Ok(reply) = said.lock().unwrap().recv() {
                let _ = stream.write_all(reply.as_bytes());
            }
        });
        (listener, hears, says)
    }

    /// Returns its address, `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns how many connections came.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads a request with its body, or what else comes first.
fn hear(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        heard.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&heard);
        match text.split_once("\r\n\r\n") {
            Some((head, body)) if body.len() < length_of_body(head) => {}
            None if text.starts_with("POST") => {}
            _ => break,
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// Reads from a request's head how long its body is.
fn length_of_body(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(0, |(_, length)| length.parse().unwrap())
}

/// Writes a reply of the token endpoint.
pub(crate) fn reply(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}
