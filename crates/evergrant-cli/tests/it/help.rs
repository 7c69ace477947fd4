//! `evergrant help`, which says what `--help` says.

use crate::world::World;

#[test]
fn help_of_a_command_is_what_its_flag_prints() {
    let world = World::new();
    for words in ["", "exchange", "exec", "apps secret add", "help"] {
        let (by_command, by_flag) = (
            world.run(&format!("help {words}")),
            world.run(&format!("{words} --help")),
        );
        assert!(by_flag.stdout.contains("Usage: evergrant"), "{by_flag:?}");
        assert_eq!(by_command.stdout, by_flag.stdout, "{words}");
        assert_eq!((by_command.exit_code, &*by_command.stderr), (0, ""));
    }
}

#[test]
fn help_of_no_command_is_a_mistake() {
    let world = World::new();
    let outcome = world.run("help exchnage");
    assert_eq!((outcome.exit_code, &*outcome.stdout), (2, ""));
    assert!(
        outcome
            .stderr
            .contains("unrecognized subcommand 'exchnage'"),
        "{outcome:?}"
    );
}
