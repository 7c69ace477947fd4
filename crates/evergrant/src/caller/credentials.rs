//! What callers show who they are by: made here, and kept only as keyed hashes.

use rand::CryptoRng;
use zeroize::Zeroizing;
use zoho_oauth::{ClientId, ClientSecret};

use super::Handle;
use crate::vault::{Fingerprint, IndexKey};

/// How many letters and digits follow the `1000.` of a client ID, as in Zoho's.
const CLIENT_ID_LEN: usize = 30;

/// How many random bytes a client secret has; each is two of its digits.
const CLIENT_SECRET_LEN: usize = 21;

/// Makes a client ID: `1000.` and 30 capitals and digits.
pub(super) fn new_client_id(rng: &mut dyn CryptoRng) -> ClientId {
    const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut text = "1000.".to_owned();
    while text.len() < "1000.".len() + CLIENT_ID_LEN {
        let mut byte = [0];
        rng.fill_bytes(&mut byte);
        // 252 is the last multiple of 36 that a byte reaches: each letter is as likely as the others.
        if byte[0] < 252 {
            text.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    // Unwrap safety: the text was made in the shape that is asked for.
    text.parse().expect("a client ID")
}

/// Makes a client secret: 42 hexadecimal digits.
pub(super) fn new_client_secret(rng: &mut dyn CryptoRng) -> ClientSecret {
    let mut bytes = Zeroizing::new([0; CLIENT_SECRET_LEN]);
    rng.fill_bytes(&mut *bytes);
    ClientSecret::new(base16ct::lower::encode_string(&*bytes))
}

/// Returns what is kept of a client secret.
pub(super) fn secret_hash(key: &IndexKey, secret: &str) -> Fingerprint {
    key.fingerprint("caller_secret", &[secret.as_bytes()])
}

/// Returns what is kept of a handle, or of the refresh token that serves an adopted caller as one.
pub(super) fn handle_hash(key: &IndexKey, handle: &str) -> Fingerprint {
    key.fingerprint("caller_handle", &[handle.as_bytes()])
}

/// Returns what is kept of a handle that was made here.
pub(super) fn hash_of(key: &IndexKey, handle: &Handle) -> Fingerprint {
    handle_hash(key, handle.expose_secret())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn client_ids_and_secrets_look_like_zohos() {
        let mut rng = StdRng::seed_from_u64(5);
        let (id, secret) = (new_client_id(&mut rng), new_client_secret(&mut rng));
        let rest = id.as_str().strip_prefix("1000.").unwrap();
        let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        assert!(rest.len() == 30 && rest.chars().all(letter), "{id}");
        let secret = secret.expose_secret();
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        assert!(secret.len() == 42 && secret.chars().all(digit));
        assert_ne!(id, new_client_id(&mut rng));
    }

    #[test]
    fn a_secret_is_not_known_by_the_hash_of_a_handle() {
        let key = IndexKey::from_bytes(&[7; 32]).unwrap();
        assert_ne!(secret_hash(&key, "x"), handle_hash(&key, "x"));
    }
}
