//! The world of these tests: a simulator, a vault with the connection `acme`, a caller of it, and a server.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use evergrant::{
    caller::{self, Issued, Mode, NewCaller},
    clock::Clock,
    vault::{Folders, UnlockedVault, master_key::KeySource},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use zoho_oauth::Scopes;

use crate::flow::Flow;

/// A home with a caller; servers are started on it.
pub(crate) struct Estate {
    pub(crate) flow: Flow,
    pub(crate) caller: Issued,
}

/// A server that runs; it ends with the test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

/// What came back; status 0 if nothing did.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Estate {
    /// Makes one with further lines in `config.toml`.
    pub(crate) fn new(config: &str) -> Self {
        let flow = Flow::new().config(config);
        flow.kept("");
        let caller = add_caller(&flow);
        Self { flow, caller }
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn start(&self) -> Server {
        self.start_with("serve --listen 127.0.0.1:0", &[])
    }

    /// Starts a server by a command line with more in its environment; its log goes to `serve.log`.
    pub(crate) fn start_with(&self, line: &str, environment: &[(&str, &str)]) -> Server {
        let ready = self.flow.world.path("ready.json");
        // It may be the first server in this home.
        let _ = fs::remove_file(&ready);
        let mut command = self.flow.world.command(line.split_whitespace());
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.flow.world.path("serve.log"));
        command.arg("--ready-file").arg(&ready).stderr(log.unwrap());
        let child = command.envs(environment.iter().copied()).spawn().unwrap();
        let ready = eventually("the server listens", || fs::read_to_string(&ready).ok());
        let ready: Value = serde_json::from_str(&ready).unwrap();
        let address = ready["addresses"][0].as_str().unwrap().parse().unwrap();
        Server { child, address }
    }

    /// Asks for a token.
    pub(crate) fn refresh(&self, server: &Server) -> Reply {
        server.post("/oauth/v2/token", &self.form())
    }

    /// Returns the form by which the caller asks for a token.
    pub(crate) fn form(&self) -> String {
        let caller = &self.caller;
        format!(
            "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
            caller.client_id.as_str(),
            caller.client_secret.expose_secret(),
            caller.handles[0].1.expose_secret()
        )
    }

    /// Ends the life of all access tokens, as far as the vault knows.
    pub(crate) fn expire(&self) {
        self.flow
            .rows("UPDATE refreshes SET expires_ms = 1, expires_uptime_ms = 1");
    }

    /// Returns what was logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.flow.world.path("serve.log")).unwrap()
    }
}

impl Server {
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(&format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        ))
    }

    pub(crate) fn post(&self, path: &str, form: &str) -> Reply {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            self.address,
            form.len()
        ))
    }

    /// Sends a request as it is.
    pub(crate) fn send(&self, request: &str) -> Reply {
        send(self.address, request)
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end and returns its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        eventually("the server ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn send(address: SocketAddr, request: &str) -> Reply {
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    };
    let reply = exchange().unwrap_or_default();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_default();
    Reply {
        status: head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0),
        body: body.to_owned(),
    }
}

/// Waits until something is there.
pub(crate) fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not yet");
        sleep(Duration::from_millis(50));
    }
}

fn add_caller(flow: &Flow) -> Issued {
    let home = flow.world.path("");
    let folders = Folders {
        config: home.clone(),
        data: home.clone(),
        runtime: home.clone(),
        temporary: home.join("temporary"),
    };
    let new = NewCaller {
        name: "nightly".parse().unwrap(),
        connections: vec!["acme".parse().unwrap()],
        mode: Mode::Direct,
        rules: Vec::new(),
        scopes: Scopes::default(),
        expires_at: None,
        exchange: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (sources, mut rng) = (
            [KeySource::File(folders.master_key())],
            StdRng::seed_from_u64(5),
        );
        let vault =
            UnlockedVault::open_or_make(&folders, &sources, &Clock::system(), &mut rng).await;
        let vault = vault.unwrap();
        let issued = caller::add(&vault, new, &mut rng).await.unwrap();
        vault.vault().close().await;
        issued
    })
}
