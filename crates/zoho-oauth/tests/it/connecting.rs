//! What fails before anything is sent.

use std::net::TcpListener;
use std::time::Duration;

use zoho_oauth::{ConnectError, DialedStream, Dialer, Transport, TransportConfig};

use crate::server::patient;

async fn connect(config: TransportConfig, origin: &str) -> ConnectError {
    Transport::new(config).connect(origin).await.unwrap_err()
}

#[tokio::test]
async fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for scheme in ["http", "https"] {
        let error = connect(patient(), &format!("{scheme}://127.0.0.1:{port}")).await;
        assert!(
            matches!(&error, ConnectError::Refused { host } if host == "127.0.0.1"),
            "{error:?}"
        );
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn a_host_without_address_is_not_found() {
    // RFC 6761 promises that no name below .invalid is ever found.
    let error = connect(patient(), "http://accounts.zoho.invalid").await;
    assert!(
        matches!(&error, ConnectError::Dns { host, .. } if host == "accounts.zoho.invalid"),
        "{error:?}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_handshake_without_answer_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = TransportConfig {
        silence: Duration::from_millis(50),
        ..patient()
    };
    let error = connect(
        config,
        &format!("https://{}", listener.local_addr().unwrap()),
    )
    .await;
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_is_no_origin_is_refused() {
    for origin in [
        "",
        "accounts.zoho.eu",
        "ftp://accounts.zoho.eu",
        "https://u:p@accounts.zoho.eu",
        "http://",
    ] {
        let error = connect(patient(), origin).await;
        assert!(
            matches!(error, ConnectError::InvalidOrigin),
            "{origin}: {error:?}"
        );
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_stream_is_given_to_whoever_speaks_over_it_on_his_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let dialed = Dialer::new(patient()).dial(&origin).await.unwrap();
    let (_, seen) = listener.accept().unwrap();
    assert!(
        matches!(&dialed.stream, DialedStream::Plain(tcp) if tcp.local_addr().unwrap() == seen)
    );
    assert!(!dialed.wants_absolute_form() && dialed.proxy_authorization().is_none());
}
