//! Two processes with one grant token, and `recover` beside an exchange that lives.

use std::{fs, process::Child};

use crate::{
    story::{NAME, Story, begin, names},
    world::{Outcome, World},
};

const ROUNDS: usize = 20;

fn end(child: Child) -> Outcome {
    child.wait_with_output().unwrap().into()
}

#[test]
fn while_one_waits_for_the_reply_the_other_is_told() {
    let story = Story::new();
    let (home, grant) = (story.used_home(), story.grant());
    story.wire.hold();
    let first = begin(&mut story.command(NAME, &home, &grant), &grant);
    story.wire.wait_for_replies(1);
    let second = end(begin(&mut story.command("other", &home, &grant), &grant));
    let error = second.error();
    assert_eq!(
        (second.exit_code, &error["reason"]),
        (5, &"grant_used".into()),
        "{error}"
    );
    story.wire.release();
    let first = end(first);
    assert_eq!(first.exit_code, 0, "{}", first.stderr);
    assert_eq!(story.wire.take().len(), 1, "one grant, one request");
}

#[test]
fn of_two_that_start_at_once_one_sends() {
    let story = Story::new();
    for round in 0..ROUNDS {
        let is_new = round.is_multiple_of(4);
        let home = if is_new {
            World::new()
        } else {
            story.used_home()
        };
        let grant = story.grant();
        let both = [NAME, "other"].map(|name| story.command(name, &home, &grant));
        let both = both.map(|mut command| begin(&mut command, &grant)).map(end);
        let mut exit_codes = both.each_ref().map(|outcome| outcome.exit_code);
        exit_codes.sort_unstable();
        assert_eq!(exit_codes, [0, 5], "{both:?}");
        assert_eq!(story.wire.take().len(), 1, "one grant, one request");
    }
}

#[test]
fn recover_leaves_a_living_exchange_alone() {
    let story = Story::new();
    let (home, grant) = (story.used_home(), story.grant());
    story.wire.hold();
    let exchange = begin(&mut story.command(NAME, &home, &grant), &grant);
    story.wire.wait_for_replies(1);
    let recovered = home.run("recover --json");
    assert_eq!(
        (recovered.exit_code, recovered.stdout.as_str()),
        (0, "[]\n")
    );
    let list = home.run("connections list --json");
    assert_eq!(
        (names(&list), list.stderr.as_str()),
        (vec!["first".to_owned()], "")
    );
    assert_eq!(fs::read_dir(home.path("escrow")).unwrap().count(), 1);
    story.wire.release();
    let exchange = end(exchange);
    assert_eq!(exchange.exit_code, 0, "{}", exchange.stderr);
    assert_eq!(names(&home.run("connections list --json")), [NAME, "first"]);
}
