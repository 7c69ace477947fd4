//! A wire between the program and the simulator that is tapped: it knows every refresh token that was
//! given out, whether or not anybody took it, and can hold a reply back.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
};

use serde_json::Value;

/// A tapped wire; it is cut with the test.
pub(crate) struct Wire {
    address: String,
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    requests: usize,
    replies: Vec<Vec<u8>>,
    held: bool,
    cut: bool,
}

impl Wire {
    /// Lays a wire to the server with this URL.
    pub(crate) fn to(url: &str) -> Self {
        let server = url.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::<(Mutex<State>, Condvar)>::default();
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.0.lock().unwrap().cut {
                    return;
                }
                carry(stream.unwrap(), &server, &shared);
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    /// Returns the URL of the wire's near end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Holds replies back from now on.
    pub(crate) fn hold(&self) {
        self.state.0.lock().unwrap().held = true;
    }

    /// Lets replies through again.
    pub(crate) fn release(&self) {
        self.state.0.lock().unwrap().held = false;
        self.state.1.notify_all();
    }

    /// Waits until a request has arrived since the last [`take`](Self::take).
    pub(crate) fn wait_for_request(&self) {
        let state = self.state.0.lock().unwrap();
        let waited = |state: &mut State| state.requests == 0;
        drop(self.state.1.wait_while(state, waited).unwrap());
    }

    /// Waits until so many requests were answered since the last [`take`](Self::take).
    pub(crate) fn wait_for_replies(&self, number: usize) {
        let state = self.state.0.lock().unwrap();
        let waited = |state: &mut State| state.replies.len() < number;
        drop(self.state.1.wait_while(state, waited).unwrap());
    }

    /// Waits until everything on the wire has come to its end, and takes the refresh tokens that were
    /// given out since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        // Connections are carried one after the other: when this one is closed, those before it were.
        let mut last = TcpStream::connect(&self.address).unwrap();
        last.shutdown(Shutdown::Write).unwrap();
        last.read_to_end(&mut Vec::new()).unwrap();
        let state = std::mem::take(&mut *self.state.0.lock().unwrap());
        assert_eq!(state.requests, state.replies.len());
        let replies = state.replies.iter();
        replies.map(|reply| refresh_token(reply)).collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.state.0.lock().unwrap().cut = true;
        self.release();
        // Wakes the thread; one that has ended already needs no waking.
        TcpStream::connect(&self.address).ok();
        self.thread.take().unwrap().join().ok();
    }
}

/// Carries one request there and its reply back. The reply is heard to its end even if nobody waits
/// for it any more.
fn carry(mut near: TcpStream, server: &str, (state, changed): &(Mutex<State>, Condvar)) {
    // A request that is not whole is none: no server acts on it.
    let Some(request) = read_message(&mut near) else {
        return;
    };
    state.lock().unwrap().requests += 1;
    changed.notify_all();
    let mut far = TcpStream::connect(server).unwrap();
    far.write_all(&request).unwrap();
    let reply = read_message(&mut far).unwrap();

    let mut state = state.lock().unwrap();
    state.replies.push(reply.clone());
    changed.notify_all();
    drop(changed.wait_while(state, |state| state.held).unwrap());
    near.write_all(&reply).ok();
}

/// Reads a request or a reply to its end; `None` if it is not whole.
fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut message, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&message).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if body.len() >= length.unwrap().1.parse().unwrap() {
                return Some(message);
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => message.extend_from_slice(&piece[..count]),
        }
    }
}

fn refresh_token(reply: &[u8]) -> String {
    let text = std::str::from_utf8(reply).unwrap();
    let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    body["refresh_token"].as_str().expect(text).to_owned()
}
