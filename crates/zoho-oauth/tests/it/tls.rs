//! Whom TLS trusts.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zoho_oauth::{ConnectError, Roots, Transport, TransportConfig};

use crate::server::{Server, Step, patient, say, send};

/// A certificate authority of the test's own.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("an authority")
    }

    fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// Trusts this authority alone.
    pub(crate) fn roots(&self) -> Roots {
        Roots::Pem(self.pem.clone().into())
    }

    /// Makes a server of a name that the authority vouches for.
    pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
        self.server_until(name, 4096)
    }

    fn server_until(&self, name: &str, year: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        shown(certificate.der().clone(), &key)
    }
}

/// Makes a server that shows this certificate.
fn shown(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn secure(server: &Server) -> String {
    format!("https://127.0.0.1:{}", server.port())
}

async fn refusal(server: &Server, roots: Roots) -> ConnectError {
    let transport = Transport::new(TransportConfig { roots, ..patient() });
    transport.connect(secure(server)).await.unwrap_err()
}

/// Returns why the certificate was refused, once it is seen that nothing was sent.
async fn distrust(tls: Arc<ServerConfig>, roots: Roots) -> String {
    let server = Server::play(vec![Step::StartTls(tls), Step::Hear]);
    let error = refusal(&server, roots).await;
    assert!(server.heard().is_empty());
    assert!(!error.is_transient());
    match error {
        ConnectError::Untrusted { host, reason } => {
            assert_eq!(host, "127.0.0.1");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_given_authority_is_trusted() {
    let authority = Authority::new();
    let reply = say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let server = Server::play(vec![
        Step::StartTls(authority.server("127.0.0.1")),
        Step::Hear,
        reply,
        Step::Hold,
    ]);
    let config = TransportConfig {
        roots: authority.roots(),
        ..patient()
    };
    let reply = send(config, &secure(&server)).await.unwrap();
    assert_eq!((reply.status, &**reply.body), (200, &b"{}"[..]));
    assert!(server.heard()[0].starts_with("POST /oauth/v2/token HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_unknown_authority_is_not() {
    let unknown = Authority::named("another authority").server("127.0.0.1");
    let reason = distrust(unknown, Authority::new().roots()).await;
    assert_eq!(reason, "its issuer is not among the trusted authorities");
}

#[tokio::test]
async fn an_authority_of_the_same_name_is_not_either() {
    let reason = distrust(
        Authority::new().server("127.0.0.1"),
        Authority::new().roots(),
    )
    .await;
    assert_eq!(
        reason,
        "a trusted authority of its issuer's name has another key"
    );
}

#[tokio::test]
async fn the_systems_roots_do_not_know_it_either() {
    let reason = distrust(Authority::new().server("127.0.0.1"), Roots::System).await;
    assert_eq!(reason, "its issuer is not among the trusted authorities");
}

#[tokio::test]
async fn another_host_name_is_not_trusted() {
    let authority = Authority::new();
    let reason = distrust(authority.server("accounts.zoho.eu"), authority.roots()).await;
    assert_eq!(reason, "it is for another host name");
}

#[tokio::test]
async fn an_authority_is_no_server() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    let roots = Roots::Pem(own.pem().into());
    let reason = distrust(shown(own.der().clone(), &key), roots).await;
    assert!(reason.starts_with("it is an authority's own"), "{reason}");
}

#[tokio::test]
async fn an_expired_certificate_is_not_trusted() {
    let authority = Authority::new();
    let reason = distrust(authority.server_until("127.0.0.1", 2001), authority.roots()).await;
    assert_eq!(reason, "it has expired");
}

#[tokio::test]
async fn a_cut_handshake_may_be_tried_again() {
    let server = Server::play(vec![Step::Overhear]);
    let error = refusal(&server, Authority::new().roots()).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_server_without_tls_may_not() {
    let server = Server::play(vec![say("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Hold]);
    let error = refusal(&server, Authority::new().roots()).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn roots_that_cannot_be_read_are_named() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    for pem in [Vec::new(), b"no PEM".to_vec(), broken] {
        let server = Server::play(vec![Step::Hold]);
        let error = refusal(&server, Roots::Pem(pem.into())).await;
        assert!(matches!(error, ConnectError::BadRoots { .. }), "{error:?}");
        assert!(!error.is_transient());
    }
}
