//! The options that say what a caller may do, and for how long.

use std::time::Duration;

use clap::Args;
use evergrant::{
    caller::{Mode, Rule},
    clock::Timestamp,
};
use zoho_oauth::Scopes;

use crate::{cli::error::CliError, duration, inputs::given::required_scopes};

/// What a caller may do.
#[derive(Debug, Args)]
#[command(next_help_heading = "What it may do")]
pub(super) struct LimitArgs {
    /// Give it tokens that work only at Evergrant's server, which is what happens unless you say --direct
    #[arg(long, group = "mode")]
    proxied: bool,
    /// Give it Zoho's own access tokens: they open all that the connection may do, without Evergrant, and live for
    /// up to an hour after the caller was revoked
    #[arg(long, group = "mode")]
    direct: bool,
    /// Allow only requests such as `GET /crm/*/Contacts*`; more than once for more. `*` is any method or any part of
    /// a path's segment, at the end all that follows
    #[arg(long, value_name = "RULE")]
    allow: Vec<Rule>,
    /// Narrow its tokens to these scopes or @bundles
    #[arg(long, value_name = "SCOPES")]
    scope: Vec<String>,
    /// Refuse it after this time, such as 90d; 10 years at most
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_limit, allow_hyphen_values = true)]
    expires: Option<Duration>,
}

impl LimitArgs {
    pub(super) fn mode(&self) -> Mode {
        match self.direct {
            true => Mode::Direct,
            false => Mode::Proxied,
        }
    }

    pub(super) fn rules(&self) -> Vec<Rule> {
        self.allow.clone()
    }

    pub(super) fn scopes(&self) -> Result<Scopes, CliError> {
        required_scopes(&self.scope)
    }

    pub(super) fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.expires.map(|after| now.plus(after))
    }
}
