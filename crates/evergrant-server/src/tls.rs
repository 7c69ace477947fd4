//! The server's TLS identity.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::config::TlsFiles;

/// Why a TLS identity cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds something else.
    #[error("cannot read {}: {reason}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file holds no certificate.
    #[error("there is no certificate in {}", path.display())]
    NoCertificate {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A file holds no private key.
    #[error("there is no private key in {}", path.display())]
    NoKey {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The key is another certificate's.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: std::path::PathBuf,
        /// The key's file.
        key: std::path::PathBuf,
    },
    /// Certificate and key cannot be used.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// Reads certificate and key, for HTTP/2 and HTTP/1.1.
pub(crate) fn load(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let unreadable =
        |path: &std::path::Path, error: rustls::pki_types::pem::Error| TlsError::File {
            path: path.to_owned(),
            reason: error.to_string(),
        };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&files.certificate, error))?;
    if chain.is_empty() {
        let path = files.certificate.clone();
        return Err(TlsError::NoCertificate { path });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => TlsError::NoKey {
            path: files.key.clone(),
        },
        error => unreadable(&files.key, error),
    })?;
    let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::KeyMismatch {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            },
            error => error.into(),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn load(certificate: &str, key: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        match super::load(&files) {
            Ok(_) => "loaded".to_owned(),
            Err(error) => error
                .to_string()
                .replace(&format!("{}/", folder.path().display()), ""),
        }
    }

    #[test]
    fn an_identity_that_cannot_be_used_is_refused_by_the_name_of_its_file() {
        let made = |_| rcgen::generate_simple_self_signed(vec!["zoho.internal".to_owned()]);
        let [one, other] = [0, 1].map(made).map(Result::unwrap);
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert_eq!(load(&certificate, &key), "loaded");
        assert_eq!(load(&key, &key), "there is no certificate in cert.pem");
        assert_eq!(
            load(&certificate, &certificate),
            "there is no private key in key.pem"
        );
        assert_eq!(
            load(&certificate, &other.signing_key.serialize_pem()),
            "the key in key.pem is not that of the certificate in cert.pem"
        );
    }
}
