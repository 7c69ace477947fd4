//! What a caller's software needs in its settings, shown once.

use evergrant::{
    caller::{self, Handle, Mode},
    connection::{self, ConnectionName},
    vault::{Vault, VaultError},
};
use serde::Serialize;
use zoho_oauth::ApiDomain;

use super::Caller;

/// A caller's credentials. Has no `Debug`: they are secrets.
#[derive(Serialize)]
pub struct Credentials<'a> {
    /// The caller.
    pub caller: Caller,
    /// Where it refreshes.
    pub accounts_domain: &'a str,
    /// Its client ID.
    pub client_id: &'a str,
    /// Its client secret; `None` if it goes on with the one that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<&'a str>,
    /// The handles that were made.
    pub handles: Vec<HandleRow<'a>>,
}

/// A handle. Has no `Debug`: it is a secret.
#[derive(Serialize)]
pub struct HandleRow<'a> {
    /// The connection.
    pub connection: &'a str,
    /// Where its tokens are to be sent; `None` until a person says.
    pub api_domain: Option<&'a str>,
    /// What stands in the place of a refresh token.
    pub refresh_token: &'a str,
}

impl<'a> Credentials<'a> {
    /// Shows the handles that were made for a caller, beside the API domain of each; as yet without a client secret.
    pub fn new(
        of: &'a caller::Caller,
        handles: &'a [(ConnectionName, Handle)],
        caller: Caller,
        accounts_domain: &'a str,
        api_domains: &'a [Option<String>],
    ) -> Self {
        let rows = handles.iter().zip(api_domains);
        let rows = rows.map(|((connection, handle), api_domain)| HandleRow {
            connection: connection.as_str(),
            api_domain: api_domain.as_deref(),
            refresh_token: handle.expose_secret(),
        });
        Self {
            caller,
            accounts_domain,
            client_id: of.client_id.as_str(),
            client_secret: None,
            handles: rows.collect(),
        }
    }

    /// Finds the API domain of each handle, where it is known: `ours` for proxied callers, Zoho's for direct ones.
    ///
    /// # Errors
    ///
    /// If the vault cannot be read.
    pub async fn api_domains(
        mode: Mode,
        handles: &[(ConnectionName, Handle)],
        ours: &str,
        vault: &Vault,
    ) -> Result<Vec<Option<String>>, VaultError> {
        let mut api_domains = Vec::new();
        for (name, _) in handles {
            api_domains.push(match mode {
                Mode::Proxied => Some(ours.to_owned()),
                Mode::Direct => {
                    let found = connection::find(vault, name).await?;
                    let domain = found.and_then(|found| found.api_domain);
                    domain.as_ref().map(with_port)
                }
            });
        }
        Ok(api_domains)
    }
}

/// Writes the port out. Zoho's SDKs go to Zoho's own accounts server when the API domain is one that they know,
/// letter by letter.
fn with_port(domain: &ApiDomain) -> String {
    let text = domain.as_str();
    match text.strip_prefix("https://") {
        Some(authority) if authority == domain.host() => format!("{text}:443"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_zohos_api_domain_is_written_out() {
        for (domain, written) in [
            ("https://www.zohoapis.eu", "https://www.zohoapis.eu:443"),
            ("https://[::1]", "https://[::1]:443"),
            ("https://api.example:8443", "https://api.example:8443"),
            ("http://127.0.0.1:8480", "http://127.0.0.1:8480"),
        ] {
            assert_eq!(with_port(&ApiDomain::parse(domain).unwrap()), written);
        }
    }
}
