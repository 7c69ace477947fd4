//! Zoho's limits as data: each with its value, the other values that are told of it, and the source.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// A window in which a number of requests is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) requests: u64,
    pub(crate) window_seconds: u64,
}

/// What `GET /limits` says of one limit.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    name: &'static str,
    about: &'static str,
    value: u64,
    alternatives: &'static [u64],
    source: &'static str,
}

macro_rules! limits {
    ($($name:ident: $default:literal or $alternatives:expr, $about:literal, $source:literal;)*) => {
        /// The limits in force.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Limits { $(pub(crate) $name: u64,)* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Returns every limit with its value, alternatives and source.
            pub(crate) fn describe(&self) -> Vec<Described> {
                vec![$(Described {
                    name: stringify!($name), about: $about, value: self.$name, alternatives: &$alternatives, source: $source,
                },)*]
            }

            fn slot(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }

            const NAMES: &[&str] = &[$(stringify!($name),)*];
        }
    };
}

limits! {
    grant_token_seconds: 180 or [300, 420, 600],
        "life of a grant token made in the API console",
        "https://www.bigin.com/developer/docs/apis/self-client-generate-code.html";
    redirect_grant_token_seconds: 120 or [60],
        "life of a grant token that a redirect brings (clients that are no self client)",
        "https://www.zoho.com/accounts/protocol/oauth/web-apps/authorization.html; 60: https://zoho.com/inventory/api/v1/oauth/";
    access_token_seconds: 3600 or [],
        "life of an access token",
        "https://zoho.com/accounts/protocol/oauth/web-apps/access-token-expiry.html";
    grant_tokens: 10 or [4],
        "grant tokens that one client may make in a window",
        "https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html; 4 a minute: https://www.zoho.com/projects/help/rest-api/faq/oauth.html";
    grant_tokens_window_seconds: 600 or [60],
        "that window",
        "https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html";
    refreshes: 10 or [],
        "refreshes of one refresh token in a window, and tokens by client_credentials of one client",
        "https://zoho.com/accounts/protocol/oauth/token-limits.html";
    refreshes_window_seconds: 600 or [],
        "that window",
        "https://zoho.com/accounts/protocol/oauth/token-limits.html";
    exchanges: 10 or [20, 5],
        "refresh tokens that one user may make with one client in a window",
        "https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations; 20: https://zoho.com/crm/developer/docs/api/v2/token-validity.html";
    exchanges_window_seconds: 600 or [60],
        "that window",
        "https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations";
    active_access_tokens: 10 or [15, 30],
        "access tokens that live at once for one refresh token; the oldest is dropped silently",
        "https://zoho.com/accounts/protocol/oauth/token-limits.html; 15: https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html";
    refresh_tokens: 20 or [],
        "refresh tokens that are kept; the next one pushes out the oldest",
        "https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html";
}

impl Limits {
    pub(crate) fn grant_token_allowance(&self) -> Allowance {
        Allowance {
            requests: self.grant_tokens,
            window_seconds: self.grant_tokens_window_seconds,
        }
    }

    pub(crate) fn refresh_allowance(&self) -> Allowance {
        Allowance {
            requests: self.refreshes,
            window_seconds: self.refreshes_window_seconds,
        }
    }

    pub(crate) fn exchange_allowance(&self) -> Allowance {
        Allowance {
            requests: self.exchanges,
            window_seconds: self.exchanges_window_seconds,
        }
    }

    /// Sets limits by name, all or none of them; fails with a sentence that names what is wrong.
    pub(crate) fn patch(&mut self, changes: &Map<String, Value>) -> Result<(), String> {
        let mut patched = *self;
        for (name, value) in changes {
            let slot = patched.slot(name).ok_or_else(|| {
                format!(
                    "there is no limit {name:?}; the limits are {}",
                    Self::NAMES.join(", ")
                )
            })?;
            *slot = value
                .as_u64()
                .ok_or_else(|| format!("{name} is a whole number, not {}", json!(value)))?;
        }
        *self = patched;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_limit_names_its_source() {
        assert!(
            Limits::default()
                .describe()
                .iter()
                .all(|limit| limit.source.starts_with("https://"))
        );
    }

    #[test]
    fn a_patch_sets_all_or_nothing() {
        let mut limits = Limits::default();
        let refusal = limits
            .patch(&changes(json!({"refreshes": 3, "refreshs": 4})))
            .unwrap_err();
        assert!(refusal.starts_with("there is no limit \"refreshs\""));
        assert_eq!(limits.refreshes, 10);
        limits.patch(&changes(json!({"refreshes": 3}))).unwrap();
        assert_eq!(limits.refreshes, 3);
    }

    #[test]
    fn a_limit_is_a_whole_number() {
        let refusal = Limits::default()
            .patch(&changes(json!({"refreshes": -1})))
            .unwrap_err();
        assert_eq!(refusal, "refreshes is a whole number, not -1");
    }
}
