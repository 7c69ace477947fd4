//! Connections that are opened before they are asked for.

use std::net::TcpListener;
use std::time::Duration;

use zoho_oauth::{ConnectError, Transport};

use crate::server::patient;

/// A place to connect to, where nobody answers.
struct Place(TcpListener);

impl Place {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn origin(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Counts the connections that came since it was last asked.
    fn connections(&self) -> usize {
        std::iter::from_fn(|| self.0.accept().ok()).count()
    }
}

#[tokio::test]
async fn the_next_to_the_same_origin_takes_it() {
    let place = Place::new();
    let transport = Transport::new(patient());
    transport.connect_ahead(place.origin());
    transport.connect(place.origin()).await.unwrap();
    assert_eq!(place.connections(), 1);
    transport.connect(place.origin()).await.unwrap();
    assert_eq!(place.connections(), 1, "one that was taken is gone");
}

#[tokio::test]
async fn to_another_origin_nobody_takes_it() {
    let (place, other) = (Place::new(), Place::new());
    let transport = Transport::new(patient());
    transport.connect_ahead(place.origin());
    transport.connect(other.origin()).await.unwrap();
    assert_eq!(other.connections(), 1);
}

#[tokio::test]
async fn one_that_has_waited_for_long_is_not_taken() {
    let place = Place::new();
    let transport = Transport::new(patient());
    transport.connect_ahead(place.origin());
    while place.connections() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    transport.connect(place.origin()).await.unwrap();
    assert_eq!(place.connections(), 1);
}

#[tokio::test]
async fn its_failure_is_told() {
    let transport = Transport::new(patient());
    transport.connect_ahead("http://accounts.zoho.invalid");
    let error = transport.connect("http://accounts.zoho.invalid").await;
    assert!(matches!(error, Err(ConnectError::Dns { .. })), "{error:?}");
    transport.connect_ahead("no origin");
    let error = transport.connect("no origin").await;
    assert!(matches!(error, Err(ConnectError::InvalidOrigin)));
}
