use std::time::Duration;

use super::*;

const LIMITS: QueueLimits = QueueLimits {
    simultaneous: 1,
    waiting: 6,
    wait: Duration::from_secs(30),
};

fn queue() -> Arc<Queue> {
    Arc::new(Queue::new(LIMITS))
}

#[tokio::test(start_paused = true)]
async fn rows_of_callers_take_turns() {
    let queue = queue();
    let first = queue.enter("greedy").await.unwrap();
    let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
    for caller in ["greedy", "greedy", "greedy", "modest", "modest", "third"] {
        let (queue, done) = (queue.clone(), done.clone());
        tokio::spawn(async move {
            let permit = queue.enter(caller).await.unwrap();
            done.send(caller).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(permit);
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(queue.enter("third").await.err(), Some(Busy::Full));
    drop((first, done));
    let mut seen = Vec::new();
    while let Some(caller) = order.recv().await {
        seen.push(caller);
    }
    assert_eq!(
        seen,
        ["greedy", "modest", "third", "greedy", "modest", "greedy"]
    );
    assert_eq!(queue.state().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_turn_is_for_somebody_else_than_who_has_all_the_others() {
    let queue = wide(3);
    let _first = queue.enter("greedy").await.unwrap();
    let second = queue.enter("greedy").await.unwrap();
    assert_eq!(queue.enter("greedy").await.err(), Some(Busy::Late));
    let modest = queue.enter("modest").await.unwrap();
    let mut waits = Box::pin(queue.enter("greedy"));
    assert!(futures_poll(&mut waits).is_pending());
    drop(modest);
    assert!(futures_poll(&mut waits).is_pending(), "it is kept free");
    drop(second);
    assert!(futures_poll(&mut waits).is_ready());
    assert_eq!(queue.state().under_way, 1, "its permit was dropped");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_fewer_under_way_is_next() {
    let queue = wide(4);
    let mut held = Vec::new();
    for caller in ["greedy", "greedy", "greedy", "modest"] {
        held.push(queue.enter(caller).await.unwrap());
    }
    let mut greedy = Box::pin(queue.enter("greedy"));
    let mut modest = Box::pin(queue.enter("modest"));
    assert!(futures_poll(&mut greedy).is_pending());
    assert!(futures_poll(&mut modest).is_pending());
    drop(held.remove(0));
    assert!(
        futures_poll(&mut greedy).is_pending(),
        "though it came first"
    );
    assert!(futures_poll(&mut modest).is_ready());
}

#[tokio::test(start_paused = true)]
async fn another_limit_is_felt_at_once_by_those_who_wait() {
    let queue = queue();
    let _held = queue.enter("a").await.unwrap();
    let mut waits = Box::pin(queue.enter("b"));
    assert!(futures_poll(&mut waits).is_pending());
    queue.set_simultaneous(2);
    drop(waits.await.unwrap());
    queue.set_simultaneous(1);
    assert_eq!(queue.enter("b").await.err(), Some(Busy::Late));
}

fn wide(simultaneous: usize) -> Arc<Queue> {
    Arc::new(Queue::new(QueueLimits {
        simultaneous,
        ..LIMITS
    }))
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let queue = queue();
    let _held = queue.enter("a").await.unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(queue.enter("b").await.err(), Some(Busy::Late));
    assert_eq!(before.elapsed(), LIMITS.wait);
    assert_eq!(queue.state().waiting, 0);
    assert!(queue.state().rows.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_takes_no_turn() {
    let queue = queue();
    let held = queue.enter("a").await.unwrap();
    let gone = tokio::spawn({
        let queue = queue.clone();
        async move { queue.enter("b").await.map(drop) }
    });
    let stays = tokio::spawn({
        let queue = queue.clone();
        async move { queue.enter("c").await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert_eq!(queue.state().waiting, 2);
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    assert_eq!(queue.state().waiting, 1);
    drop(held);
    stays.await.unwrap().unwrap();
    assert_eq!(queue.state().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_sent_to_one_who_went_away_is_not_lost() {
    let queue = queue();
    let held = queue.enter("a").await.unwrap();
    let mut leaving = Box::pin(queue.enter("b"));
    assert!(futures_poll(&mut leaving).is_pending());
    drop(held);
    assert_eq!(queue.state().under_way, 1, "it is on its way");
    drop(leaving);
    assert_eq!(queue.state().under_way, 0);
}

fn futures_poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> std::task::Poll<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    future.as_mut().poll(&mut context)
}
