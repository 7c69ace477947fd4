//! The way to Zoho: through a proxy, around it, and by which certificates.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    flow::{Failure, Flow, Left},
    listener::Listener,
    world::Outcome,
};

/// A proxy that opens tunnels and writes down what was asked of it.
struct Proxy {
    listener: Listener,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Leads every tunnel to this address, wherever it was to go.
    fn to(address: &str) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (book, address) = (asked.clone(), address.to_owned());
        let listener = Listener::new(move |mut client| {
            let head = head(&mut client);
            book.lock().unwrap().push(head);
            client
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .unwrap();
            let server = TcpStream::connect(&address).unwrap();
            join(client, server);
        });
        Self { listener, asked }
    }

    fn url(&self) -> String {
        format!("http://ann:secret@{}", self.listener.address())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads a request up to the empty line.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Copies bytes both ways until both sides are done.
fn join(client: TcpStream, server: TcpStream) {
    let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client);
    let (mut from_server, mut to_server) = (server.try_clone().unwrap(), server);
    let upwards = thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(std::net::Shutdown::Write);
    });
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(std::net::Shutdown::Write);
    upwards.join().unwrap();
}

/// A simulator with TLS, and a proxy in front of it.
fn behind_a_proxy() -> (Flow, Proxy) {
    let flow = Flow::tls();
    let proxy = Proxy::to(flow.accounts_domain().strip_prefix("https://").unwrap());
    (flow, proxy)
}

fn ca_file(flow: &Flow) -> String {
    flow.simulator.ready["ca_file"].as_str().unwrap().to_owned()
}

/// Prepares an exchange that trusts the simulator.
fn trusting(flow: &Flow) -> Command {
    let mut command = flow.command("acme", "");
    command.env("SSL_CERT_FILE", ca_file(flow));
    command
}

#[test]
fn https_goes_through_a_tunnel() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let (flow, proxy) = behind_a_proxy();
        let outcome = Outcome::of(trusting(&flow).env(variable, proxy.url()));
        assert_eq!(outcome.exit_code, 0, "{outcome:?}");
        let asked = proxy.asked();
        let host = flow.accounts_domain().strip_prefix("https://").unwrap();
        assert!(
            asked[0].starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")),
            "{asked:?}"
        );
        assert!(
            asked[0]
                .to_lowercase()
                .contains("proxy-authorization: basic"),
            "{asked:?}"
        );
        assert_eq!((asked.len(), flow.exchanges()), (1, 1));
    }
}

#[test]
fn no_proxy_goes_around_it() {
    let (flow, proxy) = behind_a_proxy();
    let mut command = trusting(&flow);
    command
        .env("HTTPS_PROXY", proxy.url())
        .env("NO_PROXY", "localhost,127.0.0.1");
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.exit_code, 0, "{outcome:?}");
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_is_not_there_costs_nothing() {
    let flow = Flow::tls();
    let mut command = flow.command("acme", "--max-retries 1");
    let outcome = Outcome::of(command.env("HTTPS_PROXY", "http://127.0.0.1:1"));
    outcome.failed(Failure(7, "unavailable", "not_reached", "unspent"));
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let refusing = Listener::new(|mut client| {
        head(&mut client);
        let _ = client
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    });
    let flow = Flow::tls();
    let mut command = flow.command("acme", "");
    let outcome = Outcome::of(command.env("HTTPS_PROXY", format!("http://{}", refusing.address())));
    let error = outcome.failed(Failure(7, "unavailable", "not_reached", "unspent"));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(refusing.address()),
        "{error}"
    );
    assert_eq!(refusing.connections(), 1, "a refusal stays one");
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn a_proxy_setting_that_cannot_be_used_is_no_way_around_it() {
    let flow = Flow::tls();
    let outcome = Outcome::of(trusting(&flow).env("HTTPS_PROXY", "socks5://127.0.0.1:1"));
    let error = outcome.failed(Failure(3, "config", "bad_proxy", "unspent"));
    assert!(
        error["next"][0].as_str().unwrap().contains("HTTPS_PROXY"),
        "{error}"
    );
    flow.left(Left(0, "unsent", 0));
}

#[test]
fn certificates_come_from_flag_variable_or_configuration() {
    let flow = Flow::tls();
    flow.kept(&format!("--ca-file {}", ca_file(&flow)));
    let flow = Flow::tls();
    assert_eq!(Outcome::of(&mut trusting(&flow)).exit_code, 0);
    let flow = Flow::tls();
    let text = format!("[http]\nca_file = \"{}\"\n", ca_file(&flow));
    flow.config(&text).kept("");
}

#[test]
fn files_that_hold_no_certificate_are_named() {
    let flow = Flow::tls();
    flow.world.file("nonsense.pem", "nonsense");
    let outcome = flow.exchange("--ca-file nonsense.pem");
    outcome.failed(Failure(3, "config", "bad_roots", "unspent"));
    let outcome = flow.exchange("--ca-file nowhere.pem");
    let error = outcome.failed(Failure(3, "config", "ca_file_unreadable", "unspent"));
    assert!(error.to_string().contains("nowhere.pem"), "{error}");
    assert_eq!(flow.exchanges(), 0);
}

#[test]
fn a_proxy_with_a_certificate_of_its_own_is_not_trusted() {
    let (flow, proxy) = behind_a_proxy();
    let outcome = Outcome::of(flow.command("acme", "").env("HTTPS_PROXY", proxy.url()));
    let error = outcome.failed(Failure(3, "config", "certificate_not_trusted", "unspent"));
    assert!(
        error["next"][0].as_str().unwrap().contains("--ca-file"),
        "{error}"
    );
    assert_eq!((proxy.asked().len(), flow.exchanges()), (1, 0));
}
