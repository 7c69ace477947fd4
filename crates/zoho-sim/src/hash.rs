//! Hashes, so that the list of requests can name tokens without holding them.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of a token in lower-case hex.
pub(crate) fn sha256_hex(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// Returns bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
