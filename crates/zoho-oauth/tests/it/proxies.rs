//! Ways through a proxy.

use zoho_oauth::{ConnectError, Proxy, Transport, TransportConfig};

use crate::server::{Server, Step, patient, say, send};
use crate::tls::Authority;

const REPLY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

fn through(server: &Server) -> TransportConfig {
    let address = Some(format!("http://ann:p%40ss@127.0.0.1:{}", server.port()));
    TransportConfig {
        proxy: Proxy {
            https: address.clone(),
            http: address,
            no_proxy: None,
        },
        ..patient()
    }
}

async fn refusal(config: TransportConfig) -> ConnectError {
    Transport::new(config)
        .connect("https://accounts.zoho.eu")
        .await
        .unwrap_err()
}

#[tokio::test]
async fn https_goes_through_a_tunnel() {
    let authority = Authority::new();
    let tls = authority.server("accounts.zoho.eu");
    let established = say("HTTP/1.1 200 Connection established\r\n\r\n");
    let proxy = Server::play(vec![
        Step::Hear,
        established,
        Step::StartTls(tls),
        Step::Hear,
        say(REPLY),
        Step::Hold,
    ]);
    let config = TransportConfig {
        roots: authority.roots(),
        ..through(&proxy)
    };
    let reply = send(config, "https://accounts.zoho.eu").await.unwrap();
    assert_eq!(reply.status, 200);

    let heard = proxy.heard();
    assert!(
        heard[0].starts_with("CONNECT accounts.zoho.eu:443 HTTP/1.1\r\n"),
        "{}",
        heard[0]
    );
    assert!(
        heard[0].contains("Proxy-Authorization: Basic YW5uOnBAc3M=\r\n"),
        "{}",
        heard[0]
    );
    assert!(
        heard[1].starts_with("POST /oauth/v2/token HTTP/1.1\r\n"),
        "{}",
        heard[1]
    );
    assert!(
        !heard[1].to_lowercase().contains("proxy-authorization"),
        "{}",
        heard[1]
    );
}

#[tokio::test]
async fn http_is_asked_for_by_its_whole_address() {
    let proxy = Server::play(vec![Step::Hear, say(REPLY), Step::Hold]);
    let reply = send(through(&proxy), "http://localhost:1").await.unwrap();
    assert_eq!(reply.status, 200);
    let heard = proxy.heard().remove(0);
    assert!(
        heard.starts_with("POST http://localhost:1/oauth/v2/token HTTP/1.1\r\n"),
        "{heard}"
    );
    assert!(heard.contains("host: localhost:1\r\n"), "{heard}");
    assert!(
        heard.contains("proxy-authorization: Basic YW5uOnBAc3M=\r\n"),
        "{heard}"
    );
}

#[tokio::test]
async fn no_proxy_goes_past_the_proxy() {
    let server = Server::play(vec![Step::Hear, say(REPLY), Step::Hold]);
    let proxy = Proxy {
        http: Some("http://proxy.invalid:3128".to_owned()),
        no_proxy: Some("example.com, 127.0.0.0/8".to_owned()),
        ..Proxy::default()
    };
    let reply = send(TransportConfig { proxy, ..patient() }, &server.origin())
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
    assert!(server.heard()[0].starts_with("POST /oauth/v2/token "));
}

#[tokio::test]
async fn a_proxy_may_refuse() {
    let reason = async |answer: &str| {
        let proxy = Server::play(vec![Step::Hear, say(answer), Step::Hold]);
        let error = refusal(through(&proxy)).await;
        assert!(!error.is_transient(), "{error:?}");
        assert!(
            matches!(&error, ConnectError::Proxy { proxy: named, .. } if named.starts_with("127.0.0.1:"))
        );
        error.to_string().split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(
        reason("HTTP/1.1 407 No\r\n\r\n").await,
        "it asks for a user and a password"
    );
    assert_eq!(
        reason("HTTP/1.1 403 No\r\n\r\n").await,
        "it refuses this host, or is no proxy"
    );
    assert_eq!(
        reason("SSH-2.0-OpenSSH_9.2\r\n\r\n").await,
        "it refuses this host, or is no proxy"
    );
}

#[tokio::test]
async fn a_proxy_may_break() {
    let proxy = Server::play(vec![Step::Hear]);
    let error = refusal(through(&proxy)).await;
    assert!(
        matches!(error, ConnectError::Proxy { broken: true, .. }),
        "{error:?}"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_proxy_that_is_not_found_is_named() {
    let proxy = Proxy {
        https: Some("http://proxy.invalid:3128".to_owned()),
        ..Proxy::default()
    };
    let error = refusal(TransportConfig { proxy, ..patient() }).await;
    assert!(
        matches!(&error, ConnectError::Dns { host, .. } if host == "proxy.invalid:3128"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_does_not_mean_no_proxy() {
    for setting in [
        "not a proxy",
        "socks5://127.0.0.1:1",
        "https://127.0.0.1:1",
        "ftp://127.0.0.1:1",
    ] {
        let proxy = Proxy {
            https: Some(setting.to_owned()),
            ..Proxy::default()
        };
        let error = refusal(TransportConfig { proxy, ..patient() }).await;
        assert!(
            matches!(error, ConnectError::BadProxy { .. }),
            "{setting}: {error:?}"
        );
    }
}

#[test]
fn debug_hides_a_proxys_password() {
    let proxy = Proxy {
        https: Some("http://ann:pa55@proxy:3128".to_owned()),
        ..Proxy::default()
    };
    let transport = Transport::new(TransportConfig { proxy, ..patient() });
    assert!(!format!("{transport:?}").contains("pa55"));
}
