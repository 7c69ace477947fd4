//! Where the sources contradict each other, a switch for each contradiction. The first value is the best guess.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What `GET /manners` says of one switch.
#[derive(Debug, Serialize)]
pub(crate) struct Described {
    name: &'static str,
    about: &'static str,
    value: Value,
    alternatives: Vec<Value>,
    source: &'static str,
}

macro_rules! manners {
    ($($name:ident: $kind:ident { $first:ident = $first_value:literal $(, $other:ident = $other_value:literal)* }
        $about:literal, $source:literal;)*) => {
        $(
            #[doc = $about]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(crate) enum $kind { $first $(, $other)* }

            impl $kind {
                const ALL: &[Self] = &[Self::$first $(, Self::$other)*];

                fn value(self) -> Value {
                    match self {
                        Self::$first => json!($first_value),
                        $(Self::$other => json!($other_value),)*
                    }
                }
            }
        )*

        /// The manners in force.
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Manners { $(pub(crate) $name: $kind,)* }

        impl Default for Manners {
            fn default() -> Self {
                Self { $($name: $kind::$first,)* }
            }
        }

        impl Manners {
            /// Returns every switch with its value, the other values and the source.
            pub(crate) fn describe(&self) -> Vec<Described> {
                vec![$(Described {
                    name: stringify!($name),
                    about: $about,
                    value: self.$name.value(),
                    alternatives: others($kind::ALL.iter().map(|one| one.value()), &self.$name.value()),
                    source: $source,
                },)*]
            }

            fn set(&mut self, name: &str, value: &Value) -> Result<(), String> {
                match name {
                    $(stringify!($name) => {
                        let found = $kind::ALL.iter().find(|one| one.value() == *value);
                        self.$name = *found.ok_or_else(|| not_allowed(name, value, $kind::ALL.iter().map(|one| one.value())))?;
                    })*
                    _ => return Err(format!("there is no switch {name:?}; the switches are {}", [$(stringify!($name),)*].join(", "))),
                }
                Ok(())
            }
        }
    };
}

manners! {
    error_status: ErrorStatus { Ok = 200, BadRequest = 400 }
        "HTTP status of the token endpoint's invalid_ errors",
        "200: https://github.com/asciisd/zoho/issues/18; 400: https://github.com/PostHog/posthog/pull/77882";
    throttle_status: ThrottleStatus { BadRequest = 400, Ok = 200 }
        "HTTP status of Access Denied",
        "200: https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations; 400: seen by users in 2026";
    throttle_block: ThrottleBlock { RestOfWindow = "rest_of_window", WholeWindow = "whole_window" }
        "how long the throttle blocks: until the window that the first request began ends, or a whole window from the first refusal",
        "https://zoho.com/accounts/protocol/oauth/token-limits.html leaves it open";
    throttle_retry: ThrottleRetry { Ignored = "ignored", Extends = "extends" }
        "what a retry during the block does to the block",
        "reported by users; https://zoho.com/accounts/protocol/oauth/token-limits.html is silent";
    exchange_in_refresh_window: ExchangeInRefreshWindow { Apart = "apart", Counted = "counted" }
        "whether an exchange counts among the refreshes of the token it brings",
        "https://zoho.com/accounts/protocol/oauth/token-limits.html leaves it open";
    api_domain: ApiDomainForm { Own = "own", ZohoApis = "zohoapis", ApiZoho = "api.zoho" }
        "api_domain in token replies: the simulator's own address (a program stays on the simulator), https://www.zohoapis.TLD, or https://api.zoho.TLD",
        "zohoapis: https://zoho.com/developer/docs/vertical-solutions/api/v6/refresh.html; api.zoho: https://zoho.com/accounts/protocol/oauth/multi-dc.html";
    api_domain_slash: ApiDomainSlash { Without = "without", With = "with" }
        "whether api_domain ends with a slash",
        "https://zoho.com/developer/docs/vertical-solutions/api/v6/refresh.html; with: shown by third parties";
    scope: ScopeInReply { Present = "present", Absent = "absent", Expanded = "expanded" }
        "scope in token replies: as asked, not at all, or ALL spelled out as single operations",
        "absent: https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html; present: https://www.zoho.com/fsm/developer/help/api/refresh-token.html; expanded: https://github.com/bk-rs/oauth2-rs";
    expires_in: ExpiresIn { Seconds = "seconds", Milliseconds = "milliseconds" }
        "expires_in in seconds, or as before 2020 in milliseconds with expires_in_sec beside it",
        "https://github.com/schmorrison/Zoho/pull/18";
    refresh_token: RefreshTokenInReply { Present = "present", Absent = "absent" }
        "whether an exchange brings a refresh token; absent is what consent without offline access, or a second consent, looks like",
        "https://github.com/googleworkspace/apps-script-oauth2/issues/197";
    id_token: IdTokenInReply { Absent = "absent", Present = "present" }
        "whether token replies have an id_token",
        "https://github.com/bk-rs/oauth2-rs";
    extra_fields: ExtraFields { Absent = "absent", Present = "present" }
        "whether token replies have fields that nobody has heard of",
        "no promise against it: https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html";
    grant_reuse: GrantReuse { Refused = "refused", Revokes = "revokes" }
        "what a second use of a grant token does beyond invalid_code: nothing, or it revokes what the first use brought",
        "revokes: allowed by https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2";
    failed_exchange: FailedExchange { KeepsGrant = "keeps_grant", UsesGrant = "uses_grant" }
        "whether an exchange that was refused (wrong secret, wrong data center) uses up the grant token",
        "https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html leaves it open";
    refresh_token_subject: RefreshTokenSubject { UserAndClient = "user_and_client", User = "user", Client = "client" }
        "of whom the kept refresh tokens are counted",
        "user_and_client: https://help.zoho.com/portal/en/community/topic/kaizen-43-tokens-and-limitations; user: https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html; client: https://help.zoho.com/portal/en/kb/accounts/faqs-troubleshooting/faqs/oauth/articles/will-the-refresh-tokens-expire";
    too_many_refresh_tokens: TooManyRefreshTokens { Evict = "evict", Refuse = "refuse" }
        "whether one refresh token too many pushes out the oldest or is refused with Access Denied",
        "evict: https://www.zoho.com/crm/developer/docs/api/v8/token-validity.html; refuse: https://www.zoho.com/projects/help/rest-api/faq/oauth.html";
    refresh_with_scope: RefreshWithScope { Ignored = "ignored", Refused = "refused" }
        "what scope in a refresh does: nothing, or invalid_scope",
        "https://github.com/Weble/ZohoClient/pull/34";
    scope_separator: ScopeSeparator { Comma = "comma", Any = "any" }
        "what separates scopes of client_credentials: only a comma, or a space as well",
        "https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html";
    soid: Soid { Optional = "optional", Required = "required" }
        "whether client_credentials without soid is refused with missing_org_info",
        "https://zoho.com/accounts/protocol/oauth/self-client/client-credentials-flow.html";
    revoke_dead_token: RevokeDeadToken { BadRequest = 400, Ok = 200 }
        "HTTP status of revoking a token that is unknown or revoked already",
        "400: https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html; 200: https://www.rfc-editor.org/rfc/rfc7009#section-2.2";
    revoke_path: RevokePath { Both = "both", Old = "/oauth/v2/token/revoke", New = "/oauth/v2/revoke/token" }
        "the path on which tokens are revoked; the other one is a page that is not found",
        "/oauth/v2/token/revoke: https://www.zoho.com/crm/developer/docs/api/v8/revoke-tokens.html; /oauth/v2/revoke/token: https://www.zoho.com/developer/oauth/revoke-oauth-token.html";
    revoke_success: RevokeSuccess { Status = "status", Empty = "empty" }
        "what /oauth/v2/revoke/token answers with status 200: {\"status\":\"success\"} as the other path does, or nothing",
        "https://www.zoho.com/developer/oauth/revoke-oauth-token.html shows no body; empty: https://www.rfc-editor.org/rfc/rfc7009#section-2.2";
    dead_access_token: DeadAccessToken { InvalidToken = "INVALID_TOKEN", AuthenticationFailure = "AUTHENTICATION_FAILURE" }
        "the CRM's word for a token that is expired, revoked or of another data center",
        "INVALID_TOKEN: https://github.com/googleworkspace/apps-script-oauth2/issues/197; AUTHENTICATION_FAILURE: https://github.com/rikas/zoho_hub/pull/34";
    scope_mismatch_status: ScopeMismatchStatus { Unauthorized = 401, Forbidden = 403 }
        "HTTP status of OAUTH_SCOPE_MISMATCH",
        "401: https://github.com/PostHog/posthog/pull/78477; 403: told by third parties";
    bearer: Bearer { Accepted = "accepted", Refused = "refused" }
        "whether the CRM takes Bearer beside Zoho-oauthtoken",
        "accepted: https://zoho.com/accounts/protocol/oauth/web-apps/access-token.html; refused: https://zoho.com/inventory/api/v1/oauth/";
    mixed_create: MixedCreate { MultiStatus = 207, Accepted = 202, Ok = 200 }
        "HTTP status when some records of a create call failed",
        "207: https://github.com/zoho/crm-oas; 202: older copies of the same";
    failed_create: FailedCreate { BadRequest = 400, Accepted = 202 }
        "HTTP status when all records of a create call failed",
        "400: https://github.com/zoho/crm-oas; 202: told of older behaviour";
}

impl Manners {
    /// Sets switches by name, all or none of them; fails with a sentence that names the allowed values.
    pub(crate) fn patch(&mut self, changes: &Map<String, Value>) -> Result<(), String> {
        let mut patched = *self;
        for (name, value) in changes {
            patched.set(name, value)?;
        }
        *self = patched;
        Ok(())
    }
}

fn others(all: impl Iterator<Item = Value>, value: &Value) -> Vec<Value> {
    all.filter(|one| one != value).collect()
}

fn not_allowed(name: &str, value: &Value, all: impl Iterator<Item = Value>) -> String {
    let allowed: Vec<String> = all.map(|one| one.to_string()).collect();
    format!("{name} is one of {}, not {value}", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn every_switch_has_an_alternative_and_a_source() {
        for switch in Manners::default().describe() {
            assert!(!switch.alternatives.is_empty(), "{}", switch.name);
            assert!(switch.source.contains("https://"), "{}", switch.name);
        }
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_allowed_ones() {
        let mut manners = Manners::default();
        let refusal = manners
            .patch(&changes(json!({"error_status": 418})))
            .unwrap_err();
        assert_eq!(refusal, "error_status is one of 200, 400, not 418");
        manners
            .patch(&changes(json!({"error_status": 400})))
            .unwrap();
        assert_eq!(manners.error_status, ErrorStatus::BadRequest);
    }

    #[test]
    fn an_unknown_switch_is_refused() {
        let refusal = Manners::default()
            .patch(&changes(json!({"eror_status": 400})))
            .unwrap_err();
        assert!(
            refusal
                .starts_with("there is no switch \"eror_status\"; the switches are error_status, ")
        );
    }
}
