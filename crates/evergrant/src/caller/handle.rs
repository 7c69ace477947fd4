//! Handles: what callers hold in the place of a refresh token.

use std::fmt;

use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What every handle has behind its `1000.`: by it a scanner for secrets knows one,
/// `1000\.e7e69a47[0-9a-f]{24}\.[0-9a-f]{32}`.
pub const HANDLE_MARKER: &str = "e7e69a47";

const START: &str = "1000.";
const ID_LEN: usize = 16;
const CHECKSUM_LEN: usize = 8;
const SECRET_LEN: usize = 32;

/// A handle, in the shape of Zoho's refresh tokens: `1000.`, then 32 hexadecimal digits for [`HANDLE_MARKER`], id
/// and checksum, a dot, and 32 more for 128 random bits. The checksum begins the SHA-256 of marker, id and secret:
/// it tells a mistyped handle from one that was revoked, and proves nothing.
#[derive(Clone)]
pub struct Handle {
    id: HandleId,
    text: SecretString,
}

impl Handle {
    /// Makes a handle of this id.
    pub(super) fn generate(id: HandleId, rng: &mut dyn CryptoRng) -> Self {
        let mut random = Zeroizing::new([0; SECRET_LEN / 2]);
        rng.fill_bytes(&mut *random);
        let secret = Zeroizing::new(base16ct::lower::encode_string(&*random));
        let id_text = id.to_string();
        let checksum = checksum(id_text.as_bytes(), secret.as_bytes());
        // Unwrap safety: hexadecimal digits are text.
        let checksum = std::str::from_utf8(&checksum).expect("hexadecimal");
        let text = format!("{START}{HANDLE_MARKER}{id_text}{checksum}.{}", &*secret);
        Self {
            id,
            text: text.into(),
        }
    }

    /// Reads a handle; `None` if the text is none, as every refresh token of Zoho's.
    pub fn parse(text: &str) -> Option<Self> {
        let id = HandleId::of(text)?;
        Some(Self {
            id,
            text: text.into(),
        })
    }

    /// Returns its id, which is no secret.
    pub fn id(&self) -> HandleId {
        self.id
    }

    /// Returns the handle itself, to be shown once or sent, and nothing else.
    pub fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle([redacted])")
    }
}

/// What a handle is called: 16 hexadecimal digits that stand in it and stay when it is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandleId([u8; ID_LEN / 2]);

impl HandleId {
    pub(super) fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut bytes = [0; ID_LEN / 2];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads the id out of a handle; `None` if the text is none.
    pub(super) fn of(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(START)?.strip_prefix(HANDLE_MARKER)?;
        let (id, rest) = rest.as_bytes().split_at_checked(ID_LEN)?;
        let (sum, rest) = rest.split_at_checked(CHECKSUM_LEN)?;
        let secret = rest.strip_prefix(b".")?;
        let whole = secret.len() == SECRET_LEN && secret.iter().all(is_lower_hex);
        (whole && sum == checksum(id, secret)).then(|| Self::decode(id))?
    }

    /// Reads an id that stands alone, as in the vault.
    pub fn parse(text: &str) -> Option<Self> {
        Self::decode(text.as_bytes())
    }

    pub(super) fn from_bytes(bytes: [u8; ID_LEN / 2]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; ID_LEN / 2] {
        &self.0
    }

    fn decode(hex: &[u8]) -> Option<Self> {
        let mut bytes = [0; ID_LEN / 2];
        let decoded = base16ct::lower::decode(hex, &mut bytes).ok()?;
        (decoded.len() == ID_LEN / 2).then_some(Self(bytes))
    }
}

impl fmt::Display for HandleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

fn is_lower_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn checksum(id: &[u8], secret: &[u8]) -> [u8; CHECKSUM_LEN] {
    let hash = Sha256::new()
        .chain_update(HANDLE_MARKER)
        .chain_update(id)
        .chain_update(secret)
        .finalize();
    let mut sum = [0; CHECKSUM_LEN];
    // Unwrap safety: eight digits hold four bytes.
    base16ct::lower::encode(&hash[..CHECKSUM_LEN / 2], &mut sum).expect("four bytes");
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn handle(seed: u64) -> Handle {
        let mut rng = StdRng::seed_from_u64(seed);
        Handle::generate(HandleId::generate(&mut rng), &mut rng)
    }

    #[test]
    fn a_handle_has_the_shape_of_zohos_refresh_tokens() {
        let handle = handle(1);
        let parts: Vec<&str> = handle.expose_secret().split('.').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [4, 32, 32]
        );
        assert!(parts[1].starts_with(HANDLE_MARKER));
        assert!(
            parts[1..]
                .iter()
                .all(|part| part.bytes().all(|b| is_lower_hex(&b)))
        );
        assert!(handle.expose_secret().contains(&handle.id().to_string()));
    }

    #[test]
    fn debug_hides_it() {
        let handle = handle(2);
        assert_eq!(format!("{handle:?}"), "Handle([redacted])");
    }

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = handle(3).id();
        assert_eq!(HandleId::parse(&id.to_string()), Some(id));
        for bad in [
            "",
            "0f",
            "0F0f0f0f0f0f0f0f",
            "0f0f0f0f0f0f0f0f0f",
            "gf0f0f0f0f0f0f0f",
        ] {
            assert_eq!(HandleId::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_made_is_read_and_what_was_mistyped_is_not(
            seed: u64, at in 0..70_usize, typed in "[0-9a-g.]",
        ) {
            let handle = handle(seed);
            let text = handle.expose_secret();
            prop_assert_eq!(Handle::parse(text).map(|read| read.id()), Some(handle.id()));
            let mut mistyped = text.to_owned();
            mistyped.replace_range(at..=at, &typed);
            prop_assert!(mistyped == text || Handle::parse(&mistyped).is_none());
            prop_assert!(Handle::parse(&text[..at]).is_none());
        }

        #[test]
        fn whatever_comes_is_read_without_a_panic(text in "(1000\\.)?(e7e69a47)?.{0,80}") {
            prop_assert!(Handle::parse(&text).is_none());
        }
    }
}
