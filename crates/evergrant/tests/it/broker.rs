//! One token for everybody.

use std::{
    future::Future,
    task::{Context, Poll, Waker},
    time::Duration,
};

use evergrant::{
    broker::{self, BrokerError, RefreshCount, Report, TokenWarning, Wanted},
    clock::Timestamp,
};
use serde_json::json;
use zoho_oauth::AccessToken;

use crate::world::{World, acme, min_valid, new_token};

#[tokio::test]
async fn a_token_that_lives_long_enough_is_given_without_a_request() {
    let world = World::new().await;
    let token = world.token(&Wanted::default()).await.unwrap();
    assert!(token.left() > Duration::from_secs(3500) && !token.is_stale());
    assert_eq!(token.scopes().to_string(), "ZohoCRM.modules.ALL");
    assert_eq!(world.refreshes().await, 0);
}

#[tokio::test]
async fn one_that_does_not_is_refreshed_and_the_result_is_for_all() {
    let world = World::new().await;
    let old = world.token(&Wanted::default()).await.unwrap();
    world.pass(3400).await;
    let new = world.token(&Wanted::default()).await.unwrap();
    assert!(new.expires_at() > old.expires_at());
    let again = world.token(&min_valid(3000)).await.unwrap();
    assert_eq!(
        again.access_token().expose_secret(),
        new.access_token().expose_secret()
    );
    assert_eq!(world.refreshes().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_in_many_brokers_one_refreshes() {
    let world = World::expired().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let broker = world.broker().await;
        for _ in 0..25 {
            let broker = broker.clone();
            tasks.spawn(async move {
                let token = broker.token(&acme(), &Wanted::default()).await.unwrap();
                token.access_token().expose_secret().to_owned()
            });
        }
    }
    let mut tokens = tasks.join_all().await;
    tokens.dedup();
    assert_eq!((tokens.len(), world.refreshes().await), (1, 1));
}

#[tokio::test]
async fn whoever_asks_may_go_away_at_any_moment() {
    let (mut polls, mut ended) = (0, false);
    while !ended {
        let world = World::expired().await;
        let broker = world.broker().await;
        let wanted = Wanted::default();
        let name = acme();
        {
            let mut asking = std::pin::pin!(broker.token(&name, &wanted));
            for _ in 0..polls {
                let mut context = Context::from_waker(Waker::noop());
                if let Poll::Ready(token) = asking.as_mut().poll(&mut context) {
                    token.unwrap();
                    ended = true;
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        let token = world.token(&Wanted::default()).await.unwrap();
        assert!(token.left() > Duration::from_secs(3500));
        assert_eq!(world.refreshes().await, 1, "gone after {polls} polls");
        polls += 1;
    }
    assert!(polls > 3, "{polls}");
}

#[tokio::test]
async fn a_program_that_ends_waits_for_what_is_under_way() {
    let world = World::expired().await;
    let broker = world.broker().await;
    world.fault(json!({ "do": "delay", "seconds": 0.2 })).await;
    {
        let (name, wanted) = (acme(), Wanted::default());
        tokio::select! {
            token = broker.token(&name, &wanted) => panic!("too early: {token:?}"),
            () = broker.refreshing() => assert!(broker.is_refreshing()),
        }
    }
    broker.finish().await;
    assert!(!broker.is_refreshing());
    assert_eq!(world.count("leases WHERE owner IS NOT NULL").await, 0);
    assert_eq!(world.count("refreshes WHERE outcome = 'open'").await, 0);
}

#[tokio::test]
async fn who_waits_for_another_process_has_nothing_to_finish() {
    let world = World::expired().await;
    world.fault(json!({ "do": "delay", "seconds": 2 })).await;
    let (other, broker) = (world.broker().await, world.broker().await);
    let (name, wanted) = (acme(), Wanted::default());
    let others = tokio::spawn({
        let (other, name, wanted) = (other.clone(), name.clone(), wanted.clone());
        async move { other.token(&name, &wanted).await.map(drop) }
    });
    while world.count("refreshes WHERE outcome = 'open'").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asking = broker.token(&name, &wanted);
    let waits = tokio::time::timeout(Duration::from_millis(200), asking).await;
    waits.unwrap_err();
    assert!(other.is_refreshing() && !broker.is_refreshing());
    broker.finish().await;
    others.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_new_token_is_one_that_did_not_exist() {
    let world = World::new().await;
    let broker = world.broker().await;
    let old = broker.token(&acme(), &Wanted::default()).await.unwrap();
    let new = broker.token(&acme(), &new_token()).await.unwrap();
    assert_ne!(
        old.access_token().expose_secret(),
        new.access_token().expose_secret()
    );
    assert_eq!(world.refreshes().await, 1);
}

#[tokio::test]
async fn a_new_token_is_given_even_if_it_ends_before_the_old_one() {
    let world = World::new().await;
    let limits = json!({ "access_token_seconds": 640 });
    world.control("PATCH", "/limits", limits).await;
    let broker = world.broker().await;
    let old = broker.token(&acme(), &Wanted::default()).await.unwrap();
    let new = broker.token(&acme(), &new_token()).await.unwrap();
    assert!(new.left() <= Duration::from_secs(640));
    assert_ne!(
        old.access_token().expose_secret(),
        new.access_token().expose_secret()
    );
    let newer = world.token(&new_token()).await.unwrap();
    assert_ne!(
        new.access_token().expose_secret(),
        newer.access_token().expose_secret()
    );
    assert_eq!(world.refreshes().await, 2);
}

#[tokio::test]
async fn more_than_a_token_can_have_is_cut_and_said() {
    let world = World::new().await;
    let token = world.token(&min_valid(7200)).await.unwrap();
    assert!(matches!(
        token.warnings(),
        [TokenWarning::MinValidCut { .. }]
    ));
    assert_eq!(world.refreshes().await, 0);
}

#[tokio::test]
async fn the_clock_may_be_wrong_or_be_set_while_the_answer_is_out() {
    for (before, during) in [
        (300, 0),
        (-300, 0),
        (0, 300),
        (0, -300),
        (300, -300),
        (-300, 300),
    ] {
        let world = World::expired().await;
        let set = |seconds: i64| {
            let now = world.clock.now().as_millis();
            world
                .clock
                .set(Timestamp::from_millis(now + seconds * 1000));
        };
        set(before);
        world.fault(json!({ "do": "delay", "seconds": 1 })).await;
        let mut brokers = Vec::new();
        for _ in 0..4 {
            brokers.push(world.broker().await);
        }
        let (name, wanted) = (acme(), Wanted::default());
        let asking = brokers.iter().map(|broker| broker.token(&name, &wanted));
        let asking: Vec<_> = asking.map(Box::pin).collect();
        let setting = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            set(during);
        };
        let (tokens, ()) = tokio::join!(join_all(asking), setting);
        for token in tokens {
            let left = token.unwrap().left();
            assert!(left > Duration::from_secs(3000), "{left:?}");
        }
        assert_eq!(world.refreshes().await, 1, "{before} s, {during} s");
        // And once the clock is right again, nobody takes a dead token for a living one.
        world.pass(3601).await;
        let token = world.token(&Wanted::default()).await.unwrap();
        assert!(!token.is_stale());
        assert_eq!(world.refreshes().await, 2, "{before} s, {during} s");
    }
}

async fn join_all<F: Future>(futures: Vec<std::pin::Pin<Box<F>>>) -> Vec<F::Output> {
    let mut futures = futures;
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        match outputs.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[tokio::test]
async fn reading_a_token_writes_nothing_after_the_first_time() {
    let world = World::new().await;
    world.token(&Wanted::default()).await.unwrap();
    assert_eq!(
        world.count("audit WHERE event = 'token_handed_out'").await,
        1
    );
    // A commit lands in the log beside the database, which nobody writes back while this is open.
    let mut open = world.database().await;
    sqlx::query("SELECT count(*) FROM audit")
        .fetch_all(&mut open)
        .await
        .unwrap();
    let files = || {
        let vault = world.folders().vault();
        let log = vault.with_extension("db-wal");
        [vault, log].map(|file| std::fs::read(file).unwrap_or_default())
    };
    let before = files();
    for _ in 0..3 {
        world.token(&Wanted::default()).await.unwrap();
    }
    assert!(files() == before);
    world.execute("UPDATE audit SET detail = 'x'").await;
    assert!(files() != before, "it would be seen");
}

#[tokio::test]
async fn a_report_of_a_token_that_was_replaced_elsewhere_forgets_it_here() {
    let world = World::new().await;
    let (here, elsewhere) = (world.broker().await, world.broker().await);
    for _ in 0..2 {
        here.token(&acme(), &Wanted::default()).await.unwrap();
    }
    let old = here.token(&acme(), &Wanted::default()).await.unwrap();
    let (name, token) = (acme(), old.access_token());
    let dropped = elsewhere.report_refused(&name, token).await.unwrap();
    assert_eq!(dropped, Report::Dropped);
    let new = elsewhere.token(&name, &Wanted::default()).await.unwrap();
    let report = here.report_refused(&name, token).await.unwrap();
    assert_eq!(report, Report::NotCurrent);
    let given = here.token(&name, &Wanted::default()).await.unwrap();
    assert_eq!(
        given.access_token().expose_secret(),
        new.access_token().expose_secret()
    );
    assert_eq!(world.refreshes().await, 1);
}

#[tokio::test]
async fn a_refused_token_is_dropped_once() {
    let world = World::new().await;
    let broker = world.broker().await;
    let old = broker.token(&acme(), &Wanted::default()).await.unwrap();
    let report = broker
        .report_refused(&acme(), old.access_token())
        .await
        .unwrap();
    assert_eq!(report, Report::Dropped);
    let new = broker.token(&acme(), &Wanted::default()).await.unwrap();
    assert_ne!(
        old.access_token().expose_secret(),
        new.access_token().expose_secret()
    );
    let again = broker
        .report_refused(&acme(), old.access_token())
        .await
        .unwrap();
    assert_eq!(again, Report::NotCurrent);
    let foreign = AccessToken::new("1000.foreign");
    let foreign = broker.report_refused(&acme(), &foreign).await.unwrap();
    assert_eq!(foreign, Report::Unknown);
    let too_soon = broker
        .report_refused(&acme(), new.access_token())
        .await
        .unwrap();
    assert!(matches!(too_soon, Report::TooMany { .. }));
    assert_eq!(world.refreshes().await, 1);
}

#[tokio::test]
async fn three_reports_in_ten_minutes_are_believed() {
    let world = World::new().await;
    let broker = world.broker().await;
    let mut believed = 0;
    for _ in 0..6 {
        let token = broker.token(&acme(), &Wanted::default()).await.unwrap();
        let report = broker
            .report_refused(&acme(), token.access_token())
            .await
            .unwrap();
        believed += usize::from(report == Report::Dropped);
        world.pass(121).await;
    }
    // The first is forgotten after ten minutes, so that a fourth is believed in the eleventh.
    assert_eq!(believed, 4);
}

#[tokio::test]
async fn a_busy_process_asks_the_vault_once_a_second() {
    let world = World::new().await;
    let (broker, mut database) = (world.broker().await, world.database().await);
    for _ in 0..2 {
        broker.token(&acme(), &Wanted::default()).await.unwrap();
    }
    sqlx::query("DELETE FROM connections")
        .execute(&mut database)
        .await
        .unwrap();
    broker.token(&acme(), &Wanted::default()).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let gone = broker.token(&acme(), &Wanted::default()).await;
    assert!(matches!(gone, Err(BrokerError::NotFound(_))), "{gone:?}");
}

#[tokio::test]
async fn every_token_that_is_given_is_counted_from_wherever_it_comes() {
    let world = World::expired().await;
    let broker = world.broker().await;
    assert!(broker.handed_out().is_empty());
    // By a refresh, from the vault, and twice from memory.
    for count in 1..=4 {
        broker.token(&acme(), &Wanted::default()).await.unwrap();
        assert_eq!(broker.clone().handed_out()[&acme()], count);
    }
    let nobody = "nobody".parse().unwrap();
    broker.token(&nobody, &Wanted::default()).await.unwrap_err();
    world.pass(3600).await;
    broker.token(&acme(), &Wanted::default()).await.unwrap();
    let counts = broker.handed_out().into_iter().collect::<Vec<_>>();
    assert_eq!(counts, [(acme(), 5)], "another token goes on counting");
}

#[tokio::test]
async fn a_server_learns_how_long_tokens_live_and_what_came_of_refreshes() {
    let world = World::expired().await;
    let broker = world.broker().await;
    assert!(broker.lifetime_in_memory(&acme()).is_none());
    for _ in 0..2 {
        broker.token(&acme(), &Wanted::default()).await.unwrap();
    }
    world.pass(600).await;
    let lifetime = broker.lifetime_in_memory(&acme()).unwrap();
    assert_eq!(lifetime.life.as_secs(), 3600);
    assert!((2990..=3000).contains(&lifetime.left.as_secs()));
    let vault = world.vault().await;
    let (first, last) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
    let counted = broker::count(vault.vault(), first, last).await.unwrap();
    let granted = RefreshCount {
        connection: acme(),
        outcome: "granted".to_owned(),
        count: 1,
    };
    assert_eq!(counted, [granted]);
    let later = vault.vault().now().minus(Duration::from_secs(300));
    assert!(
        broker::count(vault.vault(), later, last)
            .await
            .unwrap()
            .is_empty()
    );
}
