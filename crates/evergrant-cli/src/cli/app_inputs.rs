//! The options that say where an app's values come from, the same in every command that has them.

use std::path::PathBuf;

use clap::Args;
use evergrant::connection::ConnectionName;

use crate::inputs::codes::DataCenterCode;

/// Where an app's values come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inputs")]
pub(crate) struct AppInputArgs {
    /// Use the client ID, client secret and accounts domain of this connection
    #[arg(id = "app", long, value_name = "NAME")]
    pub(crate) connection: Option<ConnectionName>,
    /// The data center: us, eu, in, au, jp, cn, ca, sa, uk or ae [env: ZOHO_REGION]
    #[arg(long, value_name = "CODE", value_parser = DataCenterCode, hide_possible_values = true, conflicts_with = "accounts_domain")]
    pub(crate) data_center: Option<String>,
    /// The accounts domain instead of a data center, as URL or host [env: ZOHO_ACCOUNTS_DOMAIN]
    #[arg(long, value_name = "URL")]
    pub(crate) accounts_domain: Option<String>,
    /// Allow an accounts domain that is no data center of Zoho
    #[arg(long)]
    pub(crate) custom_accounts_domain: bool,
    /// The API domain, if it is not the one that Zoho names [env: ZOHO_API_DOMAIN]
    #[arg(long, value_name = "URL")]
    pub(crate) api_domain: Option<String>,
    /// Allow an API domain that is none of Zoho's: access tokens are sent there
    #[arg(long)]
    pub(crate) custom_api_domain: bool,
    /// The client ID [env: ZOHO_CLIENT_ID]
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    #[command(flatten)]
    pub(crate) client_secret: ClientSecretArgs,
}

/// Where a client secret comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inputs")]
pub(crate) struct ClientSecretArgs {
    /// Read the client secret from a file [env: ZOHO_CLIENT_SECRET, ZOHO_CLIENT_SECRET_FILE]
    #[arg(long, value_name = "FILE", group = "client_secret")]
    pub(crate) client_secret_file: Option<PathBuf>,
    /// Read the client secret from standard input
    #[arg(long, group = "client_secret")]
    pub(crate) client_secret_stdin: bool,
    /// Take what this shell command prints as the client secret
    #[arg(long, value_name = "CMD", group = "client_secret")]
    pub(crate) client_secret_command: Option<String>,
}

/// Where a refresh token comes from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inputs")]
pub(crate) struct RefreshTokenArgs {
    /// Read the refresh token from a file [env: ZOHO_REFRESH_TOKEN, ZOHO_REFRESH_TOKEN_FILE]
    #[arg(long, value_name = "FILE", group = "refresh_token")]
    pub(crate) refresh_token_file: Option<PathBuf>,
    /// Read the refresh token from standard input
    #[arg(long, group = "refresh_token")]
    pub(crate) refresh_token_stdin: bool,
    /// Take what this shell command prints as the refresh token
    #[arg(long, value_name = "CMD", group = "refresh_token")]
    pub(crate) refresh_token_command: Option<String>,
}
