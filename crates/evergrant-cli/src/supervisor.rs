//! Whoever started and watches over the server, if it is systemd or speaks like it: sockets that listen already, and
//! news of how the server is.

use std::{
    io,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram, UnixListener},
    },
    path::PathBuf,
    time::Duration,
};

use listenfd::ListenFd;
use rustix::time::{ClockId, clock_gettime};

use crate::environment::Environment;

/// How often nobody is told that the server lives.
const SELDOM: Duration = Duration::from_secs(3600);

/// The supervisor; or nobody.
pub(crate) struct Supervisor {
    /// Where it listens for news.
    notify: Option<PathBuf>,
    /// How long it waits for a sign of life.
    patience: Option<Duration>,
    hands_over_sockets: bool,
}

/// Sockets that listen already.
#[derive(Default)]
pub(crate) struct Sockets {
    pub(crate) tcp: Vec<TcpListener>,
    pub(crate) unix: Option<UnixListener>,
}

/// What it is told (<https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The server answers.
    Ready,
    /// It reads its settings again.
    Reloading,
    /// It comes to its end.
    Stopping,
    /// It lives.
    Alive,
}

impl Supervisor {
    /// Finds whoever the environment names.
    pub(crate) fn find(environment: &Environment) -> Self {
        let microseconds = environment
            .find("WATCHDOG_USEC")
            .and_then(|value| value.to_str());
        let microseconds = microseconds.and_then(|text| text.parse().ok());
        Self {
            notify: environment.path("NOTIFY_SOCKET"),
            patience: microseconds.map(Duration::from_micros),
            hands_over_sockets: environment.find("LISTEN_FDS").is_some(),
        }
    }

    /// Returns how often it wants to hear that the server lives.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.patience.map_or(SELDOM, |patience| {
            (patience / 2).max(Duration::from_millis(10))
        })
    }

    /// Takes over the sockets that were handed to this process.
    pub(crate) fn sockets(&self) -> io::Result<Sockets> {
        let mut sockets = Sockets::default();
        if !self.hands_over_sockets {
            return Ok(sockets);
        }
        let mut handed = ListenFd::from_env();
        for index in 0..handed.len() {
            // Taking it as what it is not fails and leaves it where it is.
            if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
                sockets.tcp.push(listener);
            } else if let Some(listener) = handed.take_unix_listener(index)? {
                sockets.unix = Some(listener);
            }
        }
        Ok(sockets)
    }

    /// Tells it how the server is. That it cannot be told changes nothing for anybody else.
    pub(crate) fn tell(&self, news: News) {
        let Some(path) = &self.notify else { return };
        if let Err(error) = send(path, &news.text()) {
            tracing::warn!(%error, "the supervisor could not be told");
        }
    }
}

impl News {
    fn text(self) -> String {
        match self {
            Self::Ready => "READY=1\n".to_owned(),
            Self::Stopping => "STOPPING=1\n".to_owned(),
            Self::Alive => "WATCHDOG=1\n".to_owned(),
            Self::Reloading => {
                let now = clock_gettime(ClockId::Monotonic);
                let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
                format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\n")
            }
        }
    }
}

fn send(path: &std::path::Path, text: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    let name = path.as_os_str().as_encoded_bytes();
    match name.strip_prefix(b"@") {
        Some(name) => socket.send_to_addr(text.as_bytes(), &SocketAddr::from_abstract_name(name)?),
        None => socket.send_to(text.as_bytes(), path),
    }
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_arrive_and_nobody_is_told_where_nobody_listens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let listening = UnixDatagram::bind(&path).unwrap();
        let environment = [
            ("NOTIFY_SOCKET", path.to_str().unwrap()),
            ("WATCHDOG_USEC", "3000000"),
        ];
        let supervisor = Supervisor::find(&environment.into_iter().collect());
        assert_eq!(supervisor.heartbeat(), Duration::from_millis(1500));
        supervisor.tell(News::Reloading);
        let mut buffer = [0; 100];
        let length = listening.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"RELOADING=1\nMONOTONIC_USEC="));
        Supervisor::find(&Environment::default()).tell(News::Ready);
    }
}
