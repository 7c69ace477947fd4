//! The README does what it says: its transcripts run against a simulator, its other commands parse, its
//! configuration is read.
//!
//! A `console` block holds commands behind `$ ` and what they print on both streams. The blocks run in order in one
//! world, where the simulator's usual ports stand for the ones that were free, and where `vars.json` is made anew for
//! every block. What differs from run to run is masked on both sides.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    simulator::Simulator,
    world::{Outcome, World},
};

const README: &str = include_str!("../../../../README.md");

/// A command and what it prints.
struct Step {
    command: String,
    printed: String,
}

#[test]
fn the_transcripts_hold() {
    let world = World::new();
    let simulator = Simulator::start(&world, "");
    let blocks = blocks("console");
    assert!(blocks.len() >= 4, "the README shows how it goes");
    for block in &blocks {
        world.file("vars.json", &variables(&simulator).to_string());
        for Step { command, printed } in steps(block) {
            let actual = shell(&world, &on_free_ports(&command, &simulator));
            assert_eq!(masked(&actual), masked(&printed), "$ {command}\n{actual}");
        }
    }
}

#[test]
fn the_commands_parse() {
    let world = World::new();
    let blocks = blocks("sh").join("\n").replace("\\\n", " ");
    let commands: Vec<&str> = blocks.lines().filter_map(evergrant_command).collect();
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        // Help is printed instead of anything being done, but only if all before it is right.
        let printed = shell(&world, &format!("{command} --help"));
        assert!(printed.contains("Usage: evergrant"), "{command}: {printed}");
    }
}

#[test]
fn the_configuration_is_read() {
    for block in blocks("toml") {
        let world = World::new();
        world.file("config.toml", &block);
        let outcome = world.run("doctor --offline --json");
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(report["checks"][0]["name"], "configuration");
        assert_eq!(report["checks"][0]["status"], "ok", "{report}");
    }
}

/// Returns the code blocks of a language, also those inside a list, without their indentation.
pub(crate) fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        let Some(language_of_block) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let indentation = line.len() - line.trim_start().len();
        let content = lines.by_ref().take_while(|line| line.trim_start() != "```");
        let content =
            content.map(|line| line.get(indentation..).unwrap_or_default().to_owned() + "\n");
        let content: String = content.collect();
        if language_of_block == language {
            blocks.push(content);
        }
    }
    blocks
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                command: command.to_owned(),
                printed: String::new(),
            }),
            (None, Some(step)) => step.printed += &format!("{line}\n"),
            (None, None) => panic!("a transcript begins with a command: {line}"),
        }
    }
    steps
}

/// Finds the command of ours in a line, without what the shell does around it.
fn evergrant_command(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let end = line.find(['|', '<', '>', '#']).unwrap_or(line.len());
    line.starts_with("evergrant ")
        .then(|| line[..end].trim_end())
}

/// Runs a line in a shell in this world, and returns what it prints on both streams.
fn shell(world: &World, line: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_evergrant"));
    let folder = program.parent().unwrap().display();
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &format!("umask 022; exec 2>&1; {line}")])
        .env_clear()
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .env("HOME", world.path("nobody"))
        .env("TMPDIR", world.path(""))
        .env("EVERGRANT_HOME", world.path("evergrant"))
        .current_dir(world.path(""));
    Outcome::of(&mut command).stdout
}

fn on_free_ports(command: &str, simulator: &Simulator) -> String {
    let control = simulator.ready["control"].as_str().unwrap();
    command
        .replace("http://127.0.0.1:8480", simulator.accounts_domain())
        .replace("http://127.0.0.1:8479", control)
}

/// Makes a grant token, as the variables file of the platform's template.
fn variables(simulator: &Simulator) -> Value {
    let grant = simulator.grant("ZohoCRM.modules.ALL");
    json!({
        "AccountsDomain": simulator.accounts_domain(),
        "ZohoClientId": grant["client_id"],
        "ZohoClientSecret": grant["client_secret"],
        "ZohoGrantToken": grant["code"],
    })
}

/// Masks what differs from run to run: times, durations, ports, ids and tokens.
fn masked(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n']).collect::<Vec<_>>();
    let unit = |index: usize| {
        let next = words.get(index + 1).map(|word| word.trim_end());
        matches!(next, Some("ms" | "ms," | "ms:" | "s" | "s,"))
    };
    let masked = words.iter().enumerate().map(|(index, word)| {
        let bare = word.trim_end();
        let end = &word[bare.len()..];
        match mask_of(bare) {
            Some(mask) => format!("{mask}{end}"),
            None if unit(index) && bare.parse::<u64>().is_ok() => format!("NUMBER{end}"),
            None => (*word).to_owned(),
        }
    });
    masked.collect()
}

fn mask_of(word: &str) -> Option<String> {
    const LOOPBACK: &str = "http://127.0.0.1:";
    let core = word.trim_end_matches([':', ',', '.']);
    let rest = &word[core.len()..];
    let is_number = |text: &str| text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    if core.parse::<jiff::Timestamp>().is_ok() {
        Some(format!("TIME{rest}"))
    } else if core.starts_with(LOOPBACK) {
        Some(format!("{LOOPBACK}PORT{rest}"))
    } else if core.starts_with("1000.") {
        Some(format!("TOKEN{rest}"))
    } else {
        let id = core.strip_prefix('(')?.strip_suffix(')')?;
        is_number(id).then(|| format!("(ID){rest}"))
    }
}
