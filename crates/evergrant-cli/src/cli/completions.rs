//! `evergrant completions`: a script that completes commands in a shell.

use clap::{Args, CommandFactory, ValueEnum};

use super::{Cli, Context, error::CliError};

/// Print a shell's completion script
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant completions bash > ~/.local/share/bash-completion/completions/evergrant
  evergrant completions zsh > ~/.zfunc/_evergrant
  evergrant completions fish > ~/.config/fish/completions/evergrant.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The shells that are served.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The last of what the function for bash begins with.
const BASH_BEGINS: &str = "    opts=\"\"\n";

/// What stands after `--` is another program's: bash completes files there.
const BASH_AFTER_DASHES: &str = r#"
    for i in "${COMP_WORDS[@]:1:COMP_CWORD-1}"
    do
        if [[ "${i}" == "--" ]] ; then
            return 0
        fi
    done
"#;

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "evergrant", &mut script);
    let script = String::from_utf8_lossy(&script);
    context.output.data(&match args.shell {
        Shell::Bash => script.replacen(BASH_BEGINS, &[BASH_BEGINS, BASH_AFTER_DASHES].concat(), 1),
        Shell::Zsh | Shell::Fish => script.into_owned(),
    })
}
