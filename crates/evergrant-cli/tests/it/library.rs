//! The example of the library `evergrant`, on a vault that the program keeps.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::{flow::Flow, world::Outcome};

impl Flow {
    /// Runs the example with the home of this world and a connection's name.
    fn example(&self, name: &str) -> Outcome {
        let program = Path::new(env!("CARGO_BIN_EXE_evergrant"));
        // Cargo builds the examples of a workspace with its tests, but not those of another crate alone.
        let example = program.with_file_name("examples").join("token");
        assert!(
            example.exists(),
            "the example is not built: cargo build -p evergrant --example token"
        );
        let mut command = Command::new(example);
        Outcome::of(command.env_clear().arg(self.world.path("")).arg(name))
    }
}

#[test]
fn the_example_prints_the_token_that_the_program_prints() {
    let flow = Flow::new();
    flow.kept("");
    let first = flow.example("acme");
    assert_eq!((first.exit_code, first.stderr.as_str()), (0, ""));
    assert_eq!(first.stdout, flow.world.run("token acme").stdout);

    flow.expire();
    let second = flow.example("acme");
    assert_eq!(second.exit_code, 0, "{second:?}");
    assert_ne!(first.stdout, second.stdout);
    assert_eq!(second.stdout, flow.world.run("token acme").stdout);
    let requests = flow.simulator.requests();
    let refreshes = requests
        .iter()
        .filter(|one| one["grant_type"] == "refresh_token");
    assert_eq!(refreshes.count(), 1);
}

#[test]
fn the_example_says_what_helps() {
    let flow = Flow::new();
    let nothing = flow.example("acme");
    assert_eq!(nothing.exit_code, 1);
    assert_eq!(nothing.stderr, "error: there is no vault in this folder\n");

    flow.kept("");
    let nobody = flow.example("nobody");
    assert_eq!(nobody.exit_code, 1);
    let expected = "error: there is no connection nobody: see `evergrant connections list`\n";
    assert_eq!(nobody.stderr, expected);

    let flow = flow.faults(json!([
        { "on": "refresh", "do": "refuse", "error": "Access Denied", "times": 9 }
    ]));
    flow.nearly_expire();
    let stale = flow.example("acme");
    assert_eq!(stale.exit_code, 0, "{stale:?}");
    let warning = "warning: this token dies soon: no refresh can be made now\n";
    assert_eq!(stale.stderr, warning);

    flow.expire();
    let throttled = flow.example("acme");
    assert_eq!((throttled.exit_code, throttled.stdout.as_str()), (1, ""));
    assert!(throttled.stderr.contains("try again in 6"), "{throttled:?}");
}
