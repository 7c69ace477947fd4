//! First stage: what flags, files and the environment give, each value with its source.

pub(crate) mod app;
pub(crate) mod credentials;
mod values;

use std::{io::Read, path::PathBuf};

use evergrant::clock::Timestamp;
use zeroize::Zeroizing;
use zoho_oauth::{
    AccountsDomain, ApiDomain, ClientId, ClientSecret, CodeVerifier, CustomHosts, GrantToken,
    Scopes,
};

use self::values::redirect_uri_of;
pub(crate) use self::values::{accounts_domain_of, api_domain_of, required_scopes, secret_of};

use super::{
    choose::{Chooser, Setting},
    json_file::with_files_of_an_exchange,
    read,
    self_client::SelfClient,
    source::{Source, Sourced, Text},
    variables::Variables,
};
use crate::{
    cli::{
        app_inputs::{AppInputArgs, ClientSecretArgs, RefreshTokenArgs},
        error::{CliError, GrantFate},
        exchange::{ExchangeArgs, InputArgs},
        output::Warning,
    },
    environment::Environment,
};

const ACCOUNTS_DOMAIN: Setting = Setting {
    name: "accounts domain",
    variables: &["ZOHO_ACCOUNTS_DOMAIN", "ZOHO_ACCOUNTS_URL", "ZOHO_REGION"],
    is_secret: false,
};
const API_DOMAIN: Setting = Setting {
    name: "API domain",
    variables: &["ZOHO_API_DOMAIN"],
    is_secret: false,
};
const CLIENT_ID: Setting = Setting {
    name: "client ID",
    variables: &["ZOHO_CLIENT_ID"],
    is_secret: false,
};
const CLIENT_SECRET: Setting = Setting {
    name: "client secret",
    variables: &["ZOHO_CLIENT_SECRET"],
    is_secret: true,
};
const GRANT_TOKEN: Setting = Setting {
    name: "grant token",
    variables: &["ZOHO_GRANT_TOKEN"],
    is_secret: true,
};
const REFRESH_TOKEN: Setting = Setting {
    name: "refresh token",
    variables: &["ZOHO_REFRESH_TOKEN"],
    is_secret: true,
};

/// What was given for an exchange.
pub(crate) struct Given {
    pub(crate) accounts_domain: Option<Sourced<AccountsDomain>>,
    pub(crate) api_domain: Option<Sourced<ApiDomain>>,
    pub(crate) client_id: Option<Sourced<ClientId>>,
    pub(crate) client_secret: Option<Sourced<ClientSecret>>,
    pub(crate) grant_token: Option<Sourced<GrantToken>>,
    /// When the grant token dies, if the file it came from says so.
    pub(crate) grant_expires_at: Option<Timestamp>,
    /// What the grant token was made with, if the file it came from says so.
    pub(crate) grant_scopes: Option<Scopes>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) code_verifier: Option<CodeVerifier>,
    pub(crate) required_scopes: Scopes,
    pub(crate) custom_hosts: CustomHosts,
    /// What is worth knowing before the exchange goes on.
    pub(crate) warnings: Vec<Warning>,
}

impl Given {
    /// Collects the values; nothing is asked and nothing is sent, so that an error leaves the grant unspent.
    /// `children` is the environment of the commands that print a secret.
    pub(crate) fn collect(
        args: &ExchangeArgs,
        environment: &Environment,
        children: &Environment,
        stdin: &mut dyn Read,
    ) -> Result<Self, CliError> {
        let mut collector = Collector {
            environment,
            children,
            stdin,
            warnings: Vec::new(),
        };
        let collected = collector.collect(&args.inputs, required_scopes(&args.require_scope));
        collected.map_err(|error| error.grant(GrantFate::Unspent))
    }
}

impl Given {
    /// Returns where the grant token will be sent, if nothing has to be found out for that before.
    pub(crate) fn destination(&self) -> Option<&AccountsDomain> {
        let app_is_known = self.client_id.is_some() && self.client_secret.is_some();
        let domain = self.accounts_domain.as_ref().map(|given| &given.value);
        domain.filter(|_| app_is_known && self.grant_token.is_some())
    }
}

/// Collects a client secret alone, by the same flags and variables as for an exchange; none if nothing gives it.
pub(crate) fn client_secret(
    args: &ClientSecretArgs,
    environment: &Environment,
    children: &Environment,
    stdin: &mut dyn Read,
) -> Result<(Option<ClientSecret>, Vec<Warning>), CliError> {
    let mut collector = Collector {
        environment,
        children,
        stdin,
        warnings: Vec::new(),
    };
    let flag = collector.client_secret_flag(args)?;
    let mut chooser = Chooser {
        environment,
        warnings: &mut collector.warnings,
    };
    let chosen = chooser.choose(&CLIENT_SECRET, flag, [Vec::new(), Vec::new()])?;
    let secret = typed(chosen, secret_of)?.map(|secret| secret.value);
    Ok((secret, collector.warnings))
}

struct Collector<'a> {
    environment: &'a Environment,
    children: &'a Environment,
    stdin: &'a mut dyn Read,
    warnings: Vec<Warning>,
}

impl Collector<'_> {
    fn collect(
        &mut self,
        inputs: &InputArgs,
        required_scopes: Result<Scopes, CliError>,
    ) -> Result<Given, CliError> {
        let app = &inputs.app;
        let custom_hosts = app.custom_hosts();
        let variables = match &inputs.variables {
            Some(path) => Variables::parse(&read::file(path, &mut self.warnings)?, path)
                .map_err(with_files_of_an_exchange)?,
            None => Variables::default(),
        };
        let self_client = match &inputs.self_client {
            Some(path) => SelfClient::parse(&read::file(path, &mut self.warnings)?, path)
                .map_err(with_files_of_an_exchange)?,
            None => SelfClient::default(),
        };
        let client_secret = self.client_secret_flag(&app.client_secret)?;
        let grant_token = self.grant_token_flag(inputs)?;
        let grant_is_from_file = grant_token.is_none() && self_client.grant_token.is_some();
        let code_verifier = self.code_verifier(inputs)?;

        let mut chooser = Chooser {
            environment: self.environment,
            warnings: &mut self.warnings,
        };
        let mut choose =
            |setting, flag, file, more| chooser.choose(setting, flag, [file, Vec::from_iter(more)]);
        let accounts_domain = choose(
            &ACCOUNTS_DOMAIN,
            accounts_domain_flag(app),
            variables.accounts_domain,
            None,
        )?;
        let api_domain = flag("--api-domain", &app.api_domain);
        let api_domain = choose(&API_DOMAIN, api_domain, variables.api_domain, None)?;
        let client_id = flag("--client-id", &app.client_id);
        let client_id = choose(
            &CLIENT_ID,
            client_id,
            variables.client_id,
            self_client.client_id,
        )?;
        let client_secret = choose(
            &CLIENT_SECRET,
            client_secret,
            variables.client_secret,
            self_client.client_secret,
        )?;
        let grant_token = choose(
            &GRANT_TOKEN,
            grant_token,
            variables.grant_token,
            self_client.grant_token,
        )?;

        let accounts_domain = typed(accounts_domain, |text| {
            accounts_domain_of(text, custom_hosts)
        })?;
        let api_domain = typed(api_domain, |text| {
            let known = accounts_domain.as_ref().map(|given| &given.value);
            api_domain_of(text, app.custom_api_domain, known)
        })?;
        Ok(Given {
            accounts_domain,
            api_domain,
            client_id: typed(client_id, secret_of)?,
            client_secret: typed(client_secret, secret_of)?,
            grant_token: typed(grant_token, secret_of)?,
            grant_expires_at: self_client.grant_expires_at.filter(|_| grant_is_from_file),
            grant_scopes: self_client.scopes.filter(|_| grant_is_from_file),
            redirect_uri: inputs
                .redirect_uri
                .as_deref()
                .map(redirect_uri_of)
                .transpose()?,
            code_verifier,
            required_scopes: required_scopes?,
            custom_hosts,
            warnings: std::mem::take(&mut self.warnings),
        })
    }

    fn client_secret_flag(&mut self, args: &ClientSecretArgs) -> Result<Option<Text>, CliError> {
        self.secret_flag(
            ("--client-secret-file", &args.client_secret_file),
            ("--client-secret-stdin", args.client_secret_stdin),
            ("--client-secret-command", &args.client_secret_command),
        )
    }

    fn grant_token_flag(&mut self, inputs: &InputArgs) -> Result<Option<Text>, CliError> {
        self.secret_flag(
            ("--grant-token-file", &inputs.grant_token_file),
            ("--grant-token-stdin", inputs.grant_token_stdin),
            ("--grant-token-command", &inputs.grant_token_command),
        )
    }

    fn refresh_token_flag(&mut self, args: &RefreshTokenArgs) -> Result<Option<Text>, CliError> {
        self.secret_flag(
            ("--refresh-token-file", &args.refresh_token_file),
            ("--refresh-token-stdin", args.refresh_token_stdin),
            ("--refresh-token-command", &args.refresh_token_command),
        )
    }

    /// Reads a secret from whichever of its three flags is there; clap lets only one pass.
    fn secret_flag(
        &mut self,
        (file_flag, file): (&'static str, &Option<PathBuf>),
        (stdin_flag, from_stdin): (&'static str, bool),
        (command_flag, command): (&'static str, &Option<String>),
    ) -> Result<Option<Text>, CliError> {
        let (text, flag) = if let Some(path) = file {
            (read::secret_file(path, &mut self.warnings)?, file_flag)
        } else if from_stdin {
            let instead = format!(
                "leave {stdin_flag} out and it is asked for, hidden; or pipe it in from a program or a file"
            );
            let read = read::secret_stdin(self.stdin, stdin_flag, &instead);
            (read?, stdin_flag)
        } else if let Some(command) = command {
            let printed = read::secret_command(command, self.children);
            let printed =
                printed.map_err(|error| error.cause(format!("it comes from {command_flag}")))?;
            (printed, command_flag)
        } else {
            return Ok(None);
        };
        Ok(Some(Sourced::new(text, Source::Flag(flag))))
    }

    fn code_verifier(&mut self, inputs: &InputArgs) -> Result<Option<CodeVerifier>, CliError> {
        let Some(path) = &inputs.code_verifier_file else {
            return Ok(None);
        };
        let text = read::secret_file(path, &mut self.warnings)?;
        Sourced::new(text, Source::Flag("--code-verifier-file"))
            .parsed(secret_of)
            .map(|verifier| Some(verifier.value))
    }
}

impl AppInputArgs {
    fn custom_hosts(&self) -> CustomHosts {
        if self.custom_accounts_domain {
            CustomHosts::Allowed
        } else {
            CustomHosts::Refused
        }
    }
}

fn accounts_domain_flag(app: &AppInputArgs) -> Option<Text> {
    flag("--data-center", &app.data_center)
        .or_else(|| flag("--accounts-domain", &app.accounts_domain))
}

fn flag(name: &'static str, value: &Option<String>) -> Option<Text> {
    let text = value.clone().map(Zeroizing::new)?;
    Some(Sourced::new(text, Source::Flag(name)))
}

fn typed<T>(
    text: Option<Text>,
    parse: impl FnOnce(&str) -> Result<T, CliError>,
) -> Result<Option<Sourced<T>>, CliError> {
    text.map(|text| text.parsed(parse)).transpose()
}

#[cfg(test)]
mod tests;
