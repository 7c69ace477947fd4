//! Large bodies, slow ones and those that break off.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    upstream::{Pieces, Upstream, says},
    world::World,
};
use crate::{body::Body, proxy::Outcome};

const MIB: usize = 1024 * 1024;

/// Returns how much memory this process has, in bytes.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    resident * 4096
}

#[tokio::test]
async fn a_gigabyte_goes_through_in_flat_memory_in_both_directions() {
    let api = Upstream::http(async |request| {
        let mut incoming = request.into_body();
        let mut size = 0;
        while let Some(Ok(frame)) = incoming.frame().await {
            size += frame.data_ref().map_or(0, Bytes::len);
        }
        let pieces = if size == 0 { 16 * 1024 } else { 0 };
        let mut response = Response::new(Body::Made(Box::pin(Pieces::of(MIB / 16, pieces))));
        response.headers_mut().insert("x-size", size.into());
        response
    })
    .await;
    let world = World::new(api).await;
    let before = memory();
    let request = Request::get("/crm/bulk/v8/read/1/result")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let mut reply = world.sender().await.send_request(request).await.unwrap();
    let (mut size, mut most) = (0, 0);
    while let Some(frame) = reply.body_mut().frame().await {
        size += frame.unwrap().data_ref().map_or(0, Bytes::len);
        most = most.max(memory());
    }
    assert_eq!(size, 1024 * MIB);
    let request = Request::post("/crm/v8/upload")
        .body(Pieces::of(MIB / 16, 16 * 1024))
        .unwrap();
    let reply = world.send(request).await;
    assert_eq!(reply.headers()["x-size"], (1024 * MIB).to_string());
    most = most.max(memory());
    assert!(
        most.saturating_sub(before) < 256 * MIB,
        "{before} grew to {most}"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_the_request() {
    let world = World::with_settings(
        Upstream::http(async |_| Response::new(Body::Made(Box::pin(Pieces::of(MIB, 1_000_000)))))
            .await,
        |settings| settings.queue.simultaneous = 1,
    )
    .await;
    for _ in 0..3 {
        let mut stream = world.connect().await;
        let request = b"GET /crm/v8/Leads HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        stream.read_exact(&mut [0; 1000]).await.unwrap();
        // Its place in the queue is given back, else the next one would wait.
    }
    assert_eq!(world.api.connections(), 3);
}

#[tokio::test]
async fn a_caller_that_goes_away_before_the_reply_takes_no_place() {
    let world = World::with_settings(
        Upstream::http(async |request: Request<_>| {
            if request.uri().path() == "/crm/v8/Slow" {
                std::future::pending::<()>().await;
            }
            says("{}")
        })
        .await,
        |settings| settings.queue.simultaneous = 1,
    )
    .await;
    let mut stream = world.connect().await;
    stream
        .write_all(b"GET /crm/v8/Slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    while world.api.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(stream);
    assert_eq!(world.get("/crm/v8/Leads").await.status(), 200);
}

#[tokio::test]
async fn a_server_that_closes_without_a_word_is_unavailable() {
    let world = World::new(Upstream::script("", false).await).await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["evergrant-error"]),
        (502, &"unavailable".parse().unwrap())
    );
    assert!(String::from_utf8_lossy(reply.body()).contains("\"reason\":\"no_reply\""));
    assert_eq!(
        world.api.connections(),
        1,
        "a new connection is not tried again"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_the_caller() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let world = World::new(Upstream::script(cut, false).await).await;
    let reply = world
        .raw("GET /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        reply.contains("content-length: 100\r\n") && reply.ends_with("half"),
        "{reply}"
    );
    assert_eq!(world.proxy.measures().broken(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_not_felt() {
    let once = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let world = World::new(Upstream::script(once, false).await).await;
    for _ in 0..5 {
        assert_eq!(world.get("/crm/v8/Leads").await.status(), 200);
    }
    assert_eq!(world.api.connections(), 5);
}

#[tokio::test]
async fn a_reply_that_does_not_begin_is_late() {
    let world = World::with_settings(Upstream::script("", true).await, |settings| {
        settings.first_byte = Duration::from_millis(100);
    })
    .await;
    let began = Instant::now();
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(reply.status(), 504);
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert_eq!(world.proxy.measures().outcome(Outcome::Unavailable), 1);
}

#[tokio::test]
async fn a_reply_that_stops_is_not_waited_for() {
    let stops = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
    let world = World::with_settings(Upstream::script(stops, true).await, |settings| {
        settings.silence = Duration::from_millis(100);
    })
    .await;
    let reply = world
        .raw("GET /crm/v8/Leads HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert!(reply.ends_with("half"), "{reply}");
    assert_eq!(world.proxy.measures().broken(), 1);
}

#[tokio::test]
async fn a_caller_that_takes_no_more_gives_its_place_to_others() {
    let api = Upstream::http(async |request: Request<hyper::body::Incoming>| {
        match request.uri().path() {
            "/crm/v8/Large" => Response::new(Body::Made(Box::pin(Pieces::of(MIB, 100)))),
            _ => says("{}"),
        }
    });
    let world = World::with_settings(api.await, |settings| {
        settings.silence = Duration::from_millis(100);
        settings.queue.simultaneous = 1;
    })
    .await;
    let mut stream = world.connect().await;
    stream
        .write_all(b"GET /crm/v8/Large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    // It holds its connection and reads no more.
    assert_eq!(world.get("/crm/v8/Leads").await.status(), 200);
    assert_eq!(world.proxy.measures().broken(), 1);
}

#[tokio::test]
async fn a_reply_without_a_length_that_stops_is_no_whole_reply() {
    let stops = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let world = World::with_settings(Upstream::script(stops, true).await, |settings| {
        settings.silence = Duration::from_millis(100);
    })
    .await;
    let reply = world
        .raw("GET /crm/v8/Leads HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert!(reply.ends_with("4\r\nhalf\r\n"), "{reply}");
}

#[tokio::test]
async fn a_request_whose_body_stops_is_not_waited_for() {
    let world = World::with_settings(
        Upstream::http(async |request: Request<hyper::body::Incoming>| {
            let _ = request.into_body().collect().await;
            says("{}")
        })
        .await,
        |settings| settings.silence = Duration::from_millis(100),
    )
    .await;
    for length in [
        "content-length: 10",
        "content-length: 1000000",
        "transfer-encoding: chunked",
    ] {
        let request = format!("POST /crm/v8/Leads HTTP/1.1\r\nhost: x\r\n{length}\r\n\r\n1\r\n");
        let reply = world.raw(&request).await;
        assert!(reply.starts_with("HTTP/1.1 408 "), "{length}: {reply}");
        assert!(
            reply.contains("\"reason\":\"body_silent\""),
            "{length}: {reply}"
        );
    }
}

#[tokio::test]
async fn a_slow_upload_does_not_make_the_reply_late() {
    let world = World::with_settings(
        Upstream::http(async |request: Request<hyper::body::Incoming>| {
            request.into_body().collect().await.unwrap();
            says("{}")
        })
        .await,
        |settings| settings.first_byte = Duration::from_millis(100),
    )
    .await;
    let mut stream = world.connect().await;
    let head = "POST /crm/v8/Leads HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stream.write_all(b"1\r\nx\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
}

#[tokio::test]
async fn nobody_listens() {
    let mut api = Upstream::http(async |_| says("{}")).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    api.origin = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let world = World::new(api).await;
    let reply = world.get("/crm/v8/Leads").await;
    assert_eq!(reply.status(), 503);
    assert!(String::from_utf8_lossy(reply.body()).contains("nothing was sent"));
}

#[tokio::test]
async fn bodies_of_unknown_length_and_early_replies_pass() {
    let world = World::new(
        Upstream::http(async |request: Request<hyper::body::Incoming>| {
            // It replies before it has read the body.
            tokio::spawn(request.into_body().collect());
            let mut response = says("no");
            *response.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            response
        })
        .await,
    )
    .await;
    let request = Request::post("/crm/v8/upload")
        .body(Pieces::of(1000, 100))
        .unwrap();
    assert_eq!(world.send(request).await.status(), 413);
    let body = http_body_util::Full::new(Bytes::from_static(b"[]"));
    let next = Request::post("/crm/v8/Leads").body(body).unwrap();
    assert_eq!(world.send(next).await.status(), 413);
}
