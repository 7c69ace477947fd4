//! A program that dies holds its secrets in memory: they must not be written down with it.

use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command, Stdio},
    thread,
};

use super::{Manner, Story};

/// Lets a shell allow core dumps as far as it may, and become the program.
fn start(story: &Story, program: &[&str]) -> Child {
    let allowed = "ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"";
    Command::new("sh")
        .args(["-c", allowed, "sh"])
        .args(program)
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("EVERGRANT_HOME", "home")])
        .current_dir(story.world.path(""))
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_is_dumped() {
    let story = Story::new();
    let other = start(&story, &["sh", "-c", "kill -s ABRT $$"])
        .wait()
        .unwrap();
    if !other.core_dumped() {
        // A machine that dumps nothing of any program: there is nothing to be seen here.
        return;
    }
    story.zoho.shall(Manner::IsSilent);
    let line = story
        .exchange_line("acme")
        .replace("--timeout 1", "--timeout 1m");
    let mut words = vec![env!("CARGO_BIN_EXE_evergrant")];
    words.extend(line.split_whitespace());
    let mut child = start(&story, &words);
    while story.zoho.requests().is_empty() {
        thread::yield_now();
    }
    let kill = Command::new("kill")
        .args(["-s", "ABRT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let died = child.wait().unwrap();
    assert_eq!((died.signal(), died.core_dumped()), (Some(6), false));
}
