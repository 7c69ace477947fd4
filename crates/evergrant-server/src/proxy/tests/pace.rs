//! Callers that send or take a little now and then. Everything is in memory, and time passes when nobody has anything to
//! do.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    time::{Instant, sleep},
};
use zoho_oauth::{Dialer, TransportConfig};

use crate::{
    body::Body,
    proxy::{
        Settings,
        flow::{Flows, Held},
        measure::Measures,
        pace::TooSlow,
        passage::Passage,
        pool::{Connection, Pool, PoolLimits},
        queue::{Queue, QueueLimits},
        target::Target,
        upload::{Stage, Upload},
    },
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// So much is asked of a caller in one silence.
const LEAST: usize = 32 * 1024;

fn silence() -> Duration {
    Settings::default().silence
}

/// Receives an upload whose pieces come after a pause each; says how it ended, and after what time.
async fn upload(piece: usize, pause: Duration, pieces: usize) -> (Stage, Duration) {
    let (mut caller, ours) = duplex(1024);
    let (done, mut ended) = mpsc::channel(1);
    let receiving = service_fn(move |request: Request<Incoming>| {
        let done = done.clone();
        async move {
            let pace = Settings::default().pace();
            let upload = Upload::take(request.into_body(), pace).await.unwrap();
            let progress = upload.progress().unwrap();
            // Why it broke off is in its progress.
            let _ = upload.collect().await;
            done.send(progress.stage()).await.unwrap();
            Ok::<_, Infallible>(Response::new(Body::from(Bytes::new())))
        }
    });
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(ours), receiving));
    tokio::spawn(async move {
        let head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        caller.write_all(head).await.unwrap();
        let chunk = format!("{piece:x}\r\n{}\r\n", "x".repeat(piece));
        for _ in 0..pieces {
            sleep(pause).await;
            // It may have been cut.
            let _ = caller.write_all(chunk.as_bytes()).await;
        }
        let _ = caller.write_all(b"0\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let began = Instant::now();
    (ended.recv().await.unwrap(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_dribbles_is_cut_and_one_over_a_bad_line_is_not() {
    let (stage, time) = upload(1, Duration::from_secs(60), 1000).await;
    assert_eq!(stage, Stage::Late(TooSlow::Slow));
    assert!(time <= silence() * 2, "{time:?}");
    let (stage, time) = upload(LEAST / 2, Duration::from_secs(55), 100).await;
    assert!(matches!(stage, Stage::Ended(_)), "{stage:?}");
    assert!(time > Duration::from_secs(5000));
}

/// A reply under way from Zoho to a caller, and the queue in which others wait for its place.
struct Under {
    zoho: DuplexStream,
    caller: DuplexStream,
    queue: Arc<Queue>,
}

impl Under {
    async fn way() -> Self {
        let (mut zoho, theirs) = duplex(1024);
        let (mut caller, ours) = duplex(1024);
        let settings = Settings::default();
        let queue = Arc::new(Queue::new(QueueLimits {
            simultaneous: 1,
            waiting: 1,
            wait: DAY,
        }));
        let target = || Target::new("http://api").unwrap();
        let mut connection = Connection::over(theirs, target()).await;
        let upload = Upload::Whole(None);
        let sent = connection.sender.send_request(Request::new(upload));
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let replying = async {
            // All of a head as short as this one comes at once.
            assert_ne!(zoho.read(&mut [0; 1024]).await.unwrap(), 0);
            zoho.write_all(head).await.unwrap();
        };
        let (sent, ()) = tokio::join!(sent, replying);
        let limits = PoolLimits {
            silence: settings.silence,
            idle: settings.idle,
            idle_connections: 0,
        };
        let dialer = Arc::new(Dialer::new(TransportConfig::default()));
        let held = Held {
            connection,
            pool: Arc::new(Pool::new(dialer, limits)),
            permit: queue.enter("slow").await.unwrap(),
            measures: Arc::<Measures>::default(),
        };
        let flows = Arc::new(Flows::new(settings.pace()));
        let passage = Passage::new(sent.unwrap().into_body(), held, &flows);
        let once = Mutex::new(Some(passage));
        let passing = service_fn(move |_: Request<Incoming>| {
            let passage = once.lock().unwrap().take().unwrap();
            async { Ok::<_, Infallible>(Response::new(Body::Proxied(passage))) }
        });
        let mut server = http1::Builder::new();
        server.max_buf_size(LEAST);
        tokio::spawn(server.serve_connection(TokioIo::new(ours), passing));
        caller
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        Self {
            zoho,
            caller,
            queue,
        }
    }

    /// Has Zoho send a piece and the caller take one, each after a pause; says when the call was given to somebody else,
    /// and `None` if it was not in a day.
    async fn cut(self, sends: (usize, Duration), takes: (usize, Duration)) -> Option<Duration> {
        let (mut zoho, mut caller) = (self.zoho, self.caller);
        tokio::spawn(async move {
            let chunk = format!("{:x}\r\n{}\r\n", sends.0, "x".repeat(sends.0));
            while zoho.write_all(chunk.as_bytes()).await.is_ok() {
                sleep(sends.1).await;
            }
        });
        tokio::spawn(async move {
            let mut buffer = vec![0; takes.0];
            while caller.read_exact(&mut buffer).await.is_ok() {
                sleep(takes.1).await;
            }
        });
        let began = Instant::now();
        // It waits for a day.
        let next = self.queue.enter("next").await;
        next.is_ok().then(|| began.elapsed())
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_caller_that_takes_a_little_now_and_then_gives_its_place_to_others() {
    let much = (8 * 1024, Duration::from_millis(1));
    for takes in [(1, SECOND), (8 * 1024, SECOND * 50), (1, DAY)] {
        let cut = Under::way().await.cut(much, takes).await;
        assert!(
            cut.is_some_and(|at| at < silence() * 3),
            "{takes:?} {cut:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_over_a_bad_line_is_waited_for() {
    let much = (8 * 1024, Duration::from_millis(1));
    let takes = (2 * 1024, SECOND * 5);
    assert_eq!(Under::way().await.cut(much, takes).await, None);
}

#[tokio::test(start_paused = true)]
async fn that_zoho_sends_little_is_no_fault_of_the_callers() {
    let takes = (1, Duration::from_millis(1));
    let little = (10, MINUTE);
    assert_eq!(Under::way().await.cut(little, takes).await, None);
    let nothing = (10, DAY);
    let cut = Under::way().await.cut(nothing, takes).await;
    assert!(cut.is_some_and(|at| at < silence() * 3), "{cut:?}");
}
