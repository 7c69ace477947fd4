//! A throw-away certificate authority for `--tls`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

use crate::config::StartError;

/// The authority's certificate file and what the data centers need to speak TLS.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) ca_file: PathBuf,
    /// Removes the file when it was ours to choose.
    _temporary: Option<NamedTempFile>,
}

impl Tls {
    /// Makes the authority and a certificate for this machine's names, and writes the authority's as PEM.
    pub(crate) fn make(ca_file: Option<PathBuf>) -> Result<Self, StartError> {
        let (ca_pem, acceptor) = certificates().map_err(StartError::Certificates)?;
        let (ca_file, temporary) = match ca_file {
            Some(path) => (path, None),
            None => temporary_file()?,
        };
        write_pem(&ca_file, &ca_pem).map_err(|source| StartError::CaFile {
            path: ca_file.clone(),
            source,
        })?;
        Ok(Self {
            acceptor,
            ca_file,
            _temporary: temporary,
        })
    }
}

fn temporary_file() -> Result<(PathBuf, Option<NamedTempFile>), StartError> {
    let file = tempfile::Builder::new()
        .prefix("zoho-sim-ca-")
        .suffix(".pem")
        .tempfile()
        .map_err(|source| StartError::CaFile {
            path: std::env::temp_dir(),
            source,
        })?;
    Ok((file.path().to_owned(), Some(file)))
}

fn write_pem(path: &std::path::Path, pem: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(pem.as_bytes())
}

type CertificateError = Box<dyn std::error::Error + Send + Sync>;

fn certificates() -> Result<(String, TlsAcceptor), CertificateError> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority
        .distinguished_name
        .push(DnType::CommonName, "zoho-sim throw-away authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut server = CertificateParams::new(["localhost", "127.0.0.1", "::1"].map(str::to_owned))?;
    server
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    server.use_authority_key_identifier_extension = true;
    let server_key = KeyPair::generate()?;
    let certificate = server.signed_by(&server_key, &issuer)?;

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((
        authority_certificate.pem(),
        TlsAcceptor::from(Arc::new(config)),
    ))
}
