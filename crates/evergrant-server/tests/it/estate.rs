//! The test world: a server in front of the simulator, its callers, and a clock in hand.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use evergrant::{
    broker::Limits,
    caller::{self, Caller, Issued, Mode, NewCaller},
    exchange::Retries,
};
use evergrant_server::{
    AdminKey, Alerts, Config, Patience, ProxySettings, PublicUrl, Reloader, Server,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{sync::oneshot, task::JoinHandle};
use zoho_oauth::{Scopes, TransportConfig};

use crate::world::{World, acme};

pub(crate) struct Estate {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    pub(crate) admin_key: AdminKey,
    reloader: Reloader,
    http: Client<HttpConnector, Full<Bytes>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Estate {
    /// Starts a server in front of a vault with the connection `acme`.
    pub(crate) async fn start() -> Self {
        Self::start_with(World::new().await, |_| ()).await
    }

    pub(crate) async fn start_with(world: World, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&world);
        change(&mut config);
        let admin_key = config.admin_key.clone().unwrap();
        let broker = world.broker().await;
        let server = Server::start(broker, config).await.unwrap();
        let (address, reloader) = (server.addresses()[0], server.reloader());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            server.run_until(stopped).await.unwrap();
        });
        Self {
            world,
            address,
            admin_key,
            reloader,
            http: Client::builder(TokioExecutor::new()).build_http(),
            stop,
            running,
        }
    }

    /// Has the server take in other settings.
    pub(crate) fn reload(&self, change: impl FnOnce(&mut Config)) {
        let mut config = config(&self.world);
        change(&mut config);
        let reloaded = self.reloader.reload(config, Limits::default());
        reloaded.unwrap();
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) -> World {
        let _ = self.stop.send(());
        self.running.await.unwrap();
        self.world
    }

    /// Adds a caller that may have tokens of `acme`, and waits until the server knows it.
    pub(crate) async fn caller(&self, name: &str, mode: Mode) -> Issued {
        let issued = self.caller_at_once(name, mode).await;
        self.settle().await;
        issued
    }

    /// Adds a caller, and does not wait.
    pub(crate) async fn caller_at_once(&self, name: &str, mode: Mode) -> Issued {
        let new = NewCaller {
            name: name.parse().unwrap(),
            connections: vec![acme()],
            mode,
            rules: Vec::new(),
            scopes: Scopes::default(),
            expires_at: None,
            exchange: None,
        };
        let vault = self.world.vault().await;
        let mut rng = StdRng::seed_from_u64(name.bytes().map(u64::from).sum());
        caller::add(&vault, new, &mut rng).await.unwrap()
    }

    /// Waits for as long as the server takes to notice what others did to the vault.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(600)).await;
    }

    /// Waits for as long as the server takes to tell the vault what it does not know yet.
    pub(crate) async fn next_chores(&self) {
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }

    /// Sends a form to one of the server's paths.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::post(self.url(path))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Full::from(body));
        self.send(request.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        let request = Request::get(self.url(path)).body(Full::default());
        self.send(request.unwrap()).await
    }

    /// Gets a path as somebody who calls the server by another name.
    pub(crate) async fn get_as(&self, host: &str, path: &str) -> Reply {
        let request = Request::get(self.url(path)).header("Host", host);
        self.send(request.body(Full::default()).unwrap()).await
    }

    /// Returns the text of all metrics.
    pub(crate) async fn metrics(&self) -> String {
        let reply = self.get("/evergrant/metrics").await;
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        reply.body
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let (head, body) = self.http.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks for a token by a handle.
    pub(crate) async fn refresh(&self, issued: &Issued) -> Reply {
        self.post("/oauth/v2/token", &by_handle(issued)).await
    }

    /// Reads a caller from the vault.
    pub(crate) async fn stored(&self, issued: &Issued) -> Caller {
        let vault = self.world.vault().await;
        let found = caller::find(vault.vault(), &issued.caller.name).await;
        found.unwrap().unwrap()
    }
}

/// The form by which a handle is turned into a token.
pub(crate) fn by_handle(issued: &Issued) -> [(&str, &str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("client_id", issued.client_id.as_str()),
        ("client_secret", issued.client_secret.expose_secret()),
        ("refresh_token", issued.handles[0].1.expose_secret()),
    ]
}

fn config(world: &World) -> Config {
    let any = "127.0.0.1:0".parse().unwrap();
    Config {
        listen: vec![any],
        inherited: Vec::new(),
        inherited_unix: None,
        unix: Some(world.folders().runtime.join("evergrant.sock")),
        tls: None,
        in_the_clear: false,
        workers: NonZeroUsize::MIN,
        public_url: "http://evergrant.example:8470".parse::<PublicUrl>().ok(),
        hosts: Vec::new(),
        admin_key: Some(AdminKey::generate(&mut StdRng::seed_from_u64(9))),
        local: Vec::new(),
        transport: TransportConfig::default(),
        connections: NonZeroUsize::new(2000).unwrap(),
        connections_per_address: None,
        patience: Patience::default(),
        proxy: ProxySettings::default(),
        retries: Retries {
            limit: 1,
            first_delay: Duration::ZERO,
        },
        rng: StdRng::seed_from_u64(4),
        metrics_are_open: false,
        alerts: Alerts::default(),
        grace: Duration::from_secs(5),
    }
}
