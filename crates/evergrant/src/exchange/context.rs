//! What an escrow record remembers of its exchange: all that is needed to finish it, never the grant.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;
use zoho_oauth::{AccountsDomain, ApiDomain, ClientSecret, CustomHosts, Scopes};

use super::{Exchange, Purpose};
use crate::{
    app::App,
    clock::{Timestamp, boot_id},
    connection::ConnectionName,
    vault::Fingerprint,
};

/// The context of an exchange.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) purpose: Purpose,
    pub(super) app: App,
    pub(super) api_domain: Option<ApiDomain>,
    pub(super) requested_scopes: Scopes,
    pub(super) required_scopes: Scopes,
    pub(super) started_at: Timestamp,
    pub(super) grant: Fingerprint,
    /// Whether an earlier exchange of the same grant got no answer: then nobody knows that it is whole.
    pub(super) answer_lost: bool,
    /// Names the run of the machine: after a restart, nobody knows what an unsynced mark would say.
    pub(super) boot_id: Option<String>,
}

/// How a context is written. Fields are only ever added.
#[derive(Serialize, Deserialize)]
struct Written {
    name: Option<String>,
    replace: bool,
    hand_over: bool,
    client_id: String,
    client_secret: Zeroizing<String>,
    accounts_domain: String,
    api_domain: Option<String>,
    redirect_uri: Option<String>,
    requested_scopes: String,
    required_scopes: String,
    started_at: i64,
    grant: String,
    boot_id: Option<String>,
    #[serde(default)]
    answer_lost: bool,
}

impl Context {
    pub(super) fn new(
        exchange: &Exchange,
        grant: Fingerprint,
        answer_lost: bool,
        started_at: Timestamp,
    ) -> Self {
        Self {
            purpose: exchange.purpose.clone(),
            app: App {
                client_id: exchange.client_id.clone(),
                accounts_domain: exchange.accounts_domain.clone(),
                client_secret: exchange.client_secret.clone(),
            },
            api_domain: exchange.api_domain.clone(),
            requested_scopes: exchange.requested_scopes.clone(),
            required_scopes: exchange.required_scopes.clone(),
            started_at,
            grant,
            answer_lost,
            boot_id: boot_id(),
        }
    }

    pub(super) fn to_bytes(&self, redirect_uri: Option<&str>) -> Zeroizing<Vec<u8>> {
        let written = Written {
            name: self.purpose.name().map(ToString::to_string),
            replace: matches!(self.purpose, Purpose::Keep { replace: true, .. }),
            hand_over: self.purpose == Purpose::HandOver,
            client_id: self.app.client_id.to_string(),
            client_secret: Zeroizing::new(self.app.client_secret.expose_secret().to_owned()),
            accounts_domain: self.app.accounts_domain.to_string(),
            api_domain: self.api_domain.as_ref().map(ToString::to_string),
            redirect_uri: redirect_uri.map(str::to_owned),
            requested_scopes: self.requested_scopes.to_string(),
            required_scopes: self.required_scopes.to_string(),
            started_at: self.started_at.as_millis(),
            grant: base16ct::lower::encode_string(self.grant.as_bytes()),
            boot_id: self.boot_id.clone(),
            answer_lost: self.answer_lost,
        };
        // Unwrap safety: strings, numbers and booleans always serialise.
        Zeroizing::new(serde_json::to_vec(&written).expect("plain values"))
    }

    /// Reads a context; `None` if a later version wrote it, or it is damaged.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(bytes).ok()?;
        let mut grant = [0; 32];
        base16ct::lower::decode(&written.grant, &mut grant)
            .ok()
            .filter(|read| read.len() == 32)?;
        let api_domain = written.api_domain.as_deref().map(ApiDomain::parse);
        Some(Self {
            purpose: match &written.name {
                Some(name) if !written.hand_over => Purpose::Keep {
                    name: name.parse::<ConnectionName>().ok()?,
                    replace: written.replace,
                },
                _ => Purpose::HandOver,
            },
            app: App {
                client_id: written.client_id.parse().ok()?,
                accounts_domain: AccountsDomain::parse(
                    &written.accounts_domain,
                    CustomHosts::Allowed,
                )
                .ok()?,
                client_secret: ClientSecret::new(written.client_secret.as_str()),
            },
            api_domain: api_domain.transpose().ok()?,
            requested_scopes: Scopes::parse(&written.requested_scopes).ok()?,
            required_scopes: Scopes::parse(&written.required_scopes).ok()?,
            started_at: Timestamp::from_millis(written.started_at),
            grant: Fingerprint::from(grant),
            answer_lost: written.answer_lost,
            boot_id: written.boot_id.clone(),
        })
    }

    /// Tells whether the machine was started anew since.
    pub(super) fn is_of_an_earlier_boot(&self) -> bool {
        self.boot_id.is_some() && self.boot_id != boot_id()
    }
}
