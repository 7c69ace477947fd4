//! `evergrant exchange`: a grant token in, a connection in the vault out.

pub(crate) mod answer;
pub(crate) mod explain;
pub(crate) mod run;
mod send;

use std::{path::PathBuf, time::Duration};

use clap::Args;

use evergrant::connection::ConnectionName;

use super::app_inputs::AppInputArgs;
use crate::duration;

/// Exchange a grant token for a refresh token and keep it
///
/// What is not given is asked for at a terminal, the grant token last, when everything else is checked.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ExchangeArgs {
    /// Keep the connection under this name
    #[arg(required_unless_present = "print_refresh_token")]
    pub(crate) name: Option<ConnectionName>,
    /// Take the place of the connection of this name; its app is used for what is not given
    #[arg(long, conflicts_with = "app")]
    pub(crate) replace: bool,
    /// Revoke the refresh token that was replaced, once the new one is safe
    #[arg(long, requires = "replace")]
    pub(crate) revoke_old: bool,
    /// Make all checks and send nothing
    #[arg(long, conflicts_with = "print_refresh_token")]
    pub(crate) check: bool,
    /// Print the refresh token instead of keeping it; NAME is left out
    #[arg(long, conflicts_with_all = ["name", "replace", "revoke_old"])]
    pub(crate) print_refresh_token: bool,
    /// Fail with exit code 9 if the token lacks these scopes or @bundles; it is kept all the same
    #[arg(long, value_name = "SCOPES")]
    pub(crate) require_scope: Vec<String>,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) retries: RetryArgs,
}

/// Where the inputs of an exchange come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inputs")]
pub(crate) struct InputArgs {
    /// Read Zoho's self_client.json
    #[arg(long, value_name = "FILE")]
    pub(crate) self_client: Option<PathBuf>,
    /// Delete the self_client.json after the exchange
    #[arg(long, requires = "self_client")]
    pub(crate) delete_self_client: bool,
    /// Read process variables from a JSON file: AccountsDomain, ZohoClientId, ZohoClientSecret, ZohoGrantToken
    #[arg(long, value_name = "FILE")]
    pub(crate) variables: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) app: AppInputArgs,
    /// Read the grant token from a file [env: ZOHO_GRANT_TOKEN, ZOHO_GRANT_TOKEN_FILE]
    #[arg(long, value_name = "FILE", group = "grant_token")]
    pub(crate) grant_token_file: Option<PathBuf>,
    /// Read the grant token from standard input
    #[arg(long, group = "grant_token", conflicts_with = "client_secret_stdin")]
    pub(crate) grant_token_stdin: bool,
    /// Take what this shell command prints as the grant token
    #[arg(long, value_name = "CMD", group = "grant_token")]
    pub(crate) grant_token_command: Option<String>,
    /// The redirect URI, if the app is no self client
    #[arg(long, value_name = "URI")]
    pub(crate) redirect_uri: Option<String>,
    /// Read the PKCE code verifier from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) code_verifier_file: Option<PathBuf>,
}

/// How often an exchange is tried.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct RetryArgs {
    /// Try again this often when nothing was sent or Zoho is unwell [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=10))]
    pub(crate) max_retries: Option<u8>,
}

/// How Zoho is spoken to.
#[derive(Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct HttpArgs {
    /// Wait this long for a silent server [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_limit, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Trust the certificate authorities in this PEM file instead of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  evergrant exchange acme
  evergrant exchange acme --self-client self_client.json --data-center eu
  evergrant exchange acme --variables vars.json --json
  evergrant exchange acme --accounts-domain https://accounts.zoho.eu --client-id 1000.ABC \\
      --client-secret-file secret --grant-token-stdin
  evergrant exchange acme --replace        a new grant token for the same app
  evergrant exchange --print-refresh-token --variables vars.json

A secret is never an argument: it comes from a file, standard input, a command, the environment or a prompt.
Exit codes: 4 consent without offline access, 5 the grant token is dead, 9 done, but a required scope is missing";
