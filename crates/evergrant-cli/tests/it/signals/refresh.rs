//! Ctrl-C and SIGTERM during a refresh: its answer is waited for, so that the token is kept and the lease free.

use std::sync::mpsc::{Receiver, Sender};

use serde_json::json;

use super::{SIGNALS, end, signal, start, start_command, still_runs};
use crate::{
    flow::Flow,
    listener::{self, Listener},
};

/// A connection whose accounts server waits until it is told what to say.
struct Waiting {
    flow: Flow,
    heard: Receiver<String>,
    says: Sender<String>,
    _listener: Listener,
}

impl Waiting {
    /// Makes one whose token is over.
    fn expired() -> Self {
        let (listener, heard, says) = Listener::that_waits();
        let flow = Flow::new().at(&format!("http://{}", listener.address()));
        let exchange = start(&flow);
        heard.recv().unwrap();
        says.send(granted("a")).unwrap();
        assert_eq!(end(exchange).exit_code, 0);
        flow.expire();
        Self {
            flow,
            heard,
            says,
            _listener: listener,
        }
    }

    /// Asks for a token, and returns when the refresh has left.
    fn asked(&self) -> std::process::Child {
        let command = self.flow.world.command(["token", "acme", "--json"]);
        let child = start_command(command);
        let request = self.heard.recv().unwrap();
        assert!(request.contains("grant_type=refresh_token"), "{request}");
        child
    }
}

fn granted(digit: &str) -> String {
    let token = |digit: &str| format!("1000.{0}.{0}", digit.repeat(32));
    let body =
        json!({ "access_token": token(digit), "refresh_token": token("b"), "expires_in": 3600 });
    listener::reply(&body.to_string())
}

#[test]
fn the_first_signal_waits_for_the_answer_and_keeps_the_token() {
    for (name, exit_code) in SIGNALS {
        let waiting = Waiting::expired();
        let flow = &waiting.flow;
        let mut child = waiting.asked();
        signal(&child, name);
        assert!(still_runs(&mut child));
        waiting.says.send(granted("c")).unwrap();
        let outcome = end(child);
        assert_eq!(outcome.exit_code, exit_code, "{outcome:?}");
        assert_eq!(outcome.stdout, "", "whoever asked to stop wants no token");
        let said = outcome.warning("waiting").unwrap();
        assert!(said.contains("once more to give it up"), "{said}");
        let held = flow.rows("SELECT count(*) FROM leases WHERE owner IS NOT NULL");
        let open = flow.rows("SELECT count(*) FROM refreshes WHERE outcome = 'open'");
        assert_eq!((&*held, &*open), ("0", "0"));
        // Nobody would answer another refresh.
        let next = flow.world.run("token acme").stdout;
        assert!(next.starts_with("1000.cccc"), "{next}");
    }
}

#[test]
fn the_second_signal_gives_up() {
    for (name, exit_code) in SIGNALS {
        let waiting = Waiting::expired();
        let mut child = waiting.asked();
        signal(&child, name);
        assert!(still_runs(&mut child));
        signal(&child, name);
        let outcome = end(child);
        assert_eq!(outcome.exit_code, exit_code, "{outcome:?}");
        let said = outcome.warning("stopped").unwrap();
        assert!(said.contains("counts at Zoho"), "{said}");
    }
}

#[test]
fn who_waits_for_another_process_is_ended_by_the_first() {
    use std::os::unix::process::ExitStatusExt;
    let waiting = Waiting::expired();
    let other = waiting.asked();
    let command = waiting.flow.world.command(["token", "acme", "--json"]);
    let mut child = start_command(command);
    assert!(still_runs(&mut child));
    signal(&child, "TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.signal(), Some(15), "{output:?}");
    waiting.says.send(granted("c")).unwrap();
    assert_eq!(end(other).exit_code, 0);
}
