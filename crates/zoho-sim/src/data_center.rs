//! The data centers that can be simulated, and where a running one answers.

/// A data center of Zoho's, as <https://zoho.com/accounts/protocol/oauth/multi-dc.html> and
/// <https://www.bigin.com/developer/docs/apis/multi-dc.html> list them.
#[derive(Debug)]
pub(crate) struct KnownDataCenter {
    pub(crate) code: &'static str,
    pub(crate) accounts_host: &'static str,
    /// What follows `www.zohoapis.` and `api.zoho.`.
    pub(crate) api_ending: &'static str,
}

const fn known(
    code: &'static str,
    accounts_host: &'static str,
    api_ending: &'static str,
) -> KnownDataCenter {
    KnownDataCenter {
        code,
        accounts_host,
        api_ending,
    }
}

/// `uk` has an undocumented API host, `ae` is undocumented as a whole.
const KNOWN: [KnownDataCenter; 10] = [
    known("us", "accounts.zoho.com", "com"),
    known("eu", "accounts.zoho.eu", "eu"),
    known("in", "accounts.zoho.in", "in"),
    known("au", "accounts.zoho.com.au", "com.au"),
    known("jp", "accounts.zoho.jp", "jp"),
    known("cn", "accounts.zoho.com.cn", "com.cn"),
    known("ca", "accounts.zohocloud.ca", "ca"),
    known("sa", "accounts.zoho.sa", "sa"),
    known("uk", "accounts.zoho.uk", "uk"),
    known("ae", "accounts.zoho.ae", "ae"),
];

/// Returns the data center with this code; `None` when there is none.
pub(crate) fn find(code: &str) -> Option<&'static KnownDataCenter> {
    KNOWN.iter().find(|data_center| data_center.code == code)
}

/// Returns all codes, for messages.
pub(crate) fn codes() -> String {
    KNOWN.map(|data_center| data_center.code).join(", ")
}

/// The three environments of an organisation; a token works in the one that it was made for.
/// Source: <https://www.zoho.com/crm/developer/docs/api/v8/multi-dc.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Environment {
    #[default]
    Production,
    Sandbox,
    Developer,
}

impl Environment {
    pub(crate) const ALL: [Self; 3] = [Self::Production, Self::Sandbox, Self::Developer];

    /// Returns the first label of Zoho's API host for this environment.
    pub(crate) fn host_label(self) -> &'static str {
        match self {
            Self::Production => "www",
            Self::Sandbox => "sandbox",
            Self::Developer => "developer",
        }
    }
}

/// A data center that is being simulated.
#[derive(Clone, Debug)]
pub(crate) struct DataCenter {
    pub(crate) known: &'static KnownDataCenter,
    /// Base URLs in the order of [`Environment::ALL`]; the production one is the accounts domain too.
    pub(crate) base_urls: [String; 3],
}

impl DataCenter {
    pub(crate) fn code(&self) -> &'static str {
        self.known.code
    }

    pub(crate) fn accounts_domain(&self) -> &str {
        self.base_url(Environment::Production)
    }

    pub(crate) fn base_url(&self, environment: Environment) -> &str {
        &self.base_urls[environment as usize]
    }
}

/// Where a connection came in: which data center, which environment's API host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) data_center: &'static str,
    pub(crate) environment: Environment,
}
