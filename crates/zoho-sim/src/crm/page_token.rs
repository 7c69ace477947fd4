//! Page tokens: where a list goes on, bound to its parameters and its user.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::error::CrmError;
use crate::clock::Millis;
use crate::hash::sha256_hex;

/// Source: <https://github.com/zoho/crm-oas>
const LIFE: Millis = 24 * 60 * 60 * 1000;

/// Where a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageToken {
    pub(crate) offset: usize,
    pub(crate) expires_at: Millis,
    /// Fingerprint of what the token is bound to.
    bound_to: String,
}

impl PageToken {
    pub(crate) fn new(offset: usize, now: Millis, bound_to: &str) -> Self {
        Self {
            offset,
            expires_at: now.saturating_add(LIFE),
            bound_to: fingerprint(bound_to),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!(
            "{}.{}.{}",
            self.offset, self.expires_at, self.bound_to
        ))
    }

    /// Reads a token that must be alive and bound to the same parameters and user.
    pub(crate) fn read(text: &str, now: Millis, bound_to: &str) -> Result<Self, CrmError> {
        let token = Self::parse(text).ok_or_else(|| CrmError::pattern_not_matched("page_token"))?;
        if token.bound_to != fingerprint(bound_to) {
            let message = "the parameters differ from those that the page token was made for";
            return Err(CrmError::bad(
                "TOKEN_BOUND_DATA_MISMATCH",
                message,
                json!({"param": "page_token"}),
            ));
        }
        if token.expires_at <= now {
            return Err(CrmError::bad(
                "EXPIRED_VALUE",
                "the page token has expired",
                json!({"param": "page_token"}),
            ));
        }
        Ok(token)
    }

    fn parse(text: &str) -> Option<Self> {
        let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = decoded.split('.');
        let (offset, expires_at) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self {
            offset,
            expires_at,
            bound_to: parts.next()?.to_owned(),
        })
    }
}

fn fingerprint(text: &str) -> String {
    sha256_hex(text)[..16].to_owned()
}
