//! Sealing: how every secret lies in the vault and in escrow.
//!
//! A sealed value is `version(1) ‖ key id(8) ‖ nonce(24) ‖ commitment(32) ‖ ciphertext ‖ tag(16)`.
//! `key ‖ commitment = HKDF-SHA256(master key, salt = nonce, info = "evergrant/seal/v1" ‖ len ‖ label)`
//! ([RFC 5869]), the cipher is [XChaCha20-Poly1305]. The commitment ties a value to one key, which
//! Poly1305 alone does not ("Partitioning Oracle Attacks", USENIX Security 2021). The associated data
//! are the length-prefixed parts of the value's [`Place`]: moved anywhere else, it does not open.
//!
//! [RFC 5869]: https://www.rfc-editor.org/rfc/rfc5869
//! [XChaCha20-Poly1305]: https://datatracker.ietf.org/doc/html/draft-irtf-cfrg-xchacha

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 8;
const NONCE_LEN: usize = 24;
const COMMITMENT_LEN: usize = 32;
const HEADER_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN + COMMITMENT_LEN;

/// How many bytes a sealed value is longer than what it holds.
#[cfg(test)]
pub(crate) const OVERHEAD: usize = HEADER_LEN + 16;

/// The name of a master key: eight bytes derived from it, which tell nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID_LEN]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key of 256 bits that seals and opens; wiped when dropped.
#[derive(Clone)]
pub(crate) struct MasterKey {
    id: KeyId,
    bytes: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    /// Takes the key's bytes.
    pub(crate) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mut id = [0; KEY_ID_LEN];
        derive(&*bytes, None, &[b"evergrant/key-id/v1"], &mut id);
        Self {
            id: KeyId(id),
            bytes,
        }
    }

    /// Makes a new key.
    pub(crate) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self::new(bytes)
    }

    /// Returns the key's id.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the key's bytes, to be written where keys are kept and nowhere else.
    pub(crate) fn expose_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, [redacted])", self.id)
    }
}

/// What a value is sealed for: the vault, the escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Values in the vault's tables.
    Vault,
    /// Contexts and replies in escrow.
    Escrow,
}

impl Label {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Vault => b"vault",
            Self::Escrow => b"escrow",
        }
    }
}

/// Where a sealed value belongs: vault, table, column, row, and every clear value beside it that
/// decides where the secret is sent. It opens there and nowhere else.
#[derive(Clone, Debug)]
pub struct Place {
    label: Label,
    associated: Vec<u8>,
}

impl Place {
    /// Names a place by its parts, in order.
    pub fn new<'a>(label: Label, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut associated = Vec::new();
        for part in parts {
            push_prefixed(&mut associated, part);
        }
        Self { label, associated }
    }
}

/// Why a sealed value did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is none, or was cut short.
    #[error("not a sealed value")]
    Malformed,
    /// A later version of this program sealed it.
    #[error("sealed in a format that this version does not know")]
    UnknownVersion,
    /// The key that sealed it is not at hand.
    #[error("sealed by the master key {0}, which is not at hand")]
    UnknownKey(KeyId),
    /// It was altered, or moved from where it belongs.
    #[error("altered, or moved from the place it was sealed for")]
    Altered,
}

/// The master keys at hand: the first seals, every one opens.
#[derive(Clone, Debug)]
pub struct Keyring {
    first: MasterKey,
    others: Vec<MasterKey>,
}

impl Keyring {
    /// Takes the key that seals, and those that only open.
    pub(crate) fn new(first: MasterKey, others: Vec<MasterKey>) -> Self {
        Self { first, others }
    }

    /// Returns the key that seals.
    pub(crate) fn sealing_key(&self) -> &MasterKey {
        &self.first
    }

    /// Seals `secret` to its place with the first key.
    pub(crate) fn seal(&self, place: &Place, secret: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        seal_with(&self.first, place, secret, nonce)
    }

    /// Opens a sealed value at its place with the key that it names.
    ///
    /// # Errors
    ///
    /// If it is no sealed value, was altered or moved, or if its key is not at hand; see [`OpenError`].
    pub fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&version, rest) = sealed.split_first().ok_or(OpenError::Malformed)?;
        if version != VERSION {
            return Err(OpenError::UnknownVersion);
        }
        let (id, rest) = rest.split_first_chunk().ok_or(OpenError::Malformed)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(OpenError::Malformed)?;
        let (commitment, ciphertext) = rest
            .split_first_chunk::<COMMITMENT_LEN>()
            .ok_or(OpenError::Malformed)?;
        let key = self
            .key(KeyId(*id))
            .ok_or(OpenError::UnknownKey(KeyId(*id)))?;

        let derived = Derived::new(key, place.label, nonce);
        if !bool::from(derived.commitment().ct_eq(commitment)) {
            return Err(OpenError::Altered);
        }
        let payload = Payload {
            msg: ciphertext,
            aad: &place.associated,
        };
        let opened = derived.cipher().decrypt(&XNonce::from(*nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| OpenError::Altered)
    }

    fn key(&self, id: KeyId) -> Option<&MasterKey> {
        std::iter::once(&self.first)
            .chain(&self.others)
            .find(|key| key.id == id)
    }
}

fn seal_with(key: &MasterKey, place: &Place, secret: &[u8], nonce: [u8; NONCE_LEN]) -> Vec<u8> {
    let derived = Derived::new(key, place.label, &nonce);
    let payload = Payload {
        msg: secret,
        aad: &place.associated,
    };
    // Unwrap safety: encryption fails only past 256 GiB.
    let ciphertext = derived
        .cipher()
        .encrypt(&XNonce::from(nonce), payload)
        .expect("short");
    let mut sealed = Vec::with_capacity(HEADER_LEN + ciphertext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&key.id.0);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(derived.commitment());
    sealed.extend_from_slice(&ciphertext);
    sealed
}

/// The key and the commitment of one value.
struct Derived(Zeroizing<[u8; 64]>);

impl Derived {
    fn new(key: &MasterKey, label: Label, nonce: &[u8; NONCE_LEN]) -> Self {
        let mut info = Vec::new();
        push_prefixed(&mut info, label.as_bytes());
        let mut output = Zeroizing::new([0; 64]);
        derive(
            &*key.bytes,
            Some(nonce),
            &[b"evergrant/seal/v1", &info],
            &mut *output,
        );
        Self(output)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&self.0[..32]);
        XChaCha20Poly1305::new((&*key).into())
    }

    fn commitment(&self) -> &[u8] {
        &self.0[32..]
    }
}

pub(super) fn derive(secret: &[u8], salt: Option<&[u8]>, info: &[&[u8]], output: &mut [u8]) {
    // Unwrap safety: HKDF-SHA256 yields up to 8,160 bytes; we ask for 64 at most.
    Hkdf::<Sha256>::new(salt, secret)
        .expand_multi_info(info, output)
        .expect("short output");
}

fn push_prefixed(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&prefix(part));
    bytes.extend_from_slice(part);
}

/// Returns what stands before a part of a message: its length.
pub(super) fn prefix(part: &[u8]) -> [u8; 4] {
    // Unwrap safety: parts are names, ids, tokens and host names.
    let len = u32::try_from(part.len()).expect("a part is far below 4 GiB");
    len.to_be_bytes()
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
