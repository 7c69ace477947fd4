//! The file in which a token is kept alive.

use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::json;

use super::{connected, start};
use crate::world::Outcome;

/// Reads the file without a pause, and says each token that it finds; ends after as many as its argument says.
const READS: &str = "
import os, re, sys, time
path, seen, reads = os.environ['ZOHO_ACCESS_TOKEN_FILE'], [], 0
end = time.monotonic() + 40
while len(seen) < int(sys.argv[1]) and time.monotonic() < end:
    file = os.open(path, os.O_RDONLY)
    mode, text = os.fstat(file).st_mode & 0o7777, os.read(file, 999).decode()
    os.close(file)
    assert mode == 0o600, oct(mode)
    assert re.fullmatch(r'1000\\.[0-9a-f]{32}\\.[0-9a-f]{32}\\n', text), repr(text)
    reads += 1
    if text not in seen:
        seen.append(text)
        sys.stdout.write(text)
        sys.stdout.flush()
assert reads > 99 and seen[0].strip() == os.environ['ZOHO_ACCESS_TOKEN']
";

#[test]
fn it_is_renewed_while_the_program_runs_and_always_whole() {
    let flow = connected(4);
    let program = ["python3", "-c", READS, "3"];
    let outcome = Outcome::of(&mut flow.exec_of("--token-file token", &program));
    assert_eq!(
        (outcome.exit_code, &*outcome.stderr),
        (0, ""),
        "{outcome:?}"
    );
    assert_eq!(outcome.stdout.lines().count(), 3);
    assert!(!flow.has_token_file());
}

#[test]
fn as_much_as_is_wanted_is_always_left() {
    let flow = connected(6);
    let show = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do cat \"$ZOHO_ACCESS_TOKEN_FILE\"; sleep 0.25; done | uniq | wc -l";
    let seen = Outcome::of(&mut flow.exec("--token-file token --min-valid 5s", show));
    // A second after each began to live it is replaced; by the life alone it would be after five.
    let tokens: u32 = seen.stdout.trim().parse().unwrap();
    assert!((3..=5).contains(&tokens), "{seen:?}");
}

#[test]
fn if_it_cannot_be_renewed_the_old_token_stays_and_a_warning_says_so_once() {
    let flow = connected(4);
    let broken = json!({ "on": "refresh", "do": "status", "status": 503, "times": 99 });
    let flow = flow.faults(json!([broken]));
    let script =
        "sleep 12; test \"$(cat \"$ZOHO_ACCESS_TOKEN_FILE\")\" = \"$ZOHO_ACCESS_TOKEN\" && exit 5";
    let outcome = Outcome::of(&mut flow.exec("--token-file token", script));
    assert_eq!(
        (outcome.exit_code, &*outcome.stdout),
        (5, ""),
        "{outcome:?}"
    );
    let asked = flow.simulator.requests();
    let asked = asked
        .iter()
        .filter(|one| one["grant_type"] == "refresh_token");
    assert!(asked.count() >= 2, "it was tried again");
    let said = outcome.warnings("not_renewed");
    assert_eq!(said.len(), 1, "{outcome:?}");
    assert!(
        said[0].contains("acme: the token in") && said[0].contains("lives until"),
        "{said:?}"
    );
    assert!(!flow.has_token_file());
}

#[test]
fn after_a_failure_it_is_renewed_as_soon_as_that_can_be() {
    let flow = connected(4);
    let broken = json!({ "on": "refresh", "do": "status", "status": 503, "times": 1 });
    let flow = flow.faults(json!([broken]));
    let program = ["python3", "-c", READS, "2"];
    let outcome = Outcome::of(&mut flow.exec_of("--token-file token", &program));
    assert_eq!(
        (outcome.exit_code, outcome.stdout.lines().count()),
        (0, 2),
        "{outcome:?}"
    );
    assert_eq!(outcome.warnings("not_renewed").len(), 1, "{outcome:?}");
}

#[test]
fn another_that_cannot_be_written_leaves_the_old_one() {
    let flow = connected(4);
    std::fs::create_dir(flow.world.path("folder")).unwrap();
    // The folder goes, and with it the place of the next one.
    let script = "mv folder gone; sleep 5; cat gone/token; rm -r gone";
    let outcome = Outcome::of(&mut flow.exec("--token-file folder/token", script));
    assert_eq!(
        (outcome.exit_code, outcome.stdout.lines().count()),
        (0, 1),
        "{outcome:?}"
    );
    let said = outcome.warnings("not_renewed");
    assert!(
        said.len() == 1 && said[0].contains("cannot put the token into"),
        "{outcome:?}"
    );
}

#[test]
fn a_file_that_is_there_stays_what_it_is() {
    let flow = connected(3600);
    let mine = flow.world.file("mine", "buy milk\n");
    symlink(&mine, flow.world.path("link")).unwrap();
    for name in ["mine", "link", "."] {
        let options = format!("--token-file {name}");
        let outcome = Outcome::of(&mut flow.exec(&options, "touch ran"));
        assert_eq!(outcome.exit_code, 125, "{outcome:?}");
        assert_eq!(outcome.error()["reason"], "token_file_in_the_way");
    }
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "buy milk\n");
    assert!(!flow.world.path("ran").exists());
}

#[test]
fn one_that_was_left_behind_is_taken_over() {
    let flow = connected(3600);
    let path = flow.world.path("token");
    let mut child = start(&mut flow.exec("--token-file token", "exec sleep 60"));
    // One on its way to its name is not enough.
    while !path.exists() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let show = "stat -c %a \"$ZOHO_ACCESS_TOKEN_FILE\"";
    let mode = super::printed(&mut flow.exec("--token-file token", show));
    assert_eq!(mode, "600\n");
    assert!(!flow.has_token_file());
}
