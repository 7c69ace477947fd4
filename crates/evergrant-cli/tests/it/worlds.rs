//! Two worlds in one process: nothing of a run stays behind for the next.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use evergrant_cli::{Environment, Streams};

/// What was written to a stream.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn run(line: &str, environment: &Environment) -> (ExitCode, String, String) {
    let (stdout, stderr) = (Page::default(), Page::default());
    let streams = Streams {
        stdin: Box::new(io::empty()),
        typed: false,
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        attended: false,
        discarded: false,
    };
    let exit_code = evergrant_cli::run(line.split(' ').map(Into::into), environment, streams);
    (exit_code, stdout.text(), stderr.text())
}

#[test]
fn every_run_sees_its_own_environment() {
    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("config.toml"), "nonsense = 1").unwrap();
    let empty = tempfile::tempdir().unwrap();
    let worlds =
        [&broken, &empty].map(|home| Environment::from_iter([("EVERGRANT_HOME", home.path())]));
    for _ in 0..2 {
        let (exit_code, _, stderr) = run(
            "evergrant exchange acme --json --data-center eu",
            &worlds[0],
        );
        assert_eq!(exit_code, ExitCode::from(3));
        assert!(
            stderr.contains("config.toml, line 1: unknown field"),
            "{stderr}"
        );
        let (exit_code, stdout, stderr) = run("evergrant connections list --json", &worlds[1]);
        assert_eq!(
            (exit_code, stdout.as_str(), stderr.as_str()),
            (ExitCode::SUCCESS, "[]\n", "")
        );
    }
}
