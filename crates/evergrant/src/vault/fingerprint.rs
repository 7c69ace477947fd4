//! Fingerprints: how the vault knows a token again without opening anything.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::seal::{derive, prefix};

/// A keyed hash of a token: equal for equal tokens, and worth nothing without the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the hash.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Tells in constant time whether it is the same.
    pub(crate) fn is(self, other: Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The key of all fingerprints: random, made with the vault and sealed in it, so that a new master
/// key does not change them.
#[derive(Clone)]
pub(crate) struct IndexKey {
    bytes: Zeroizing<[u8; 32]>,
    /// A hash that has taken in the key, to begin each fingerprint with; a server makes three for each token it
    /// gives. It is wiped on drop as the bytes are.
    keyed: Hmac<Sha256>,
}

impl IndexKey {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        // Unwrap safety: HMAC takes keys of any length.
        let keyed = Hmac::new_from_slice(&*bytes).expect("any");
        Self { bytes, keyed }
    }

    /// Makes a new key.
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self::new(bytes)
    }

    /// Reads an opened key; `None` if it is not 32 bytes long.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        (bytes.len() == key.len()).then(|| key.copy_from_slice(bytes))?;
        Some(Self::new(key))
    }

    /// Returns the key's bytes, to be sealed.
    pub(crate) fn expose_bytes(&self) -> &[u8] {
        &*self.bytes
    }

    /// Returns the key of one purpose alone, `HKDF-SHA256(index key, info = label)`: whoever learns it
    /// knows nothing of the others.
    pub(crate) fn subkey(&self, label: &str) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        derive(&*self.bytes, None, &[label.as_bytes()], &mut *bytes);
        Self::new(bytes)
    }

    /// Returns the keyed hash of `parts`, for one purpose.
    pub(crate) fn fingerprint(&self, purpose: &str, parts: &[&[u8]]) -> Fingerprint {
        let mut mac = self.keyed.clone();
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&prefix(part));
            mac.update(part);
        }
        Fingerprint(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(byte: u8) -> IndexKey {
        IndexKey::from_bytes(&[byte; 32]).unwrap()
    }

    #[test]
    fn purpose_parts_and_key_all_count() {
        let (key, other) = (key_of(7), key_of(8));
        let print = key.fingerprint("grant", &[b"a", b"bc"]);
        assert_eq!(print, key.fingerprint("grant", &[b"a", b"bc"]));
        assert_ne!(print, key.fingerprint("grant", &[b"ab", b"c"]));
        assert_ne!(print, key.fingerprint("token", &[b"a", b"bc"]));
        assert_ne!(print, other.fingerprint("grant", &[b"a", b"bc"]));
    }

    #[test]
    fn a_subkey_is_known_by_its_label_and_its_key() {
        let (key, other) = (key_of(7), key_of(8));
        let subkey = key.subkey("a");
        assert_eq!(subkey.expose_bytes(), key.subkey("a").expose_bytes());
        assert_ne!(subkey.expose_bytes(), key.subkey("b").expose_bytes());
        assert_ne!(subkey.expose_bytes(), other.subkey("a").expose_bytes());
        assert_ne!(subkey.expose_bytes(), key.expose_bytes());
    }

    #[test]
    fn a_key_of_another_length_is_none() {
        assert!(IndexKey::from_bytes(&[7; 31]).is_none());
        assert_eq!(format!("{:?}", key_of(7)), "IndexKey([redacted])");
    }
}
