//! A whole estate that wakes up at once: its token is over, and every caller refreshes.

use std::{num::NonZeroUsize, sync::Arc};

use evergrant::caller::{self, Issued, Mode, NewCaller};
use rand::{SeedableRng, rngs::StdRng};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Barrier,
    task::JoinSet,
};
use zoho_oauth::Scopes;

use crate::{
    estate::{Estate, by_handle},
    world::{World, acme},
};

const CALLERS: usize = 1000;

/// Adds so many callers, half of them proxied.
async fn callers(world: &World) -> Vec<Issued> {
    let vault = world.vault().await;
    let mut rng = StdRng::seed_from_u64(11);
    let mut all = Vec::new();
    for number in 0..CALLERS {
        let new = NewCaller {
            name: format!("caller-{number}").parse().unwrap(),
            connections: vec![acme()],
            mode: [Mode::Direct, Mode::Proxied][number % 2],
            rules: Vec::new(),
            scopes: Scopes::default(),
            expires_at: None,
            exchange: None,
        };
        all.push(caller::add(&vault, new, &mut rng).await.unwrap());
    }
    all
}

/// Lets this process have two sockets for each caller: both ends are here.
fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = 3 * CALLERS as u64;
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_cost_zoho_one_refresh() {
    raise_limit();
    let world = World::expired().await;
    let issued = callers(&world).await;
    let estate = Estate::start_with(world, |config| {
        config.workers = NonZeroUsize::new(2).unwrap();
    })
    .await;
    let at_once = Arc::new(Barrier::new(CALLERS));
    let mut asking = JoinSet::new();
    for (number, caller) in issued.iter().enumerate() {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(by_handle(caller))
            .finish();
        let (address, at_once) = (estate.address, at_once.clone());
        asking.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!(
                "POST /oauth/v2/token HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            );
            at_once.wait().await;
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await.unwrap();
            (number, reply)
        });
    }
    let mut tokens = Vec::new();
    for (number, reply) in asking.join_all().await {
        let body = reply.split_once("\r\n\r\n").expect(&reply).1;
        let answer: Value = serde_json::from_str(body).expect(&reply);
        let token = answer["access_token"].as_str().expect(&reply).to_owned();
        assert!(answer["expires_in"].as_u64().unwrap() > 3500, "{answer}");
        match number % 2 {
            0 => tokens.push(token),
            _ => assert!(token.starts_with("evp_")),
        }
    }
    assert_eq!(tokens.len(), CALLERS / 2);
    assert!(
        tokens.iter().all(|token| *token == tokens[0]),
        "one for all"
    );
    assert_eq!(estate.world.refreshes().await, 1);
}
