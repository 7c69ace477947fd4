//! A simulator of Zoho, started as people start it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use crate::world::World;

/// The command with ports that are free.
pub(crate) const ANY_PORTS: &str = "simulate --listen 127.0.0.1:0 --control 127.0.0.1:0";

/// A running simulator, which ends with the test.
pub(crate) struct Simulator {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it said when it listened.
    pub(crate) ready: Value,
}

impl Simulator {
    /// Starts one with further options, and waits until it listens.
    pub(crate) fn start(world: &World, options: &str) -> Self {
        let words = ANY_PORTS
            .split_whitespace()
            .chain(options.split_whitespace());
        let mut command = world.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self {
            child,
            stdout,
            ready: serde_json::from_str(&line).unwrap(),
        }
    }

    /// Returns the accounts domain of its first data center, `us`.
    pub(crate) fn accounts_domain(&self) -> &str {
        self.ready["data_centers"]["us"]["accounts_domain"]
            .as_str()
            .unwrap()
    }

    /// Makes a grant token for these scopes; what comes back is a self_client.json.
    pub(crate) fn grant(&self, scope: &str) -> Value {
        self.control(
            "POST",
            "/grants",
            &serde_json::json!({ "scope": scope, "minutes": 3 }),
        )
    }

    /// Returns what came to its data centers, in order.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let listed = self.control("GET", "/requests", &Value::Null);
        listed.as_array().unwrap().clone()
    }

    /// Sends a request to the control port and returns the reply; null if it has no body.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        control(self.ready["control"].as_str().unwrap(), method, path, body)
    }

    /// Stops it by a signal and returns its exit code and its standard error; it may have printed nothing more.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        assert_eq!(text, "");
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        (self.child.wait().unwrap().code(), text)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Speaks to the control port of a simulator; fails the test if it refuses.
pub(crate) fn control(address: &str, method: &str, path: &str, body: &Value) -> Value {
    let host = address.strip_prefix("http://").unwrap();
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 20"), "{reply}");
    let body = reply.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_default()
}
