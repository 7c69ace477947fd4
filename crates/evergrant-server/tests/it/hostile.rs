//! Whoever means harm: refused, bounded in memory and time, and nobody else notices.

use std::time::Duration;

use evergrant::caller::{Issued, Mode};
use evergrant_server::{Config, TlsFiles};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    estate::{Estate, by_handle},
    world::World,
};

impl Estate {
    /// Sends bytes as they are and reads until the server closes, or has nothing more to say.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may have heard enough before all is sent.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _ = tokio::time::timeout(Duration::from_secs(1), reading).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn head(&self, lines: &str) -> String {
        format!(
            "POST /oauth/v2/token HTTP/1.1\r\nHost: {}\r\n{lines}\r\n",
            self.address
        )
    }
}

/// Counts the answers in what came back.
fn answers(raw: &str) -> usize {
    raw.matches("HTTP/1.1 ").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_end_is_in_dispute_is_one_request_and_refused() {
    let estate = Estate::start().await;
    let inner = "GET /oauth/serverinfo HTTP/1.1\r\nHost: x\r\n\r\n";
    for lines in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Content-Length: 99999999999999999999\r\n",
        " folded: x\r\n",
        "X: a\0b\r\n",
    ] {
        let answer = estate
            .raw((estate.head(lines) + "0\r\n\r\n" + inner).as_bytes())
            .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{lines:?}: {answer}");
        assert_eq!(answers(&answer), 1, "{lines:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_length_and_chunks_nobody_gets_a_second_request_smuggled_in() {
    let estate = Estate::start().await;
    let head = estate.head("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n");
    let answer = estate
        .raw((head + "0\r\n\r\nGET /oauth/serverinfo HTTP/1.1\r\n\r\n").as_bytes())
        .await;
    assert!(!answer.contains("locations"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_forms_have_an_end() {
    let estate = Estate::start().await;
    let wide = estate.head(&format!("X: {}\r\n", "x".repeat(64 * 1024)));
    assert!(
        estate
            .raw(wide.as_bytes())
            .await
            .starts_with("HTTP/1.1 431")
    );
    let many = estate.head(&"X: x\r\n".repeat(1000));
    assert!(
        estate
            .raw(many.as_bytes())
            .await
            .starts_with("HTTP/1.1 431")
    );
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
    let answer = estate.raw(long.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let form = estate.head("Content-Length: 10000000\r\n") + &"a=b&".repeat(100_000);
    let answer = estate.raw(form.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("too large"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dawdles_is_let_go() {
    let estate = Estate::start_with(World::new().await, |config| {
        config.patience.head = Duration::from_millis(300);
        config.patience.form = Duration::from_millis(300);
    })
    .await;
    for slow in [
        format!(
            "POST /oauth/v2/token HTTP/1.1\r\nHost: {}\r\n",
            estate.address
        ),
        estate.head("Content-Length: 100\r\n") + "grant_type=",
    ] {
        let mut stream = TcpStream::connect(estate.address).await.unwrap();
        stream.write_all(slow.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Ends, although nothing here closes.
        stream.read_to_end(&mut answer).await.unwrap();
    }
}

/// How many lines of requests knock at once, each on a kept connection.
const KNOCKING: usize = 4;

/// How many wrong handles each line tries: `EVERGRANT_ROUNDS=100000` makes as many in all.
#[allow(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says so in the environment"
)]
fn tries() -> usize {
    let rounds = std::env::var("EVERGRANT_ROUNDS");
    let all = rounds.map_or(8000, |rounds| rounds.parse().unwrap());
    all / KNOCKING
}

/// Returns how many KiB of memory this process holds: both ends are here.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1);
    kib.unwrap().parse().unwrap()
}

/// Tries wrong handles, and counts how many were refused and how many were limited.
async fn knock(estate: &Estate, caller: &Issued, wrong: &[String]) -> (usize, usize) {
    let right = by_handle(caller);
    let (mut refused, mut limited) = (0, 0);
    for wrong in wrong.iter().cycle().take(tries()) {
        let form = [right[0], right[1], right[2], ("refresh_token", wrong)];
        let reply = estate.post("/oauth/v2/token", &form).await;
        match reply.json()["error"].as_str().unwrap() {
            "invalid_code" => refused += 1,
            "Access Denied" => limited += 1,
            other => panic!("{other}"),
        }
    }
    (refused, limited)
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_wrong_handles_slow_nobody_who_is_right() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Direct).await;
    let handle = caller.handles[0].1.expose_secret();
    let wrong = [
        handle[..handle.len() - 1].to_owned(),
        handle.to_uppercase(),
        format!("{handle}0"),
        String::new(),
    ];
    estate.refresh(&caller).await;
    let before = resident();
    let line = || knock(&estate, &caller, &wrong);
    let knocking = async { <[_; KNOCKING]>::from(tokio::join!(line(), line(), line(), line())) };
    let right = async {
        loop {
            let reply = estate.refresh(&caller).await;
            assert!(reply.json()["access_token"].is_string(), "{reply:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let counts = tokio::select! {
        counts = knocking => counts,
        () = right => unreachable!("it goes on"),
    };
    let refused: usize = counts.iter().map(|(refused, _)| refused).sum();
    let limited: usize = counts.iter().map(|(_, limited)| limited).sum();
    assert!(refused >= 60 && refused < limited, "{refused} of {limited}");
    assert_eq!(refused + limited, KNOCKING * tries());
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more");
}

/// Connects from an address of this machine, and asks once; says whether there was an answer.
async fn asks_from(from: &str, to: std::net::SocketAddr) -> (TcpStream, bool) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    let from: std::net::IpAddr = from.parse().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    let request = b"GET /evergrant/healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    // Who is turned away may find that out by a broken write as well as by a read.
    let _ = stream.write_all(request).await;
    let answered = stream.read(&mut [0; 4096]).await;
    (stream, answered.is_ok_and(|read| read > 0))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_take_all_connections() {
    let estate = Estate::start_with(World::new().await, |config| {
        config.workers = std::num::NonZeroUsize::new(2).unwrap();
        config.connections_per_address = std::num::NonZeroUsize::new(5);
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..5 {
        let (stream, is_answered) = asks_from("127.0.0.1", estate.address).await;
        assert!(is_answered);
        held.push(stream);
    }
    for _ in 0..5 {
        assert!(!asks_from("127.0.0.1", estate.address).await.1);
    }
    assert!(asks_from("127.0.0.2", estate.address).await.1);
    held.pop();
    let again = async { while !asks_from("127.0.0.1", estate.address).await.1 {} };
    let again = tokio::time::timeout(Duration::from_secs(10), again).await;
    assert!(again.is_ok(), "its place is not given back");
    drop(held);
    estate.settle().await;
    let metrics = estate.metrics().await;
    let line = "evergrant_connections_refused_total{why=\"address\"} ";
    let line = metrics.lines().find_map(|one| one.strip_prefix(line));
    let refused: u32 = line.unwrap().parse().unwrap();
    assert!(refused >= 5, "{refused}");
}

/// Asks for metrics again and again, and reads none of them, until it is let go.
async fn reads_nothing(stream: &mut (impl AsyncWrite + Unpin), host: &str) {
    let many = format!("GET /evergrant/metrics HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(1000);
    let writing = async { while stream.write_all(many.as_bytes()).await.is_ok() {} };
    let let_go = tokio::time::timeout(Duration::from_secs(30), writing).await;
    assert!(let_go.is_ok(), "it is held for ever");
}

/// Starts a server that is not patient.
async fn impatient(change: impl FnOnce(&mut Config)) -> Estate {
    Estate::start_with(World::new().await, |config| {
        config.patience.silence = Duration::from_millis(300);
        change(config);
    })
    .await
}

/// Connects with little room for answers.
async fn narrow(address: std::net::SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_answer_is_let_go() {
    let estate = impatient(|_| ()).await;
    let mut stream = narrow(estate.address).await;
    reads_nothing(&mut stream, &estate.address.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_answer_at_the_unix_socket_is_let_go() {
    let estate = impatient(|_| ()).await;
    let socket = estate.world.folders().runtime.join("evergrant.sock");
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    reads_nothing(&mut stream, "localhost").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_answer_in_tls_is_let_go() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let estate = impatient(|config| config.tls = Some(files)).await;
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = narrow(estate.address).await;
    let name = "localhost".try_into().unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    reads_nothing(&mut stream, &estate.address.to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_connection_that_asks_nothing_is_ended() {
    let estate = Estate::start_with(World::new().await, |config| {
        config.patience.head = Duration::from_millis(300);
    })
    .await;
    let mut stream = TcpStream::connect(estate.address).await.unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // A frame with settings, and none in it.
    bytes.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    stream.write_all(&bytes).await.unwrap();
    let mut kinds = Vec::new();
    let reading = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            kinds.push(head[3]);
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            stream.read_exact(&mut payload).await.unwrap();
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), reading).await;
    assert!(ended.is_ok(), "it is held for ever");
    assert!(kinds.contains(&7), "no GOAWAY among {kinds:?}");
}
