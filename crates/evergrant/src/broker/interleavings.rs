//! The lease under every order of events: processes that step, are killed, stopped and go on, clocks that
//! are set, replies that are lost. What must hold is looked at after each event.

mod world;

use proptest::prelude::*;

use self::world::World;

const PROCESSES: usize = 4;

/// What Zoho does with a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Grants,
    GrantsAndTheReplyIsLost,
    Fails,
    RefusesTheToken,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// A process does the next thing.
    Step(usize, Answer),
    Kill(usize),
    /// A process is stopped, or goes on.
    Stop(usize),
    Pass(u64),
    /// Somebody sets the time of day by so many seconds.
    SetTime(i64),
    /// All tokens are dropped, so that the next who asks has to refresh.
    Expire,
}

fn event() -> impl Strategy<Value = Event> {
    let answer = prop_oneof![
        6 => Just(Answer::Grants),
        2 => Just(Answer::GrantsAndTheReplyIsLost),
        2 => Just(Answer::Fails),
        1 => Just(Answer::RefusesTheToken),
    ];
    prop_oneof![
        20 => (0..PROCESSES, answer).prop_map(|(process, answer)| Event::Step(process, answer)),
        1 => (0..PROCESSES).prop_map(Event::Kill),
        3 => (0..PROCESSES).prop_map(Event::Stop),
        4 => (1_u64..15_000).prop_map(Event::Pass),
        2 => (-900_i64..900).prop_map(Event::SetTime),
        1 => Just(Event::Expire),
    ]
}

proptest! {
    #[test]
    fn in_every_order_of_events_one_refreshes_and_nobody_is_left_behind(
        events in proptest::collection::vec(event(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for event in events {
                world.happen(event).await;
                world.check_the_token().await;
            }
            world.calm_down().await;
        });
    }

    #[test]
    fn without_clocks_that_are_set_a_refresh_more_is_one_killed_or_stopped_too_long(
        events in proptest::collection::vec(event(), 1..120),
    ) {
        let calm = |event: &Event| match event {
            Event::SetTime(_) | Event::Expire => false,
            Event::Step(_, answer) => matches!(answer, Answer::Grants),
            _ => true,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for event in events.into_iter().filter(calm) {
                world.happen(event).await;
            }
            assert!(world.requests <= 1 + world.excused, "{} requests, {} excused", world.requests, world.excused);
        });
    }
}
