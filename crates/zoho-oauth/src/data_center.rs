//! Zoho's data centers: where an account lives decides which servers know it.

/// One of Zoho's data centers.
///
/// Source: <https://www.zoho.com/accounts/protocol/oauth/multi-dc.html> and
/// <https://www.bigin.com/developer/docs/apis/multi-dc.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataCenter {
    /// The code that Zoho uses for `location`, in lower case: `eu`.
    pub code: &'static str,
    /// Where tokens are made: `https://accounts.zoho.eu`.
    pub accounts_domain: &'static str,
    /// Where the API answers: `https://www.zohoapis.eu`.
    pub api_domain: &'static str,
    /// Where clients are registered and grant tokens are made by hand.
    pub api_console: &'static str,
    /// Whether Zoho documents both the accounts domain and the API domain.
    pub documented: bool,
}

impl DataCenter {
    /// Returns every data center, the oldest first.
    pub fn all() -> &'static [DataCenter] {
        &ALL
    }

    /// Finds a data center by its code, in any case; None if there is no such code.
    pub fn find(code: &str) -> Option<&'static DataCenter> {
        ALL.iter()
            .find(|center| center.code.eq_ignore_ascii_case(code))
    }

    /// Finds the data center whose accounts server has this host name.
    pub fn of_accounts_host(host: &str) -> Option<&'static DataCenter> {
        ALL.iter()
            .find(|center| center.accounts_host().eq_ignore_ascii_case(host))
    }

    /// Finds the data center whose API answers at this host name: `www.`, `sandbox.` or `developer.zohoapis.*`.
    pub fn of_api_host(host: &str) -> Option<&'static DataCenter> {
        let (environment, base) = host.split_once('.')?;
        if !["www", "sandbox", "developer"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(environment))
        {
            return None;
        }
        ALL.iter()
            .find(|center| center.api_base().eq_ignore_ascii_case(base))
    }

    /// Finds the data center that somebody who wrote this host name most likely meant.
    pub(crate) fn likely(host: &str) -> Option<&'static DataCenter> {
        // Hosts that are often written for a data center whose true name is another.
        const MISTAKEN: [(&str, &str); 4] = [
            ("zoho.ca", "ca"),
            ("zoho.cn", "cn"),
            ("zohoapis.cn", "cn"),
            ("zohocloud.ca", "ca"),
        ];
        let mistaken = MISTAKEN
            .iter()
            .find(|(base, _)| is_within(host, base))
            .map(|&(_, code)| code);
        match mistaken {
            Some(code) => Self::find(code),
            None => ALL.iter().find(|center| {
                is_within(host, center.accounts_base()) || is_within(host, center.api_base())
            }),
        }
    }

    /// Returns the accounts server's host name: `accounts.zoho.eu`.
    pub(crate) fn accounts_host(&self) -> &'static str {
        self.accounts_domain.trim_start_matches("https://")
    }

    fn accounts_base(&self) -> &'static str {
        self.accounts_host().trim_start_matches("accounts.")
    }

    fn api_base(&self) -> &'static str {
        self.api_domain.trim_start_matches("https://www.")
    }
}

fn is_within(host: &str, base: &str) -> bool {
    host == base
        || host
            .strip_suffix(base)
            .is_some_and(|rest| rest.ends_with('.'))
}

const fn center(
    code: &'static str,
    accounts_domain: &'static str,
    api_domain: &'static str,
    api_console: &'static str,
) -> DataCenter {
    DataCenter {
        code,
        accounts_domain,
        api_domain,
        api_console,
        documented: true,
    }
}

const fn undocumented(mut center: DataCenter) -> DataCenter {
    center.documented = false;
    center
}

static ALL: [DataCenter; 10] = [
    center(
        "us",
        "https://accounts.zoho.com",
        "https://www.zohoapis.com",
        "https://api-console.zoho.com",
    ),
    center(
        "eu",
        "https://accounts.zoho.eu",
        "https://www.zohoapis.eu",
        "https://api-console.zoho.eu",
    ),
    center(
        "in",
        "https://accounts.zoho.in",
        "https://www.zohoapis.in",
        "https://api-console.zoho.in",
    ),
    center(
        "au",
        "https://accounts.zoho.com.au",
        "https://www.zohoapis.com.au",
        "https://api-console.zoho.com.au",
    ),
    center(
        "jp",
        "https://accounts.zoho.jp",
        "https://www.zohoapis.jp",
        "https://api-console.zoho.jp",
    ),
    center(
        "cn",
        "https://accounts.zoho.com.cn",
        "https://www.zohoapis.com.cn",
        "https://api-console.zoho.com.cn",
    ),
    // Canada's accounts live under zohocloud.ca, its API under zohoapis.ca.
    center(
        "ca",
        "https://accounts.zohocloud.ca",
        "https://www.zohoapis.ca",
        "https://api-console.zohocloud.ca",
    ),
    center(
        "sa",
        "https://accounts.zoho.sa",
        "https://www.zohoapis.sa",
        "https://api-console.zoho.sa",
    ),
    // The accounts host is documented, the API host is not.
    undocumented(center(
        "uk",
        "https://accounts.zoho.uk",
        "https://www.zohoapis.uk",
        "https://api-console.zoho.uk",
    )),
    // Known from public code only, which lists it among the answers of /oauth/serverinfo.
    undocumented(center(
        "ae",
        "https://accounts.zoho.ae",
        "https://www.zohoapis.ae",
        "https://api-console.zoho.ae",
    )),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_center_is_found_by_its_own_names() {
        for center in DataCenter::all() {
            assert_eq!(DataCenter::find(&center.code.to_uppercase()), Some(center));
            assert_eq!(
                DataCenter::of_accounts_host(center.accounts_host()),
                Some(center)
            );
            for environment in ["www", "sandbox", "developer"] {
                let host = format!("{environment}.{}", center.api_base());
                assert_eq!(DataCenter::of_api_host(&host), Some(center));
            }
            assert_eq!(DataCenter::likely(center.accounts_host()), Some(center));
            assert_eq!(
                DataCenter::likely(&center.api_domain["https://".len()..]),
                Some(center)
            );
        }
    }

    #[test]
    fn strange_hosts_belong_to_nobody() {
        for host in [
            "",
            "zoho.eu",
            "accounts.zoho.eu.example.com",
            "accounts.zoho.ca",
            "evilzoho.eu",
        ] {
            assert_eq!(DataCenter::of_accounts_host(host), None, "{host}");
        }
        for host in [
            "zohoapis.eu",
            "api.zoho.eu",
            "evil.zohoapis.eu",
            "www.zohoapis.eu.example.com",
        ] {
            assert_eq!(DataCenter::of_api_host(host), None, "{host}");
        }
        assert_eq!(DataCenter::likely("evilzoho.eu"), None);
    }

    #[test]
    fn usual_mistakes_are_understood() {
        let code = |host| DataCenter::likely(host).map(|center| center.code);
        assert_eq!(code("accounts.zoho.ca"), Some("ca"));
        assert_eq!(code("accounts.zoho.cn"), Some("cn"));
        assert_eq!(code("www.zoho.eu"), Some("eu"));
        assert_eq!(code("api.zoho.com.au"), Some("au"));
        assert_eq!(code("crm.zohocloud.ca"), Some("ca"));
        assert_eq!(code("api-console.zoho.com"), Some("us"));
    }
}
