//! Proxy tokens: what a proxied caller gets as access token. Nothing of them is stored.

use std::{fmt, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{caller::HandleId, clock::Timestamp, vault::IndexKey};

/// What every proxy token begins with.
pub const PROXY_TOKEN_PREFIX: &str = "evp_";

const ID_LEN: usize = 8;
const EPOCH_LEN: usize = 4;
const EXPIRES_LEN: usize = 8;
const CLAIMS_LEN: usize = ID_LEN + EPOCH_LEN + EXPIRES_LEN;
const MAC_LEN: usize = 16;

/// An access token that works only at Evergrant's server: `evp_`, then handle, epoch, end in seconds since 1970 and
/// 16 bytes of their keyed hash, in base64url.
#[derive(Clone)]
pub struct ProxyToken(SecretString);

impl ProxyToken {
    /// Returns the token itself, to be sent and nothing else.
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ProxyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyToken([redacted])")
    }
}

/// What a proxy token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) handle_id: HandleId,
    pub(super) epoch: u32,
    /// To the second.
    pub(super) expires: Timestamp,
}

/// The key of all proxy tokens of a vault.
#[derive(Clone, Debug)]
pub(super) struct ProxyTokenKey(IndexKey);

impl ProxyTokenKey {
    pub(super) fn of(index_key: &IndexKey) -> Self {
        Self(index_key.subkey("proxy token"))
    }

    pub(super) fn issue(&self, claims: &Claims) -> ProxyToken {
        let mut bytes = [0; CLAIMS_LEN + MAC_LEN];
        let (clear, mac) = bytes.split_at_mut(CLAIMS_LEN);
        clear.copy_from_slice(&claims.to_bytes());
        mac.copy_from_slice(&self.mac(clear));
        let text = format!(
            "{PROXY_TOKEN_PREFIX}{}",
            Base64UrlUnpadded::encode_string(&bytes)
        );
        ProxyToken(text.into())
    }

    /// Reads a token; `None` if it was not made with this key.
    pub(super) fn open(&self, token: &str) -> Option<Claims> {
        let text = token.strip_prefix(PROXY_TOKEN_PREFIX)?;
        let mut bytes = [0; CLAIMS_LEN + MAC_LEN];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (clear, mac) = decoded.split_first_chunk::<CLAIMS_LEN>()?;
        bool::from(self.mac(clear).ct_eq(mac)).then(|| Claims::from_bytes(clear))
    }

    fn mac(&self, claims: &[u8]) -> [u8; MAC_LEN] {
        let whole = self.0.fingerprint("proxy_token", &[claims]);
        let mut mac = [0; MAC_LEN];
        mac.copy_from_slice(&whole.as_bytes()[..MAC_LEN]);
        mac
    }
}

impl Claims {
    /// Says that a handle's token works until `expires`, to the second below.
    pub(super) fn new(handle_id: HandleId, epoch: u32, expires: Timestamp) -> Self {
        Self {
            handle_id,
            epoch,
            expires: Timestamp::from_millis(expires.as_millis().div_euclid(1000) * 1000),
        }
    }

    fn to_bytes(self) -> [u8; CLAIMS_LEN] {
        let mut bytes = [0; CLAIMS_LEN];
        let (id, rest) = bytes.split_at_mut(ID_LEN);
        let (epoch, expires) = rest.split_at_mut(EPOCH_LEN);
        id.copy_from_slice(self.handle_id.as_bytes());
        epoch.copy_from_slice(&self.epoch.to_be_bytes());
        expires.copy_from_slice(&self.expires.as_millis().div_euclid(1000).to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; CLAIMS_LEN]) -> Self {
        let (mut id, mut epoch, mut expires) = ([0; ID_LEN], [0; EPOCH_LEN], [0; EXPIRES_LEN]);
        id.copy_from_slice(&bytes[..ID_LEN]);
        epoch.copy_from_slice(&bytes[ID_LEN..ID_LEN + EPOCH_LEN]);
        expires.copy_from_slice(&bytes[ID_LEN + EPOCH_LEN..]);
        let seconds = i64::from_be_bytes(expires).max(0).unsigned_abs();
        Self {
            handle_id: HandleId::from_bytes(id),
            epoch: u32::from_be_bytes(epoch),
            expires: Timestamp::from_millis(0).plus(Duration::from_secs(seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> ProxyTokenKey {
        ProxyTokenKey::of(&IndexKey::from_bytes(&[byte; 32]).unwrap())
    }

    fn claims(id: [u8; 8], epoch: u32, seconds: u32) -> Claims {
        let expires = Timestamp::from_millis(i64::from(seconds) * 1000);
        Claims::new(HandleId::from_bytes(id), epoch, expires)
    }

    #[test]
    fn debug_hides_it_and_another_vault_does_not_know_it() {
        let token = key(7).issue(&claims([1; 8], 0, 9));
        assert_eq!(format!("{token:?}"), "ProxyToken([redacted])");
        assert!(!format!("{:?}", key(7)).contains('7'));
        assert_eq!(key(8).open(token.expose_secret()), None);
        assert_eq!(token.expose_secret().len(), 4 + 48);
    }

    proptest! {
        #[test]
        fn a_token_says_what_was_put_in_and_an_altered_one_nothing(
            id: [u8; 8], epoch: u32, seconds: u32, at in 4..52_usize, typed in "[A-Za-z0-9_=-]",
        ) {
            let claims = claims(id, epoch, seconds);
            let token = key(7).issue(&claims);
            let text = token.expose_secret();
            prop_assert_eq!(key(7).open(text), Some(claims));
            let mut altered = text.to_owned();
            altered.replace_range(at..=at, &typed);
            prop_assert!(altered == text || key(7).open(&altered).is_none());
            prop_assert!(key(7).open(&text[..at]).is_none());
        }

        #[test]
        fn whatever_comes_is_read_without_a_panic(text in "(evp_)?.{0,80}") {
            prop_assert_eq!(key(7).open(&text), None);
        }
    }
}
