//! `evergrant simulate` as other programs start and stop it.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use serde_json::Value;

use crate::{
    simulator::{ANY_PORTS, Simulator},
    world::World,
};

#[test]
fn it_says_when_it_is_ready_and_makes_grants() {
    let world = World::new();
    let simulator = Simulator::start(&world, "--data-centers us,eu --seed 7");
    assert_eq!(simulator.ready["seed"], 7);
    assert_eq!(simulator.ready["ca_file"], Value::Null);
    assert!(simulator.ready["data_centers"]["eu"]["api_domain"].is_string());
    let grant = simulator.grant("ZohoCRM.modules.ALL");
    assert_eq!(grant["client_id"], simulator.ready["client_id"]);
    assert_eq!(grant["grant_type"], "authorization_code");
}

#[test]
fn both_signals_stop_it() {
    let world = World::new();
    for signal in ["INT", "TERM"] {
        let stopped = Simulator::start(&world, "").stop(signal);
        assert_eq!(stopped, (Some(0), String::new()), "{signal}");
    }
}

#[test]
fn the_ready_file_holds_the_same_line() {
    let world = World::new();
    let simulator = Simulator::start(&world, "--tls --ready-file ready.json");
    let file = fs::read_to_string(world.path("ready.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&file).unwrap(),
        simulator.ready
    );
    let ca_file = simulator.ready["ca_file"].as_str().unwrap();
    assert!(
        fs::read_to_string(ca_file)
            .unwrap()
            .contains("BEGIN CERTIFICATE")
    );
}

#[test]
fn what_it_cannot_do_it_says() {
    let world = World::new();
    let outcome = world.run(&format!("{ANY_PORTS} --data-centers us,xx"));
    assert_eq!((outcome.exit_code, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("\"xx\""), "{}", outcome.stderr);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let outcome = world.run(&format!(
        "simulate --listen {address} --control 127.0.0.1:0"
    ));
    assert_eq!(outcome.exit_code, 3);
    assert!(
        outcome
            .stderr
            .contains(&format!("stop what listens on {address}")),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_log_is_off_unless_asked_for() {
    let world = World::new();
    for (options, logs) in [("--tls", false), ("--tls -vv", true)] {
        let simulator = Simulator::start(&world, options);
        let address = simulator
            .accounts_domain()
            .strip_prefix("https://")
            .unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "this is no handshake\r\n\r\n").unwrap();
        // The simulator has seen it when it hangs up, with an alert or without.
        let _ = stream.read_to_end(&mut Vec::new());
        let (_, log) = simulator.stop("TERM");
        assert_eq!(log.contains("handshake failed"), logs, "{log}");
    }
}
