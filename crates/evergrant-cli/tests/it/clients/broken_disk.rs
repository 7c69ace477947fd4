//! An exchange for a caller on a disk that takes nothing: what came is not lost.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use super::{Estate, send};
use crate::{connections::done, small_disk::SmallDisk, strace, world::World};

/// Lets no reply be synced. The tracer is not the parent, so that the child is the server itself.
const NO_SYNC: [&str; 5] = ["-D", "-o", "/dev/null", "-e", "inject=fdatasync:error=EIO"];

/// A caller's request, while whose reply is on its way the disk is filled.
struct Scene {
    head: String,
    // Dropped before the disk that it lies on.
    estate: Estate,
    disk: SmallDisk,
}

impl Scene {
    /// Makes one whose server runs under strace with these options, if there are any.
    fn set(options: &[&str]) -> Option<Self> {
        let disk = SmallDisk::mount()?;
        let estate = Estate::in_world(World::in_folder(disk.path()));
        let caller = estate.self_client("--direct");
        let late = json!([{ "on": "exchange", "do": "delay", "seconds": 1 }]);
        let simulator = &estate.flow.simulator;
        simulator.control("PUT", "/faults", &json!({ "plan": late }));
        let estate = match options {
            [] => estate.serve(),
            options => estate.serve_as(|usual| strace::command(options, &usual)),
        };
        let text = |name: &str| caller[name].as_str().unwrap();
        let head = format!(
            "POST /oauth/v2/token?client_id={}&grant_type=authorization_code&client_secret={}&code={} HTTP/1.1\r\n\
             Content-Length: 0\r\n",
            text("client_id"),
            text("client_secret"),
            text("code"),
        );
        Some(Self { head, estate, disk })
    }

    fn ask(&self) -> (u16, Value) {
        send(&self.estate.url, &self.head, "")
    }

    /// Asks, and fills the disk before the reply is here.
    fn ask_and_fill(&self, meanwhile: impl FnOnce(&dyn Fn() -> bool)) -> (u16, Value) {
        thread::scope(|scope| {
            let asked = scope.spawn(|| self.ask());
            while self.estate.asked_for_tokens().0 == 0 && !asked.is_finished() {
                thread::sleep(Duration::from_millis(20));
            }
            self.disk.fill();
            meanwhile(&|| asked.is_finished());
            asked.join().unwrap()
        })
    }

    fn connections(&self) -> String {
        let sql = "SELECT name FROM connections ORDER BY name";
        self.estate.flow.rows(sql)
    }
}

#[test]
fn what_the_vault_did_not_take_is_in_escrow() {
    let Some(scene) = Scene::set(&[]) else { return };
    let (status, answer) = scene.ask_and_fill(|_| ());
    assert_eq!((status, answer), (503, json!({ "error": "general_error" })));
    scene.disk.make_room();
    let (status, _) = scene.ask();
    assert_eq!(status, 503, "its end is not known");
    done(&scene.estate.flow.world, "recover");
    assert_eq!(scene.connections(), "acme\ncustomer");
    let (status, answer) = scene.ask();
    assert_eq!(status, 200, "{answer}");
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(scene.estate.asked_for_tokens(), (1, 0));
}

#[test]
fn what_others_bring_home_while_the_caller_waits_is_the_callers() {
    let Some(scene) = Scene::set(&NO_SYNC) else {
        return;
    };
    let (status, answer) = scene.ask_and_fill(|is_answered| {
        // Between two of the server's tries.
        thread::sleep(Duration::from_millis(2000));
        assert!(!is_answered(), "it goes on trying");
        scene.disk.make_room();
        done(&scene.estate.flow.world, "recover");
        assert!(!is_answered(), "the others were quicker");
        assert_eq!(scene.connections(), "acme\ncustomer");
    });
    assert_eq!(status, 200, "{answer}");
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(scene.ask().1["refresh_token"], answer["refresh_token"]);
    assert_eq!(scene.connections(), "acme\ncustomer");
    assert_eq!(scene.estate.asked_for_tokens(), (1, 0));
}

#[test]
fn what_escrow_did_not_take_either_is_kept_as_soon_as_there_is_room() {
    let Some(scene) = Scene::set(&NO_SYNC) else {
        return;
    };
    let (status, answer) = scene.ask_and_fill(|is_answered| {
        thread::sleep(Duration::from_millis(2000));
        assert!(!is_answered(), "it goes on trying");
        scene.disk.make_room();
    });
    assert_eq!(status, 200, "{answer}");
    assert!(answer["refresh_token"].is_string(), "{answer}");
    assert_eq!(scene.connections(), "acme\ncustomer");
    assert_eq!(scene.estate.asked_for_tokens(), (1, 0));
}
