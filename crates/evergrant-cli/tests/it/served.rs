//! A running `evergrant serve`, started as people start it.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::world::World;

/// A running server, which ends with the test.
pub(crate) struct Served {
    child: Child,
    log: PathBuf,
    ready: Value,
}

impl Served {
    /// Starts one with further options, and waits until it listens. It logs all that it can.
    pub(crate) fn start(world: &World, options: &str) -> Self {
        let line =
            format!("serve -vvv --workers 1 --ready-file ready --listen 127.0.0.1:0 {options}");
        let _ = fs::remove_file(world.path("ready"));
        let log = world.path("serve.log");
        let mut command = world.command(line.split_whitespace());
        let command = command
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        let ready = loop {
            if let Ok(text) = fs::read_to_string(world.path("ready")) {
                break serde_json::from_str(&text).unwrap();
            }
            let ended = child.try_wait().unwrap();
            let waited = began.elapsed() > Duration::from_secs(20);
            assert!(
                ended.is_none() && !waited,
                "{}",
                fs::read_to_string(&log).unwrap()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        Self { child, log, ready }
    }

    /// Returns the address at which it listens.
    pub(crate) fn address(&self) -> &str {
        self.ready["addresses"][0].as_str().unwrap()
    }

    /// Asks by the network, with a header; returns all that comes back.
    pub(crate) fn get(&self, path: &str, header: &str) -> String {
        let address = self.address();
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// Stops it, and returns what it logged.
    pub(crate) fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        assert!(self.child.wait().unwrap().success());
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
