//! Software that knows nothing of Evergrant, unmodified, in front of `evergrant serve`: only the two addresses in its
//! settings are another's.

mod adopted;
#[cfg(target_os = "linux")]
mod broken_disk;
mod generic;
mod node;
mod pages;
mod python;
mod sdks;
mod templates;

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{connections::done, flow::Flow, sdk::SDK_SCOPES, world::World};

/// How callers are added whose software is pointed here: each case runs for every one of them.
const MODES: [&str; 2] = ["--direct", ""];

/// A home with the connection `acme`, in front of a simulator, and the address that its server will have.
struct Estate {
    flow: Flow,
    url: String,
    server: Option<Child>,
}

impl Estate {
    fn new() -> Self {
        Self::with_manners(json!({}))
    }

    /// Makes one in this home.
    fn in_world(world: World) -> Self {
        Self::with(Flow::in_world(world, ""))
    }

    /// Makes one whose simulator has these manners.
    fn with_manners(manners: Value) -> Self {
        Self::with(Flow::new().manners(manners))
    }

    fn with(flow: Flow) -> Self {
        // Nobody else gets a port that was just free.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = free.unwrap();
        let url = format!("http://{address}");
        let config = format!(
            "[http]\nretry_delay = 0\n[server]\nlisten = [\"{address}\"]\npublic_url = \"{url}\"\nworkers = 1\n"
        );
        let flow = flow.config(&config).new_grant(SDK_SCOPES);
        flow.kept("");
        flow.simulator.control("DELETE", "/requests", &Value::Null);
        Self {
            flow,
            url,
            server: None,
        }
    }

    /// Adds a caller, and returns what its software's settings take.
    fn caller(&self, options: &str) -> Value {
        let added = done(&self.flow.world, &format!("callers add software {options}"));
        serde_json::from_str(&added.stdout).unwrap()
    }

    /// Adds a caller with the right to exchange, and returns its settings as a `self_client.json` with a new code.
    fn self_client(&self, options: &str) -> Value {
        let settings = self.caller(&format!("--allow-exchange customer --app acme {options}"));
        let code = self.flow.simulator.grant(SDK_SCOPES)["code"].clone();
        json!({
            "client_id": settings["ZohoClientId"], "client_secret": settings["ZohoClientSecret"], "code": code,
        })
    }

    /// Starts the server and waits until it listens.
    fn serve(self) -> Self {
        self.serve_as(|usual| usual)
    }

    /// Starts the server by a command that is made of the usual one.
    fn serve_as(mut self, change: impl FnOnce(Command) -> Command) -> Self {
        let ready = self.flow.world.path("ready.json");
        let log = File::create(self.flow.world.path("serve.log")).unwrap();
        let mut command = self.flow.world.command(["serve", "--ready-file"]);
        command.arg(&ready).env("EVERGRANT_LOG", "trace");
        let mut server = change(command).stderr(log).spawn().unwrap();
        let begun = Instant::now();
        while !ready.exists() {
            assert!(server.try_wait().unwrap().is_none(), "the server ended");
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "it does not listen"
            );
            thread::sleep(Duration::from_millis(10));
        }
        self.server = Some(server);
        self
    }

    /// Asserts that the server told its log none of these.
    fn has_not_logged(&self, secrets: &[&str]) {
        let log = fs::read_to_string(self.flow.world.path("serve.log")).unwrap();
        assert!(log.contains("INFO"), "it logs: {log}");
        for secret in secrets {
            assert!(
                secret.len() > 30 && !log.contains(secret),
                "{secret}\n{log}"
            );
        }
    }

    /// Returns the address of the simulator's API, where direct callers send their requests.
    fn zohos_api(&self) -> &str {
        self.flow.simulator.ready["data_centers"]["us"]["api_domain"]
            .as_str()
            .unwrap()
    }

    /// Returns the API domain that software of this mode has in its settings.
    fn api_domain(&self, mode: &str) -> &str {
        match mode {
            "--direct" => self.zohos_api(),
            _ => &self.url,
        }
    }

    /// Counts the requests for tokens that reached the simulator, exchanges and refreshes.
    fn asked_for_tokens(&self) -> (usize, usize) {
        let asked = self.flow.asked();
        let count = |what: &str| asked.iter().filter(|one| *one == what).count();
        (count("authorization_code"), count("refresh_token"))
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It may have ended already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Sends a request byte for byte and returns the status and what JSON came, null if there is no body.
fn send(domain: &str, head: &str, body: &str) -> (u16, Value) {
    let host = domain.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("{head}Host: {host}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").expect(&reply);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}
