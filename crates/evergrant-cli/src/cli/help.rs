//! `evergrant help`: another way to say `--help`.

use std::ffi::OsString;

use clap::Args;

use super::{
    Context,
    error::CliError,
    usage::{self, Parsed},
};

/// Show the help of Evergrant or of a command, as --help does
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant help
  evergrant help apps secret add")]
pub(crate) struct HelpArgs {
    /// The command
    command: Vec<OsString>,
}

/// Prints what the same words print with `--help`.
pub(crate) fn run(args: &HelpArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let program = OsString::from(context.program());
    let words = std::iter::once(&program).chain(&args.command).cloned();
    let arguments: Vec<OsString> = words.chain(["--help".into()]).collect();
    match usage::parse(&arguments)? {
        Parsed::Text(text) => context.output.data(&text),
        // A word like `--` took it for something else: whoever asks for help wants nothing done.
        Parsed::Run(_) => Ok(()),
    }
}
