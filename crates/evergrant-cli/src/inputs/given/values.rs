//! From text to values: what is refused, and what to do then.

use zoho_oauth::{AccountsDomain, ApiDomain, CustomHosts, InvalidDomain, Scopes};

use crate::cli::{error::CliError, redact::hide_tokens};

/// Parses a secret or a client ID.
pub(crate) fn secret_of<T: std::str::FromStr<Err = zoho_oauth::InvalidSecret>>(
    text: &str,
) -> Result<T, CliError> {
    text.parse().map_err(|error: zoho_oauth::InvalidSecret| {
        CliError::usage("invalid_input", error.to_string()).next(format!(
            "give the {} alone, whole and with nothing around it",
            error.kind
        ))
    })
}

/// Parses an accounts domain, as URL, host or code of a data center.
pub(crate) fn accounts_domain_of(
    text: &str,
    custom_hosts: CustomHosts,
) -> Result<AccountsDomain, CliError> {
    AccountsDomain::parse(text, custom_hosts).map_err(|error| match error {
        InvalidDomain::UnknownHost { .. } => CliError::config("unknown_host", error.to_string())
            .next("evergrant data-centers")
            .next("--custom-accounts-domain allows a host that is no data center of Zoho"),
        InvalidDomain::NoDataCenter => {
            CliError::config("unknown_host", error.to_string()).next("evergrant data-centers")
        }
        error => invalid_domain(&error),
    })
}

/// Parses an API domain. Access tokens are sent there: a host that is none of Zoho's, this machine's or the custom
/// accounts domain's own takes a word on purpose.
pub(crate) fn api_domain_of(
    text: &str,
    custom: bool,
    accounts_domain: Option<&AccountsDomain>,
) -> Result<ApiDomain, CliError> {
    let domain = ApiDomain::parse(text).map_err(|error| invalid_domain(&error))?;
    let is_own = |accounts: &AccountsDomain| {
        accounts.data_center().is_none() && accounts.host() == domain.host()
    };
    let known = domain.is_loopback() || domain.data_center().is_some();
    if known || custom || accounts_domain.is_some_and(is_own) {
        return Ok(domain);
    }
    let message = format!("{} is no API domain of Zoho's", hide_tokens(domain.host()));
    Err(CliError::config("unknown_host", message)
        .cause("access tokens would be sent there")
        .next("evergrant data-centers     lists Zoho's API domains")
        .next("--custom-api-domain allows another host"))
}

fn invalid_domain(error: &InvalidDomain) -> CliError {
    CliError::usage("invalid_input", error.to_string())
        .next("evergrant data-centers     lists Zoho's accounts domains and API domains")
}

/// Parses lists of scopes and bundles, none of them empty.
pub(crate) fn required_scopes(lists: &[String]) -> Result<Scopes, CliError> {
    let invalid = |message: &str| {
        let bundles: Vec<_> = zoho_oauth::scope::bundles()
            .iter()
            .map(|bundle| format!("@{}", bundle.name))
            .collect();
        CliError::usage("invalid_scope", message)
            .next(format!("the bundles are {}", bundles.join(", ")))
    };
    // A variable of a script that is empty by mistake would have every check pass.
    if lists
        .iter()
        .any(|list| list.replace(',', " ").trim().is_empty())
    {
        return Err(invalid("a list of required scopes is empty"));
    }
    Scopes::parse_with_bundles(&lists.join(","))
        .map_err(|error| invalid(&hide_tokens(&error.to_string())))
}

/// Takes a redirect URI as it is: Zoho compares it letter by letter with the registered one.
pub(super) fn redirect_uri_of(text: &str) -> Result<String, CliError> {
    let plausible = text.contains(':')
        && !text.contains('#')
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plausible.then(|| text.to_owned()).ok_or_else(|| {
        CliError::usage(
            "invalid_input",
            "the redirect URI is no absolute URI without fragment",
        )
        .next("give it as it stands in the API console: --redirect-uri URI")
    })
}
