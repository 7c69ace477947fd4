//! The name of a request in the logs of the caller, of this server and of Zoho.

use std::{
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field that holds it.
pub(super) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest that is taken from a caller.
const LONGEST: usize = 64;

/// Makes names for requests that bring none.
pub(super) struct RequestIds {
    /// Tells this process from others.
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(process: u64) -> Self {
        Self {
            process,
            next: AtomicU64::new(0),
        }
    }

    /// Returns the caller's name for a request if it is harmless, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(&REQUEST_ID) {
            Some(given) if is_harmless(given.as_bytes()) => given.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = [0; 33];
        // Unwrap safety: two numbers of 16 digits and a dash are 33 bytes, and all of them are ASCII.
        write!(&mut text[..], "{:016x}-{number:016x}", self.process).expect("33 bytes");
        HeaderValue::from_bytes(&text).expect("digits")
    }
}

/// Says whether a text may stand in a log: no token, whose parts have dots between them, and no tricks.
fn is_harmless(text: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&text.len()) && text.iter().all(allowed) && !text.starts_with(b"evp_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmless_name_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new(0xab);
        let of = |given: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(&REQUEST_ID, HeaderValue::from_static(given));
            ids.of(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(of("7a9c-b_1"), "7a9c-b_1");
        assert_eq!(of("1000.ab.cd"), "00000000000000ab-0000000000000000");
        for bad in ["", "a b", "a\tb", "evp_abc", "x\"y"] {
            assert!(of(bad).starts_with("00000000000000ab-"), "{bad}");
        }
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
