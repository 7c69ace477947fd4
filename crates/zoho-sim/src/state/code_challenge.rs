//! PKCE: proof that who exchanges a grant token is who asked for it.
//! Source: <https://zoho.com/accounts/protocol/oauth/mobile-applications.html> and <https://www.rfc-editor.org/rfc/rfc7636>

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What a code verifier is measured by.
#[derive(Clone, Debug)]
pub(crate) struct CodeChallenge {
    pub(crate) method: Method,
    pub(crate) text: String,
}

/// How a challenge is made from a verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Method {
    #[default]
    S256,
    #[serde(rename = "plain")]
    Plain,
}

impl CodeChallenge {
    /// Returns whether a verifier, 43 to 128 characters long, belongs to the challenge.
    pub(crate) fn is_met_by(&self, verifier: &str) -> bool {
        let made = match self.method {
            Method::S256 => URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())),
            Method::Plain => verifier.to_owned(),
        };
        (43..=128).contains(&verifier.len()) && made == self.text
    }
}
