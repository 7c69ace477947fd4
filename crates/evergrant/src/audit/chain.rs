//! The hash of a row: every column of it, and the hash of the row before.

use crate::vault::{Fingerprint, IndexKey};

/// What stands in the place of the previous hash in the first row.
pub(super) const START: [u8; 32] = [0; 32];

/// Tells this key from every other that comes of the index key.
const LABEL: &str = "evergrant/audit/v1";

/// A row as it is hashed. Texts are bytes, for what somebody else wrote may be no text.
pub(super) struct Row<'a> {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) event: &'a [u8],
    pub(super) actor: &'a [u8],
    pub(super) connection_id: Option<&'a [u8]>,
    pub(super) caller_id: Option<&'a [u8]>,
    pub(super) detail: &'a [u8],
    pub(super) previous_hash: &'a [u8],
}

impl Row<'_> {
    /// Returns the hash that belongs to this row.
    pub(super) fn hash(&self, key: &IndexKey) -> Fingerprint {
        let (seq, at) = (self.seq.to_be_bytes(), self.at.to_be_bytes());
        let [connection_given, connection_id] = optional(self.connection_id);
        let [caller_given, caller_id] = optional(self.caller_id);
        let parts = [
            &seq,
            &at,
            self.event,
            self.actor,
            connection_given,
            connection_id,
            caller_given,
            caller_id,
            self.detail,
            self.previous_hash,
        ];
        key.fingerprint("row", &parts)
    }
}

/// Returns the key of the chain.
pub(super) fn key(index_key: &IndexKey) -> IndexKey {
    index_key.subkey(LABEL)
}

/// Tells nothing from an empty text.
fn optional(value: Option<&[u8]>) -> [&[u8]; 2] {
    value.map_or([b"-", b""], |value| [b"+", value])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anchors are kept for years: the hash was computed once by other means, and stays.
    #[test]
    fn the_hash_of_a_row_stays_the_same() {
        let key = key(&IndexKey::from_bytes(&[7; 32]).unwrap());
        let row = Row {
            seq: 12,
            at: 1_800_000_000_000,
            event: b"state_changed",
            actor: b"uid 1000",
            connection_id: Some(b"an-id"),
            caller_id: None,
            detail: b"healthy -> throttled: Access Denied",
            previous_hash: &START,
        };
        let hash = base16ct::lower::encode_string(row.hash(&key).as_bytes());
        assert_eq!(
            hash,
            "7b1c5893ac104e0caa933b6332e6f2a687417e66ef81e88fe4842a418535a04b"
        );
    }
}
