//! The completion of bash, as bash does it.

use std::process::Command;

use crate::world::{Outcome, World};

/// Returns what bash would offer for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let script = World::new().run("completions bash").stdout
        + "COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1));\n\
           _evergrant evergrant \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"\n\
           printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    let mut bash = Command::new("bash");
    bash.args(["-c", &script, "bash", "evergrant"]).args(words);
    let outcome = Outcome::of(&mut bash);
    assert_eq!((outcome.exit_code, &*outcome.stderr), (0, ""));
    outcome
        .stdout
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

#[test]
fn values_of_a_closed_set_are_offered() {
    assert_eq!(offered(&["exchange", "acme", "--data-center", "e"]), ["eu"]);
    let codes = offered(&["apps", "show", "1000.ABC", "--data-center", ""]);
    assert!(
        codes.contains(&"us".to_owned()) && codes.len() == 10,
        "{codes:?}"
    );
    let codes = offered(&["simulate", "--data-centers", "j"]);
    assert_eq!(codes, ["jp"]);
    assert_eq!(offered(&["token", "acme", "--format", "h"]), ["header"]);
    assert_eq!(offered(&["completions", "f"]), ["fish"]);
}

#[test]
fn nothing_of_ours_is_offered_to_another_program() {
    let own = offered(&["exec", "acme", "--tok"]);
    assert_eq!(own, ["--token-file"]);
    for word in ["", "-", "--tok"] {
        let after = offered(&["exec", "acme", "--", word]);
        assert_eq!(after, Vec::<String>::new());
        let later = offered(&["exec", "acme", "--", "curl", word]);
        assert_eq!(later, Vec::<String>::new());
    }
}
