//! Zoho's API through the server, as a proxied caller has it.

use std::time::Duration;

use evergrant::caller::{self, Mode};
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    estate::{Estate, Reply},
    world::World,
};

const CONTACTS: &str = "/crm/v8/Contacts?fields=Last_Name";

impl Estate {
    async fn call(&self, path: &str, token: &str) -> Reply {
        let request = Request::get(self.url(path))
            .header("Authorization", format!("Zoho-oauthtoken {token}"))
            .body(Full::default());
        self.send(request.unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_token_works_here_and_no_token_of_zohos_leaves() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Proxied).await;
    let token = estate.refresh(&caller).await.json();
    let token = token["access_token"].as_str().unwrap();
    let reply = estate.call(CONTACTS, token).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert!(reply.json()["data"].is_array());
    assert!(!reply.headers.contains_key("evergrant-error"));
    // Of Zoho's tokens there is none in what came, and the proxy token is worth nothing at Zoho.
    assert!(!format!("{reply:?}").contains("1000."));
    let vault = estate.world.vault().await;
    caller::revoke(&vault, &caller.caller.name).await.unwrap();
    estate.settle().await;
    let reply = estate.call(CONTACTS, token).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.json()["code"], "INVALID_TOKEN");
    assert_eq!(reply.headers["evergrant-error"], "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_comes_through() {
    let estate = Estate::start().await;
    let direct = estate.caller("direct", Mode::Direct).await;
    let zohos = estate.refresh(&direct).await.json();
    let handle = direct.handles[0].1.expose_secret();
    for token in [zohos["access_token"].as_str().unwrap(), handle, "evp_"] {
        let reply = estate.call(CONTACTS, token).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{reply:?}");
        let hint = &reply.json()["details"]["hint"];
        assert_eq!(hint.is_string(), !token.starts_with("evp_"), "{reply:?}");
    }
    for reply in [estate.get(CONTACTS).await, estate.call(CONTACTS, "").await] {
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.json()["code"], "AUTHENTICATION_FAILURE");
    }
    for nothing in ["/evergrant/nothing", "/oauth/v2/token/", "//oauth/v2/token"] {
        let reply = estate.get(nothing).await;
        assert_eq!(
            (reply.status, reply.json()["reason"].as_str().unwrap()),
            (StatusCode::NOT_FOUND, "no_such_path")
        );
        let id = reply.headers["x-request-id"].to_str().unwrap();
        assert_eq!(reply.json()["request_id"], id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_at_once_may_be_allowed_while_others_wait() {
    let estate = Estate::start_with(World::new().await, |config| {
        config.proxy.queue.simultaneous = 1;
    })
    .await;
    let caller = estate.caller("nightly", Mode::Proxied).await;
    let token = estate.refresh(&caller).await.json();
    let token = token["access_token"].as_str().unwrap();
    // An upload that does not end has the only turn.
    let mut stream = TcpStream::connect(estate.address).await.unwrap();
    let head = format!(
        "POST /crm/v8/Contacts HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n",
        estate.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    estate.settle().await;
    let mut waits = Box::pin(estate.call(CONTACTS, token));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waits).await;
    assert!(early.is_err(), "{early:?}");
    estate.reload(|config| config.proxy.queue.simultaneous = 3);
    assert_eq!(waits.await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_revoked_while_its_request_waits_gets_nothing_from_zoho() {
    let estate = Estate::start().await;
    let caller = estate.caller("nightly", Mode::Proxied).await;
    let token = estate.refresh(&caller).await.json();
    let head = format!(
        "POST /crm/v8/Contacts HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Length: 2\r\n\r\n{{",
        estate.address,
        token["access_token"].as_str().unwrap()
    );
    let mut stream = TcpStream::connect(estate.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let vault = estate.world.vault().await;
    caller::revoke(&vault, &caller.caller.name).await.unwrap();
    estate.settle().await;
    stream.write_all(b"}").await.unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("evergrant-error: denied"), "{answer}");
    let seen = estate
        .world
        .control("GET", "/requests", serde_json::Value::Null)
        .await;
    let paths = seen
        .as_array()
        .unwrap()
        .iter()
        .map(|request| &request["path"]);
    assert_eq!(paths.filter(|path| *path == "/crm/v8/Contacts").count(), 0);
}
