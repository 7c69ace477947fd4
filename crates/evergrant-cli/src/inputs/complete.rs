//! Second stage: the gaps filled from a stored app and by asking.

mod credentials;

use std::io::{self, ErrorKind};

use evergrant::{app::App, clock::Timestamp};
use zoho_oauth::{
    AccountsDomain, ApiDomain, ClientId, ClientSecret, CodeVerifier, DataCenter, GrantToken, Scopes,
};

pub(crate) use self::credentials::{Credentials, credentials};
use super::{
    given::{Given, accounts_domain_of, secret_of},
    prompter::Prompter,
};
use crate::cli::{
    error::{CliError, GrantFate},
    exit_code::Kind,
};

/// How often a person may answer one question wrongly.
const ATTEMPTS: usize = 3;

/// All that an exchange needs; the grant token may still have to be asked for.
#[derive(Debug)]
pub(crate) struct ExchangeInputs {
    pub(crate) accounts_domain: AccountsDomain,
    pub(crate) api_domain: Option<ApiDomain>,
    pub(crate) client_id: ClientId,
    pub(crate) client_secret: ClientSecret,
    /// None where a person is to be asked for it last, by [`ask_grant_token`], or where it is not needed.
    pub(crate) grant_token: Option<GrantToken>,
    pub(crate) grant_expires_at: Option<Timestamp>,
    pub(crate) grant_scopes: Option<Scopes>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) code_verifier: Option<CodeVerifier>,
    pub(crate) required_scopes: Scopes,
}

/// An input that nobody gave, and how to give it.
struct Missing {
    name: &'static str,
    remedy: &'static str,
}

const ACCOUNTS_DOMAIN: Missing = Missing {
    name: "accounts domain",
    remedy: "--data-center CODE, --accounts-domain URL or ZOHO_ACCOUNTS_DOMAIN",
};
const CLIENT_ID: Missing = Missing {
    name: "client ID",
    remedy: "--client-id ID or ZOHO_CLIENT_ID",
};
const CLIENT_SECRET: Missing = Missing {
    name: "client secret",
    remedy: "--client-secret-file FILE, --client-secret-stdin, --client-secret-command CMD or ZOHO_CLIENT_SECRET",
};
const GRANT_TOKEN: Missing = Missing {
    name: "grant token",
    remedy: "--grant-token-file FILE, --grant-token-stdin, --grant-token-command CMD or ZOHO_GRANT_TOKEN",
};

/// Fills the gaps from a stored app, then by asking. Without anybody to ask, all that is missing is named at once,
/// the grant token too where it is needed.
pub(crate) fn complete(
    given: Given,
    stored: Option<App>,
    prompter: Option<&mut dyn Prompter>,
    needs_grant: bool,
) -> Result<ExchangeInputs, CliError> {
    let completed = filled(given, stored, prompter, needs_grant);
    completed.map_err(|error| error.grant(GrantFate::Unspent))
}

/// Fills the gaps where no grant token is needed and none can be lost.
pub(crate) fn complete_app(
    given: Given,
    stored: Option<App>,
    prompter: Option<&mut dyn Prompter>,
) -> Result<ExchangeInputs, CliError> {
    filled(given, stored, prompter, false)
}

fn filled(
    given: Given,
    stored: Option<App>,
    prompter: Option<&mut dyn Prompter>,
    needs_grant: bool,
) -> Result<ExchangeInputs, CliError> {
    let given = with_stored(given, stored);
    match prompter {
        Some(prompter) => asked(given, prompter),
        None => all_there(given, needs_grant),
    }
}

/// What is known of an app before its gaps are filled.
struct Gaps {
    accounts_domain: Option<AccountsDomain>,
    client_id: Option<ClientId>,
    client_secret: Option<ClientSecret>,
    rest: Given,
}

fn with_stored(mut given: Given, stored: Option<App>) -> Gaps {
    let accounts_domain = given.accounts_domain.take().map(|given| given.value);
    let client_id = given.client_id.take().map(|given| given.value);
    let client_secret = given.client_secret.take().map(|given| given.value);
    let Some(stored) = stored else {
        return Gaps {
            accounts_domain,
            client_id,
            client_secret,
            rest: given,
        };
    };
    let accounts_domain = accounts_domain.unwrap_or_else(|| stored.accounts_domain.clone());
    let client_id = client_id.unwrap_or_else(|| stored.client_id.clone());
    // The stored secret belongs to this app alone, and goes to its own accounts server alone.
    let is_same = accounts_domain == stored.accounts_domain && client_id == stored.client_id;
    Gaps {
        accounts_domain: Some(accounts_domain),
        client_id: Some(client_id),
        client_secret: client_secret.or_else(|| is_same.then_some(stored.client_secret)),
        rest: given,
    }
}

fn all_there(gaps: Gaps, needs_grant: bool) -> Result<ExchangeInputs, CliError> {
    let missing: Vec<Missing> = [
        gaps.accounts_domain.is_none().then_some(ACCOUNTS_DOMAIN),
        gaps.client_id.is_none().then_some(CLIENT_ID),
        gaps.client_secret.is_none().then_some(CLIENT_SECRET),
        (needs_grant && gaps.rest.grant_token.is_none()).then_some(GRANT_TOKEN),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (gaps.accounts_domain, gaps.client_id, gaps.client_secret) {
        (Some(accounts_domain), Some(client_id), Some(client_secret)) if missing.is_empty() => {
            Ok(joined(accounts_domain, client_id, client_secret, gaps.rest))
        }
        _ => Err(missing_inputs(&missing)),
    }
}

fn missing_inputs(missing: &[Missing]) -> CliError {
    let names: Vec<_> = missing.iter().map(|input| input.name).collect();
    let error = CliError::usage("missing_input", format!("missing: {}", names.join(", ")))
        .cause("nobody can be asked: there is no terminal, or --no-input was given");
    missing.iter().fold(error, |error, input| {
        error.next(format!("{}: {}", input.name, input.remedy))
    })
}

fn asked(gaps: Gaps, prompter: &mut dyn Prompter) -> Result<ExchangeInputs, CliError> {
    let custom_hosts = gaps.rest.custom_hosts;
    let accounts_domain = match gaps.accounts_domain {
        Some(domain) => domain,
        None => {
            let codes: Vec<_> = DataCenter::all().iter().map(|center| center.code).collect();
            let question = format!("Data center ({}) or accounts domain: ", codes.join(" "));
            ask(prompter, &question, Echo::Shown, |text| {
                accounts_domain_of(text, custom_hosts)
            })?
        }
    };
    let client_id = match gaps.client_id {
        Some(id) => id,
        None => ask(prompter, "Client ID: ", Echo::Shown, secret_of)?,
    };
    let client_secret = match gaps.client_secret {
        Some(secret) => secret,
        None => ask_client_secret(prompter)?,
    };
    Ok(joined(accounts_domain, client_id, client_secret, gaps.rest))
}

fn ask_client_secret(prompter: &mut dyn Prompter) -> Result<ClientSecret, CliError> {
    ask(
        prompter,
        "Client secret (hidden): ",
        Echo::Hidden,
        secret_of,
    )
}

/// Asks for a client secret that nothing gave; without anybody to ask, says how to give it.
pub(crate) fn client_secret(
    given: Option<ClientSecret>,
    prompter: Option<&mut dyn Prompter>,
) -> Result<ClientSecret, CliError> {
    match (given, prompter) {
        (Some(secret), _) => Ok(secret),
        (None, Some(prompter)) => ask_client_secret(prompter),
        (None, None) => Err(missing_inputs(&[CLIENT_SECRET])),
    }
}

fn joined(
    accounts_domain: AccountsDomain,
    client_id: ClientId,
    client_secret: ClientSecret,
    given: Given,
) -> ExchangeInputs {
    ExchangeInputs {
        accounts_domain,
        api_domain: given.api_domain.map(|given| given.value),
        client_id,
        client_secret,
        grant_token: given.grant_token.map(|given| given.value),
        grant_expires_at: given.grant_expires_at,
        grant_scopes: given.grant_scopes,
        redirect_uri: given.redirect_uri,
        code_verifier: given.code_verifier,
        required_scopes: given.required_scopes,
    }
}

/// Asks for the grant token, and says where to make it and with which scopes. To be called last, when everything
/// else is checked: the token's few minutes start when it is made.
pub(crate) fn ask_grant_token(
    prompter: &mut dyn Prompter,
    inputs: &ExchangeInputs,
    scopes: &Scopes,
) -> Result<GrantToken, CliError> {
    let asked = prompter
        .say(&where_to_make_it(inputs, scopes))
        .map_err(|error| unanswered(&error))
        .and_then(|()| ask(prompter, "Grant token (hidden): ", Echo::Hidden, secret_of));
    asked.map_err(|error| error.grant(GrantFate::Unspent))
}

fn where_to_make_it(inputs: &ExchangeInputs, scopes: &Scopes) -> String {
    if inputs.redirect_uri.is_some() {
        return "Give consent in the browser now, and paste the `code` of the address you are sent to.".to_owned();
    }
    let place = match inputs.accounts_domain.data_center() {
        Some(center) => center.api_console.to_owned(),
        None => format!("the API console of {}", inputs.accounts_domain),
    };
    let scopes = if scopes.is_empty() {
        "those you need, for example ZohoCRM.modules.ALL".to_owned()
    } else {
        scopes.to_console_string()
    };
    format!(
        "Make the grant token now, it lives only minutes:\n  open    {place}, your self client, Generate Code\n  scope   {scopes}\n  then    paste the code here"
    )
}

#[derive(Clone, Copy)]
enum Echo {
    Shown,
    Hidden,
}

fn ask<T>(
    prompter: &mut dyn Prompter,
    question: &str,
    echo: Echo,
    parse: impl Fn(&str) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let mut attempt = 1;
    loop {
        let answer = match echo {
            Echo::Shown => prompter.ask(question).map(Into::into),
            Echo::Hidden => prompter.ask_hidden(question),
        };
        match parse(&answer.map_err(|error| unanswered(&error))?) {
            Ok(value) => return Ok(value),
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(error) => prompter
                .say(&format!("{error}; once more"))
                .map_err(|error| unanswered(&error))?,
        }
        attempt += 1;
    }
}

fn unanswered(error: &io::Error) -> CliError {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::Interrupted => {
            CliError::usage("missing_input", "a question was not answered")
                .next("evergrant exchange --help     lists the flags that answer it")
        }
        _ => CliError::new(
            Kind::Internal,
            "terminal_failed",
            "cannot ask at the terminal",
        )
        .cause(error)
        .next("evergrant exchange --help     lists the flags that answer it"),
    }
}

#[cfg(test)]
mod tests;
