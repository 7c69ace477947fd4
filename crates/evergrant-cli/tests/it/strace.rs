//! Reading what strace wrote: system calls with their arguments, in the order in which they ended.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    story::{NAME, Story, begin},
    world::{Outcome, World},
};

/// A system call that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    /// What it returned; -1 for a failure.
    pub(crate) returned: i64,
}

impl Call {
    /// Tells whether it is a call of this name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Returns an argument that is a number, or a file descriptor.
    pub(crate) fn number(&self, index: usize) -> i64 {
        let argument = &self.arguments[index];
        let digits = argument.split('<').next().unwrap();
        digits.parse().expect(argument)
    }

    /// Returns the path of the descriptor that an argument is, or what else it leads to.
    pub(crate) fn path_of(&self, index: usize) -> String {
        let argument = self.arguments.get(index).map_or("", String::as_str);
        let path = argument.split_once('<').map_or("", |(_, path)| path);
        String::from_utf8(decode(path.split('>').next().unwrap())).unwrap()
    }

    /// Returns the bytes of an argument that is a string, or a list of pieces.
    pub(crate) fn bytes(&self, index: usize) -> Vec<u8> {
        let pieces = self.arguments[index].split('"').skip(1).step_by(2);
        pieces.flat_map(decode).collect()
    }

    /// Returns an argument that is a path.
    pub(crate) fn path(&self, index: usize) -> PathBuf {
        String::from_utf8(self.bytes(index)).unwrap().into()
    }
}

/// Prepares a program under strace with these options.
pub(crate) fn command(options: &[&str], program: &Command) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg("--");
    command.arg(program.get_program()).args(program.get_args());
    let variables = program.get_envs();
    command.env_clear();
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(program.get_current_dir().unwrap());
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs an exchange that succeeds, and returns its system calls of these names.
pub(crate) fn trace(calls: &str, story: &Story, home: &World, grant: &Value) -> Vec<Call> {
    let file = home.path("trace");
    let (file, calls) = (file.to_str().unwrap(), format!("trace={calls}"));
    let options = ["-y", "-xx", "-s", "300000", "-e", &calls, "-o", file];
    let program = story.command(NAME, home, grant);
    let child = begin(&mut command(&options, &program), grant);
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert_eq!(outcome.exit_code, 0, "{}", outcome.stderr);
    parse(&fs::read_to_string(file).unwrap())
}

/// Reads a trace; calls that failed are left out.
fn parse(trace: &str) -> Vec<Call> {
    let mut unfinished = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, rest) = line.split_once(' ').expect(line);
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(thread, begun.to_owned());
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, ended) = resumed.split_once(" resumed>").expect(line);
            calls.extend(parse_call(&(unfinished.remove(thread).unwrap() + ended)));
        } else {
            calls.extend(parse_call(rest));
        }
    }
    calls
}

fn parse_call(text: &str) -> Option<Call> {
    let (call, returned) = text.rsplit_once(" = ")?;
    let returned = returned.split(['<', ' ']).next().unwrap().parse().ok();
    let (name, arguments) = call.split_once('(')?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    Some(Call {
        name: name.to_owned(),
        arguments: split(arguments),
        returned: returned.filter(|returned| *returned >= 0)?,
    })
}

/// Splits at the commas that stand outside of all brackets. Strings are in hexadecimal and hold none.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(character);
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// Reads `\x65\x76\x67`.
fn decode(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).expect(text))
        .collect()
}
