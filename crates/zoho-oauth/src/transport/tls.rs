//! TLS by rustls with the ring provider, given explicitly so that no process-wide choice is needed.

use std::io;
use std::sync::{Arc, OnceLock};

use http::Uri;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::config::Roots;
use super::dial::host_of;
use super::error::ConnectError;

/// How many bytes of certificates are few: some five of them.
const FEW: usize = 8 * 1024;

/// The TLS settings, made when they are first needed.
pub(crate) struct Tls {
    roots: Arc<Roots>,
    resumption: Resumption,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    pub(crate) fn new(roots: Roots, resumption: Resumption) -> Self {
        Self {
            roots: Arc::new(roots),
            resumption,
            config: Arc::default(),
        }
    }

    /// Begins to read the roots in a thread of their own, unless they are there or take no time.
    pub(crate) fn load(
        &self,
    ) -> impl Future<Output = Result<Arc<ClientConfig>, ConnectError>> + use<> {
        let (roots, config) = (Arc::clone(&self.roots), Arc::clone(&self.config));
        let resumption = self.resumption.clone();
        let takes_time = config.get().is_none() && !are_few(&roots);
        let loading = takes_time.then(|| {
            let (roots, resumption) = (Arc::clone(&roots), resumption.clone());
            tokio::task::spawn_blocking(move || client_config(&roots, resumption))
        });
        async move {
            if let Some(config) = config.get() {
                return Ok(Arc::clone(config));
            }
            let loaded = match loading {
                Some(loading) => loading.await.map_err(bad_roots)??,
                None => client_config(&roots, resumption)?,
            };
            Ok(Arc::clone(config.get_or_init(|| Arc::new(loaded))))
        }
    }
}

/// Tells whether roots are read sooner than a thread is started.
fn are_few(roots: &Roots) -> bool {
    matches!(roots, Roots::Pem(pem) if pem.len() <= FEW)
}

/// Shakes hands; a certificate that is not trusted is an error of its own.
pub(crate) async fn handshake(
    tcp: TcpStream,
    origin: &Uri,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let host = host_of(origin);
    let name = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name = ServerName::try_from(name).map_err(|_| ConnectError::InvalidOrigin)?;
    let connected = TlsConnector::from(config).connect(name, tcp).await;
    connected.map_err(|error| match reason_of(&error) {
        Some(reason) => ConnectError::Untrusted { host, reason },
        None => ConnectError::Tls {
            host,
            source: error,
        },
    })
}

fn client_config(roots: &Roots, resumption: Resumption) -> Result<ClientConfig, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        // Unwrap safety: the provider is ring's own, which has suites for both protocol versions.
        .expect("ring has TLS 1.2 and 1.3");
    let mut config = match roots {
        Roots::System => {
            let verifier = system_verifier(provider)?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth()
        }
        Roots::Pem(pem) => builder
            .with_root_certificates(root_store(pem)?)
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = resumption;
    Ok(config)
}

fn system_verifier(
    provider: Arc<CryptoProvider>,
) -> Result<Arc<rustls_platform_verifier::Verifier>, ConnectError> {
    rustls_platform_verifier::Verifier::new(provider)
        .map(Arc::new)
        .map_err(bad_roots)
}

fn root_store(pem: &[u8]) -> Result<RootCertStore, ConnectError> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        store
            .add(certificate.map_err(bad_roots)?)
            .map_err(bad_roots)?;
    }
    if store.is_empty() {
        return Err(bad_roots("there is no certificate in PEM form"));
    }
    Ok(store)
}

fn bad_roots(reason: impl ToString) -> ConnectError {
    ConnectError::BadRoots {
        reason: reason.to_string(),
    }
}

/// Returns why the certificate was not trusted; None if that was not what failed.
fn reason_of(error: &io::Error) -> Option<String> {
    use CertificateError as Certificate;
    let certificate = match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(certificate) => certificate,
        rustls::Error::NoCertificatesPresented => return Some("there is none".to_owned()),
        _ => return None,
    };
    Some(match certificate {
        Certificate::UnknownIssuer => "its issuer is not among the trusted authorities".to_owned(),
        Certificate::BadSignature => {
            "a trusted authority of its issuer's name has another key".to_owned()
        }
        Certificate::Expired | Certificate::ExpiredContext { .. } => "it has expired".to_owned(),
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        Certificate::Revoked => "it has been revoked".to_owned(),
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "it is for another host name".to_owned()
        }
        Certificate::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => {
            "it is an authority's own, as which no server may show itself (basicConstraints CA:TRUE)"
                .to_owned()
        }
        other => other.to_string(),
    })
}
