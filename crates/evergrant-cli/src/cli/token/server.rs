//! Asking a running server rather than the vault.

use zoho_oauth::AccessToken;

use super::{TokenArgs, say};
use crate::{
    cli::{Context, error::CliError, exchange::HttpArgs, output::Warning},
    socket::{self, Found, Given, Wish},
};

impl TokenArgs {
    /// Tells whether a server can do what is wanted: it makes no refresh that is kept for people, and goes to Zoho as
    /// its own settings say.
    pub(super) fn may_come_from_a_server(&self) -> bool {
        !self.force_new && !self.reserve && self.http == HttpArgs::default()
    }
}

/// Asks a running server; `None` if none answers.
pub(super) fn ask(
    args: &TokenArgs,
    rejected: Option<&AccessToken>,
    context: &mut Context<'_>,
) -> Result<Option<Given>, CliError> {
    let wish = Wish {
        name: &args.name,
        min_valid: args.min_valid,
        strict: args.strict,
    };
    for place in socket::places(context.options.home.as_deref(), context.environment) {
        let connect = || socket::connect(&place);
        let stream = match connect() {
            Found::Server(stream) => stream,
            Found::Nobody => continue,
            Found::Untrusted => {
                let message = format!("{} is another user's, and not asked", place.display());
                context
                    .output
                    .warn(&Warning::new("untrusted_socket", message));
                continue;
            }
        };
        if let Some(rejected) = rejected {
            let Some(report) = socket::report(stream, &args.name, rejected)? else {
                continue;
            };
            say(report, args, context)?;
            let Found::Server(stream) = connect() else {
                continue;
            };
            if let Some(given) = socket::token(stream, &wish)? {
                return Ok(Some(given));
            }
        } else if let Some(given) = socket::token(stream, &wish)? {
            return Ok(Some(given));
        }
    }
    Ok(None)
}
