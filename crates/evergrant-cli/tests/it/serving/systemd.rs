//! Under systemd: sockets that it opened, what it is told, and the units.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::{UnixDatagram, UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::estate::{Estate, Server, eventually};

/// Opens two sockets as systemd does, and becomes the program.
const ACTIVATE: &str = "
import os, socket, sys
tcp = socket.create_server(('127.0.0.1', 0))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[1])
unix.listen()
for number, one in enumerate((tcp, unix)):
    os.dup2(one.fileno(), 20 + number)
for number in (0, 1):
    os.dup2(20 + number, 3 + number)
os.environ.update(LISTEN_FDS='2', LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
";

#[test]
fn it_answers_at_sockets_that_systemd_has_opened() {
    let estate = Estate::new("");
    let world = &estate.flow.world;
    let (socket, ready) = (world.path("handed.sock"), world.path("ready.json"));
    let mut command = Command::new("python3");
    command
        .arg("-c")
        .arg(ACTIVATE)
        .arg(&socket)
        .arg(env!("CARGO_BIN_EXE_evergrant"));
    command
        .args(["serve", "--ready-file"])
        .arg(&ready)
        .env("EVERGRANT_HOME", world.path(""))
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let said = eventually("it listens", || fs::read_to_string(&ready).ok());
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        said["addresses"].as_array().unwrap().len(),
        1,
        "none of its own"
    );
    assert_eq!(said["unix"].as_str(), socket.to_str());
    let address = said["addresses"][0].as_str().unwrap().parse().unwrap();
    let server = Server { child, address };
    assert_eq!(estate.refresh(&server).status, 200);
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream
        .write_all(b"GET /evergrant/metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    drop(server);
    assert!(socket.exists(), "the file is systemd's");
}

#[test]
fn systemd_is_told_how_it_is() {
    let estate = Estate::new("");
    let path = estate.flow.world.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "400000"),
    ];
    let mut server = estate.start_with("serve --listen 127.0.0.1:0", &environment);
    hear(&socket, "READY=1");
    hear(&socket, "WATCHDOG=1");
    server.signal("HUP");
    hear(&socket, "RELOADING=1\nMONOTONIC_USEC=");
    hear(&socket, "READY=1");
    server.signal("TERM");
    hear(&socket, "STOPPING=1");
    assert_eq!(server.ended(), Some(0));
}

/// Waits for news that begin so.
fn hear(socket: &UnixDatagram, beginning: &str) {
    eventually(beginning, || {
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).unwrap();
        buffer[..length]
            .starts_with(beginning.as_bytes())
            .then_some(())
    });
}

#[test]
fn systemd_takes_the_units_and_finds_the_service_well_locked_in() {
    let folder = tempfile::tempdir().unwrap();
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let mut units = Vec::<PathBuf>::new();
    for name in ["evergrant.service", "evergrant.socket"] {
        let unit = fs::read_to_string(packaging.join(name)).unwrap();
        let unit = unit.replace("/usr/bin/evergrant", env!("CARGO_BIN_EXE_evergrant"));
        let unit = unit.replace("User=evergrant", "User=daemon");
        units.push(folder.path().join(name));
        fs::write(units.last().unwrap(), unit).unwrap();
    }
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .args(&units)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(
        verified.status.success() && !said.contains("evergrant."),
        "{said}"
    );
    let mut security = Command::new("systemd-analyze");
    security
        .args(["security", "--offline=true", "--threshold=20"])
        .arg(&units[0]);
    let judged = security.output().unwrap();
    assert!(
        judged.status.success(),
        "{}",
        String::from_utf8_lossy(&judged.stdout)
    );
}
