//! `evergrant man`: the manual pages.

use std::{io, path::PathBuf};

use clap::{Args, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

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
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut page = Vec::new();
    let bare = command.clone().name(name.to_owned());
    // What stands below the options gets sections of its own, which are named for what is in them.
    let bare = bare.after_help(None).after_long_help(None);
    // Unwrap safety: rendering fails only where its writer does, and a vector takes all that is written.
    #[expect(clippy::expect_used, reason = "a vector takes all that is written")]
    Man::new(bare).render(&mut page).expect("written");
    let below = command.get_after_long_help().map(ToString::to_string);
    String::from_utf8_lossy(&page).into_owned()
        + &sections(&below.unwrap_or_default())
        + &exit_status(command.get_name() == "exec")
}

/// Makes sections of what stands below the options: the examples, and what else is said there.
fn sections(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && *line != "Examples:");
    let (examples, notes): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("  "));
    let mut roff = Roff::default();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]).control("EX", []);
        for line in examples {
            // A line that goes on is indented further.
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("EE", []);
    }
    if !notes.is_empty() {
        roff.control("SH", ["NOTES"]);
        for line in notes {
            roff.control("PP", []).text([roman(line)]);
        }
    }
    roff.render()
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
