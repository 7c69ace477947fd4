//! Ids of rows.

use rand::CryptoRng;
use uuid::Builder;

use crate::clock::Timestamp;

/// Makes a UUID of version 7 ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562#section-5.7)):
/// sorted by time, never used again.
pub(crate) fn new_id(now: Timestamp, rng: &mut dyn CryptoRng) -> String {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let millis = now.as_millis().max(0).unsigned_abs();
    Builder::from_unix_timestamp_millis(millis, &random)
        .into_uuid()
        .to_string()
}
