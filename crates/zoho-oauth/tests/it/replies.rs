//! What comes back, and what becomes of it.

use std::time::Duration;

use zoho_oauth::transport::REPLY_LIMIT;
use zoho_oauth::{ReplyEnd, SendError, Transport, TransportConfig};

use crate::server::{Server, Step, exchange, patient, say, send};

const BODY: &str = r#"{"refresh_token":"1000.r"}"#;

fn with_length(length: usize, body: &str) -> Step {
    say(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

#[tokio::test]
async fn one_request_one_reply() {
    let server = Server::play(vec![Step::Hear, with_length(BODY.len(), BODY), Step::Hold]);
    let origin = server.origin();
    let reply = send(patient(), &origin).await.unwrap();
    assert_eq!((reply.status, reply.end), (200, ReplyEnd::Complete));
    assert_eq!(reply.content_type.as_deref(), Some("application/json"));
    assert_eq!(*reply.body, BODY.as_bytes());

    let heard = server.heard().remove(0);
    let (head, form) = heard.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /oauth/v2/token HTTP/1.1\r\n"),
        "{head}"
    );
    for line in [
        "connection: close",
        "accept-encoding: identity",
        &format!("host: {}", &origin[7..]),
    ] {
        assert!(head.lines().any(|it| it == line), "{line} is not in {head}");
    }
    assert_eq!(
        form,
        "grant_type=authorization_code&client_id=1000.ID&client_secret=s3cret&code=1000.code"
    );
}

#[tokio::test]
async fn silence_is_no_answer() {
    let server = Server::play(vec![Step::Hear, Step::Hold]);
    let config = TransportConfig {
        silence: Duration::from_millis(500),
        ..patient()
    };
    let error = send(config, &server.origin()).await.unwrap_err();
    assert!(matches!(error, SendError::NoAnswer), "{error:?}");
    assert!(error.may_have_arrived());
    assert_eq!(server.heard().len(), 1, "sent once");
}

#[tokio::test]
async fn closing_without_a_byte_is_closed() {
    let server = Server::play(vec![Step::Hear]);
    let error = send(patient(), &server.origin()).await.unwrap_err();
    assert!(matches!(error, SendError::Closed(_)), "{error:?}");
    assert!(error.may_have_arrived());
}

#[tokio::test]
async fn a_reset_is_closed() {
    let server = Server::play(vec![Step::Overhear]);
    let error = send(patient(), &server.origin()).await.unwrap_err();
    assert!(matches!(error, SendError::Closed(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_closes_before_the_request_has_sent_nothing() {
    let server = Server::play(vec![]);
    let origin = server.origin();
    let connection = Transport::new(patient()).connect(&origin).await.unwrap();
    server.heard();
    let error = connection.send(exchange(&origin)).await.unwrap_err();
    assert!(matches!(error, SendError::NotSent(_)), "{error:?}");
    assert!(!error.may_have_arrived());
}

#[tokio::test]
async fn a_request_for_another_server_is_not_sent() {
    let server = Server::play(vec![Step::Hear]);
    let connection = Transport::new(patient())
        .connect(server.origin())
        .await
        .unwrap();
    let error = connection
        .send(exchange("https://accounts.zoho.eu"))
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::OtherOrigin), "{error:?}");
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn half_a_head_is_closed() {
    let half = || say("HTTP/1.1 200 OK\r\nContent-Le");
    let server = Server::play(vec![Step::Hear, half()]);
    let error = send(patient(), &server.origin()).await.unwrap_err();
    assert!(matches!(error, SendError::Closed(_)), "{error:?}");

    let server = Server::play(vec![Step::Hear, half(), Step::Hold]);
    let config = TransportConfig {
        reading: Duration::from_millis(50),
        ..patient()
    };
    let error = send(config, &server.origin()).await.unwrap_err();
    assert!(matches!(error, SendError::Closed(_)), "{error:?}");
}

#[tokio::test]
async fn another_protocol_is_malformed() {
    let server = Server::play(vec![
        Step::Hear,
        say("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        Step::Hold,
    ]);
    let error = send(patient(), &server.origin()).await.unwrap_err();
    assert!(matches!(error, SendError::Malformed(_)), "{error:?}");
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_cut() {
    let server = Server::play(vec![Step::Hear, with_length(BODY.len() + 9, BODY)]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!((&**reply.body, reply.end), (BODY.as_bytes(), ReplyEnd::Cut));
}

#[tokio::test]
async fn chunks_without_an_end_are_cut() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n{BODY}\r\n", BODY.len());
    let server = Server::play(vec![Step::Hear, say(head), say(&chunk)]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!((&**reply.body, reply.end), (BODY.as_bytes(), ReplyEnd::Cut));

    let server = Server::play(vec![Step::Hear, say(head), say(&chunk), say("0\r\n\r\n")]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!(
        (&**reply.body, reply.end),
        (BODY.as_bytes(), ReplyEnd::Complete)
    );
}

#[tokio::test]
async fn a_body_without_length_ends_with_the_connection() {
    let server = Server::play(vec![Step::Hear, say("HTTP/1.0 200 OK\r\n\r\n"), say(BODY)]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!(
        (&**reply.body, reply.end),
        (BODY.as_bytes(), ReplyEnd::Complete)
    );
}

#[tokio::test]
async fn a_giant_body_is_read_to_the_limit() {
    let giant = "x".repeat(REPLY_LIMIT);
    let server = Server::play(vec![
        Step::Hear,
        with_length(REPLY_LIMIT, &giant),
        Step::Hold,
    ]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!(
        (reply.body.len(), reply.end),
        (REPLY_LIMIT, ReplyEnd::Complete)
    );

    let server = Server::play(vec![
        Step::Hear,
        with_length(usize::MAX / 2, &giant),
        say("x"),
        Step::Hold,
    ]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!(
        (reply.body.len(), reply.end),
        (REPLY_LIMIT, ReplyEnd::TooLarge)
    );
}

#[tokio::test]
async fn a_drip_slower_than_the_silence_is_read_to_its_end() {
    let silence = Duration::from_millis(700);
    let (first, rest) = BODY.split_at(5);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", BODY.len());
    let pause = || Step::Pause(silence * 2);
    let script = vec![
        Step::Hear,
        say(head),
        pause(),
        say("\r\n"),
        say(first),
        pause(),
        say(rest),
        Step::Hold,
    ];
    let server = Server::play(script);
    let reply = send(
        TransportConfig {
            silence,
            ..patient()
        },
        &server.origin(),
    )
    .await
    .unwrap();
    assert_eq!(
        (&**reply.body, reply.end),
        (BODY.as_bytes(), ReplyEnd::Complete)
    );
}

#[tokio::test]
async fn a_reply_that_never_ends_is_cut_by_time() {
    let server = Server::play(vec![
        Step::Hear,
        with_length(BODY.len() + 1, BODY),
        Step::Hold,
    ]);
    let config = TransportConfig {
        reading: Duration::from_millis(500),
        ..patient()
    };
    let reply = send(config, &server.origin()).await.unwrap();
    assert_eq!((&**reply.body, reply.end), (BODY.as_bytes(), ReplyEnd::Cut));
}

#[tokio::test]
async fn a_redirect_is_a_reply() {
    let head = "HTTP/1.1 302 Found\r\nLocation: https://login.example.com/\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n";
    let server = Server::play(vec![
        Step::Hear,
        say(format!("{head}Content-Length: 0\r\n\r\n")),
        Step::Hold,
    ]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!((reply.status, reply.end), (302, ReplyEnd::Complete));
    assert_eq!(
        reply.location.as_deref(),
        Some("https://login.example.com/")
    );
    assert_eq!(reply.date.as_deref(), Some("Sun, 22 Nov 2026 10:00:00 GMT"));
    assert_eq!(server.heard().len(), 1, "not followed");
}

#[tokio::test]
async fn a_reply_in_early_pieces_is_one_reply() {
    let server = Server::play(vec![
        Step::Hear,
        say("HTTP/1.1 100 Continue\r\n\r\n"),
        with_length(BODY.len(), BODY),
        Step::Hold,
    ]);
    let reply = send(patient(), &server.origin()).await.unwrap();
    assert_eq!((reply.status, &**reply.body), (200, BODY.as_bytes()));
}
