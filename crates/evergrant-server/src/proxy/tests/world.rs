//! The test world: a vault with the connection `acme`, a simulator that refreshes its tokens, an API server made by hand,
//! and a server in front whose every request is passed on.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use evergrant::{
    Broker,
    broker::Limits,
    caller::Rule,
    clock::Clock,
    connection::{self, ConnectionName},
    exchange::{self, Exchange, Purpose, Retries},
    vault::{Folders, UnlockedVault, master_key::KeySource},
};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1::SendRequest, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use zoho_oauth::{
    AccountsDomain, ApiDomain, ClientSecret, CustomHosts, GrantToken, Scopes, Transport,
    TransportConfig,
};
use zoho_sim::{Config, Simulator};

use super::upstream::Upstream;
use crate::{
    body::Body,
    proxy::{Proxy, ProxyCaller, Settings},
};

pub(super) struct World {
    _home: tempfile::TempDir,
    simulator: Simulator,
    pub(super) front: SocketAddr,
    pub(super) proxy: Arc<Proxy>,
    pub(super) api: Upstream,
}

/// What may be different from test to test.
#[derive(Default)]
pub(super) struct Given {
    pub(super) settings: Settings,
    pub(super) transport: TransportConfig,
    pub(super) rules: Vec<Rule>,
    pub(super) scopes: Scopes,
}

impl World {
    pub(super) async fn new(api: Upstream) -> Self {
        Self::with(api, Given::default()).await
    }

    /// Makes a world whose proxy has other settings than the usual.
    pub(super) async fn with_settings(api: Upstream, change: impl FnOnce(&mut Settings)) -> Self {
        let mut given = Given::default();
        change(&mut given.settings);
        Self::with(api, given).await
    }

    pub(super) async fn with(api: Upstream, mut given: Given) -> Self {
        let simulated = Config {
            seed: Some(7),
            ..Config::default()
        };
        let simulator = Simulator::start(simulated).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let broker = broker(home.path(), &simulator, &api).await;
        let elsewhere = ApiDomain::parse(&api.origin).unwrap();
        given.settings.products = HashMap::from([("desk".to_owned(), elsewhere)]);
        if let Some(roots) = &api.roots {
            given.transport.roots = roots.clone();
        }
        let mut rng = StdRng::seed_from_u64(4);
        let proxy = Arc::new(Proxy::new(given.transport, given.settings, &mut rng));
        let door = Door {
            proxy: proxy.clone(),
            broker,
            rules: given.rules,
            scopes: given.scopes,
        };
        Self {
            front: door.open().await,
            _home: home,
            simulator,
            proxy,
            api,
        }
    }

    /// Connects to the front as a caller does.
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.front).await.unwrap()
    }

    /// Sends what is given as it is and returns all that comes until the connection is closed.
    pub(super) async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Asks for a path, and returns the whole reply.
    pub(super) async fn get(&self, path: &str) -> Response<Bytes> {
        let request = Request::get(path).body(Empty::<Bytes>::new()).unwrap();
        self.send(request).await
    }

    /// Sends a request over a connection of its own, and returns the whole reply.
    pub(super) async fn send<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
            + Send
            + 'static,
    {
        let response = self.sender().await.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// Opens a connection of a caller that speaks HTTP/1.1.
    pub(super) async fn sender<B>(&self) -> SendRequest<B>
    where
        B: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
            + Send
            + 'static,
    {
        let stream = TokioIo::new(self.connect().await);
        let shaken = hyper::client::conn::http1::handshake(stream).await;
        let (sender, driver) = shaken.unwrap();
        tokio::spawn(driver);
        sender
    }

    /// Counts the refreshes that the simulator saw.
    pub(super) async fn refreshes(&self) -> usize {
        let requests = control(&self.simulator, "GET", "/requests", Value::Null).await;
        let requests = requests.as_array().unwrap().iter();
        requests
            .filter(|request| request["grant_type"] == "refresh_token")
            .count()
    }
}

/// The server in front: whoever comes is the caller that `x-caller` names.
struct Door {
    proxy: Arc<Proxy>,
    broker: Broker,
    rules: Vec<Rule>,
    scopes: Scopes,
}

impl Door {
    async fn open(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Arc::new(self);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let door = door.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| door.answer(request));
                    let server = auto::Builder::new(TokioExecutor::new());
                    let serving = server.serve_connection(TokioIo::new(stream), service);
                    // A caller may go away as it likes.
                    let _ = serving.await;
                });
            }
        });
        address
    }

    fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, std::convert::Infallible>> + Send + use<> {
        let door = self.clone();
        async move {
            let name = request.headers().get("x-caller");
            let name = name
                .map_or("tester", |name| name.to_str().unwrap())
                .to_owned();
            let vault = door.broker.vault().vault();
            let found = connection::find(vault, &acme()).await.unwrap().unwrap();
            let who = ProxyCaller {
                name: &name,
                connection: &found.name,
                connection_id: &found.id,
                rules: &door.rules,
                scopes: &door.scopes,
                still_may: &|| true,
            };
            Ok(door.proxy.forward(&door.broker, &who, request).await)
        }
    }
}

pub(super) fn acme() -> ConnectionName {
    "acme".parse().unwrap()
}

/// Exchanges a grant for `acme`, whose API is the server made by hand, and makes a broker.
async fn broker(home: &std::path::Path, simulator: &Simulator, api: &Upstream) -> Broker {
    let folders = Folders {
        config: home.to_owned(),
        data: home.to_owned(),
        runtime: home.to_owned(),
        temporary: home.join("temporary"),
    };
    let sources = [KeySource::File(folders.master_key())];
    let mut rng = StdRng::seed_from_u64(2);
    let opened = UnlockedVault::open_or_make(&folders, &sources, &Clock::system(), &mut rng).await;
    let vault = opened.unwrap();
    let scope = json!({ "scope": "ZohoCRM.modules.ALL" });
    let grant = control(simulator, "POST", "/grants", scope).await;
    let text = |name: &str| grant[name].as_str().unwrap().to_owned();
    let accounts = &simulator.ready().data_centers["us"].accounts_domain;
    let exchange = Exchange {
        purpose: Purpose::Keep {
            name: acme(),
            replace: false,
        },
        accounts_domain: AccountsDomain::parse(accounts, CustomHosts::Allowed).unwrap(),
        client_id: text("client_id").parse().unwrap(),
        client_secret: ClientSecret::new(text("client_secret")),
        grant_token: GrantToken::new(text("code")),
        grant_expires_at: None,
        redirect_uri: None,
        code_verifier: None,
        api_domain: Some(ApiDomain::parse(&api.origin).unwrap()),
        requested_scopes: Scopes::default(),
        required_scopes: Scopes::default(),
        caller_id: None,
    };
    let transport = Transport::new(TransportConfig::default());
    let retries = Retries {
        limit: 0,
        first_delay: Duration::ZERO,
    };
    let exchanged =
        exchange::exchange(&vault, &transport, &exchange, retries, &mut rng, &|_| {}).await;
    exchanged.unwrap().finish(&vault).await.unwrap();
    Broker::new(vault, TransportConfig::default(), Limits::default(), rng)
}

/// Speaks to the simulator's control port.
async fn control(simulator: &Simulator, method: &str, path: &str, body: Value) -> Value {
    let host = simulator
        .ready()
        .control
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let body = body.to_string();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 20"), "{reply}");
    serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

/// A list that several tasks write to.
pub(super) type List<T> = Arc<Mutex<Vec<T>>>;
