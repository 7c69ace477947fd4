//! The administrator's key: whoever shows it may everything that the JSON API offers.

use std::{fmt, path::Path};

use base64ct::{Base64UrlUnpadded, Encoding};
use evergrant::vault::{key_file, master_key::KeyError};
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How a key begins.
const PREFIX: &str = "eva_";

/// How many random bytes a key has.
const LEN: usize = 32;

/// The administrator's key: `eva_` and 43 letters, digits, dashes and underscores.
#[derive(Clone)]
pub struct AdminKey(SecretString);

impl AdminKey {
    /// Reads the key from a file that only its owner can read; makes it if it is not there.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or made, others can read it, or what is in it is no key.
    pub fn read_or_make(path: &Path, rng: &mut dyn CryptoRng) -> Result<Self, KeyError> {
        match Self::read(path) {
            Err(KeyError::Missing { .. }) => {}
            read => return read,
        }
        key_file::make(path, Self::generate(rng).expose_secret())?;
        Self::read(path)
    }

    /// Reads the key from a file that only its owner can read.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, others can read it, or what is in it is no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        Self::parse(&key_file::read(path)?, path)
    }

    /// Makes a new key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; LEN]);
        rng.fill_bytes(&mut *bytes);
        let digits = Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes));
        Self(format!("{PREFIX}{}", *digits).into())
    }

    /// Returns the key, to be shown.
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }

    /// Takes a text for the key; `path` says in errors where it stood.
    ///
    /// # Errors
    ///
    /// If it is no key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, KeyError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; LEN]);
        let digits = text.strip_prefix(PREFIX).unwrap_or_default();
        match Base64UrlUnpadded::decode(digits, &mut *bytes) {
            Ok(decoded) if decoded.len() == LEN => Ok(Self(text.into())),
            _ => Err(KeyError::NotAKey {
                origin: path.display().to_string(),
                kind: "an admin key",
            }),
        }
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey([redacted])")
    }
}

/// Tells whether a text looks like a key, right or wrong.
pub(crate) fn looks_like_one(text: &str) -> bool {
    text.contains(PREFIX)
}

/// By what the server knows the key again: it keeps no key in memory.
#[derive(Clone)]
pub(crate) struct AdminKeyHash([u8; 32]);

impl AdminKeyHash {
    pub(crate) fn of(key: &AdminKey) -> Self {
        Self(hash(key.expose_secret()))
    }

    /// Tells in constant time whether this is the key.
    pub(crate) fn is(&self, shown: &str) -> bool {
        self.0.ct_eq(&hash(shown)).into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_made_key_is_read_back_and_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        let read = |seed| AdminKey::read_or_make(&path, &mut StdRng::seed_from_u64(seed)).unwrap();
        let (made, again) = (read(1), read(2));
        assert_eq!(made.expose_secret(), again.expose_secret());
        let known = AdminKeyHash::of(&made);
        assert!(known.is(again.expose_secret()));
        for wrong in ["", "eva_", &made.expose_secret()[1..]] {
            assert!(!known.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{made:?}"), "AdminKey([redacted])");
    }

    #[test]
    fn what_is_no_key_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.key");
        for wrong in ["eva_canary", "canary", ""] {
            let _ = std::fs::remove_file(&path);
            key_file::make(&path, wrong).unwrap();
            let refused = AdminKey::read_or_make(&path, &mut StdRng::seed_from_u64(1));
            let said = refused.unwrap_err().to_string();
            assert!(said.ends_with("does not hold an admin key"), "{said}");
            assert!(!said.contains("canary"), "{said}");
        }
    }
}
