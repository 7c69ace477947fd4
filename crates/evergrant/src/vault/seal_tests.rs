use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;

use super::*;

/// One line of `seal_vectors.json`, which libsodium and Python's hmac wrote: no code is shared.
#[derive(Deserialize)]
struct Vector {
    master: String,
    key_id: String,
    nonce: String,
    label: String,
    place: Vec<String>,
    secret: String,
    sealed: String,
}

fn bytes(hex: &str) -> Vec<u8> {
    base16ct::lower::decode_vec(hex).unwrap()
}

fn key(fill: u8) -> MasterKey {
    MasterKey::new(Zeroizing::new([fill; 32]))
}

fn place(row: &str) -> Place {
    Place::new(
        Label::Vault,
        [b"vault-id".as_slice(), b"connections", row.as_bytes()],
    )
}

#[test]
fn vectors_of_another_implementation_agree() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("seal_vectors.json")).unwrap();
    assert!(vectors.len() >= 3);
    for vector in vectors {
        let master: [u8; 32] = bytes(&vector.master).try_into().unwrap();
        let key = MasterKey::new(Zeroizing::new(master));
        assert_eq!(key.id().to_string(), vector.key_id);
        let label = if vector.label == "vault" {
            Label::Vault
        } else {
            Label::Escrow
        };
        let place = Place::new(label, vector.place.iter().map(String::as_bytes));
        let nonce = bytes(&vector.nonce).try_into().unwrap();

        let sealed = seal_with(&key, &place, vector.secret.as_bytes(), nonce);
        assert_eq!(sealed, bytes(&vector.sealed));
        let opened = Keyring::new(key, Vec::new()).open(&place, &sealed).unwrap();
        assert_eq!(*opened, vector.secret.as_bytes());
    }
}

#[test]
fn a_value_that_was_moved_does_not_open() {
    let keyring = Keyring::new(key(1), Vec::new());
    let sealed = keyring.seal(&place("a"), b"secret", &mut StdRng::seed_from_u64(1));
    assert_eq!(keyring.open(&place("b"), &sealed), Err(OpenError::Altered));
    let escrow = Place {
        label: Label::Escrow,
        ..place("a")
    };
    assert_eq!(keyring.open(&escrow, &sealed), Err(OpenError::Altered));
}

#[test]
fn every_key_opens_and_the_first_seals() {
    let mut rng = StdRng::seed_from_u64(2);
    let sealed = Keyring::new(key(1), Vec::new()).seal(&place("a"), b"secret", &mut rng);
    let both = Keyring::new(key(2), vec![key(1)]);
    assert_eq!(*both.open(&place("a"), &sealed).unwrap(), b"secret");
    let newer = both.seal(&place("a"), b"secret", &mut rng);
    let without = Keyring::new(key(1), Vec::new()).open(&place("a"), &newer);
    assert_eq!(without, Err(OpenError::UnknownKey(key(2).id())));
}

#[test]
fn nothing_secret_is_shown() {
    let keyring = Keyring::new(key(0xAB), Vec::new());
    let shown = format!("{keyring:?}");
    assert!(
        !shown.contains("171") && !shown.to_lowercase().contains("abab"),
        "{shown}"
    );
    assert!(shown.contains("[redacted]"));
}

proptest! {
    #[test]
    fn what_was_sealed_opens(secret: Vec<u8>, seed: u64) {
        let keyring = Keyring::new(key(1), Vec::new());
        let sealed = keyring.seal(&place("a"), &secret, &mut StdRng::seed_from_u64(seed));
        prop_assert_eq!(sealed.len(), secret.len() + OVERHEAD);
        prop_assert_eq!(&*keyring.open(&place("a"), &sealed).unwrap(), &secret);
    }

    #[test]
    fn one_changed_bit_is_seen(secret: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
        let keyring = Keyring::new(key(1), Vec::new());
        let mut sealed = keyring.seal(&place("a"), &secret, &mut StdRng::seed_from_u64(1));
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(keyring.open(&place("a"), &sealed).is_err());
    }

    #[test]
    fn rubbish_is_refused(rubbish: Vec<u8>) {
        prop_assert!(Keyring::new(key(1), Vec::new()).open(&place("a"), &rubbish).is_err());
    }
}
