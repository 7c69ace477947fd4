//! `evergrant man`: the manual pages.

use std::{io, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Context, error::CliError, exit_code};

/// Print the manual page, or write the pages of all commands to a folder
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  evergrant man | man -l -
  evergrant man --to ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Prints or writes the pages.
pub(crate) fn run(args: &ManArgs, context: &mut Context<'_>) -> Result<(), CliError> {
    let mut root = Cli::command();
    root.build();
    let Some(folder) = &args.to else {
        return context.output.data(&page(&root));
    };
    let failed = |error: io::Error| {
        CliError::config("unwritable", "cannot write the manual pages")
            .cause(error)
            .next("name a folder that you can write: --to DIR")
    };
    fs_err::create_dir_all(folder).map_err(failed)?;
    let mut commands = vec![&root];
    while let Some(command) = commands.pop() {
        let name = command.get_display_name().unwrap_or(command.get_name());
        fs_err::write(folder.join(format!("{name}.1")), page(command)).map_err(failed)?;
        commands.extend(
            command
                .get_subcommands()
                .filter(|command| !command.is_hide_set()),
        );
    }
    Ok(())
}

fn page(command: &clap::Command) -> String {
    let mut page = Vec::new();
    let name = command
        .get_display_name()
        .unwrap_or(command.get_name())
        .to_owned();
    // Unwrap safety: writing to memory does not fail.
    #[expect(clippy::expect_used, reason = "see above")]
    Man::new(command.clone().name(name))
        .render(&mut page)
        .expect("renders");
    String::from_utf8_lossy(&page).into_owned() + &exit_status(command.get_name() == "exec")
}

fn exit_status(runs_a_program: bool) -> String {
    let mut section = ".SH \"EXIT STATUS\"\n".to_owned();
    if runs_a_program {
        return section
            + ".TP\n125\na failure of Evergrant's own; with \\-\\-json, error.code says which\n"
            + ".TP\n126\nthe program cannot be run\n.TP\n127\nthe program is not there\n"
            + ".TP\nany other\nthe program's own, or 128 and the number of the signal that ended it\n";
    }
    section += ".TP\n0\ndone\n";
    for row in exit_code::TABLE {
        section += &format!(
            ".TP\n{} ({})\n{}\n",
            row.kind.exit_code(),
            row.code,
            row.when.replace('-', "\\-").replace('`', "")
        );
    }
    section + ".TP\n130, 143\nstopped by SIGINT, SIGTERM\n"
}
