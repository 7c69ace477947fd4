//! The command line reference in docs/, made from the commands themselves.

use clap::CommandFactory;

use super::{Cli, exit_code};

#[test]
fn the_reference_is_up_to_date() {
    let mut text = "# Command line reference\n\nMade from the commands' own help by a test; `SNAPSHOTS=overwrite cargo test -p evergrant-cli` renews it.\n\n## Exit codes\n\n"
        .to_owned();
    text += &exit_code::tests::markdown();
    let mut root = Cli::command().term_width(100);
    root.build();
    describe(&root, &mut text);
    snapbox::assert_data_eq!(
        text,
        snapbox::file!["../../../../docs/cli-reference.md"].raw()
    );
}

fn describe(command: &clap::Command, text: &mut String) {
    let help = command.clone().render_long_help().to_string();
    let name = command.get_bin_name().unwrap_or(command.get_name());
    *text += &format!("\n## {name}\n\n```text\n{}\n```\n", help.trim());
    for command in command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        describe(command, text);
    }
}
