//! Sockets: addresses that several threads listen at, and the Unix socket.

use std::{
    fs::Permissions,
    io,
    net::SocketAddr,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::{Path, PathBuf},
};

use socket2::{Domain, Socket, Type};

/// How many connections may wait to be taken up.
const BACKLOG: i32 = 4096;

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// An address.
    #[error("cannot listen at {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The Unix socket.
    #[error("cannot listen at {}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another server answers at the Unix socket.
    #[error("another server listens at {}", path.display())]
    Taken {
        /// Its path.
        path: PathBuf,
    },
}

/// Listens at an address, once for each of `times` threads. The kernel shares connections out among them.
pub(crate) fn at(
    address: SocketAddr,
    times: usize,
) -> Result<Vec<std::net::TcpListener>, ListenError> {
    let failed = |source| ListenError::Address { address, source };
    // Nobody else shall listen there: the kernel would share callers out between the two.
    if address.port() != 0 {
        drop(bind(address, false).map_err(failed)?);
    }
    let first = bind(address, true).map_err(failed)?;
    // Port 0 is any: the others listen at the one that the first got.
    let bound = first.local_addr().map_err(failed)?;
    let mut listeners = vec![first];
    for _ in 1..times {
        listeners.push(bind(bound, true).map_err(failed)?);
    }
    Ok(listeners)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The Unix socket.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    pub(crate) file: Option<SocketFile>,
}

impl UnixSocket {
    /// Takes one over that a supervisor listens at: its file is the supervisor's.
    pub(crate) fn inherited(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            file: None,
        })
    }
}

/// The file of a socket; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A server that begins later takes over what is left.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens at a Unix socket that everybody may connect to: who it is decides what they get. One that a
/// killed server left is taken over; one that answers is not.
pub(crate) fn at_unix(path: &Path) -> Result<UnixSocket, ListenError> {
    let failed = |source| ListenError::Unix {
        path: path.to_owned(),
        source,
    };
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(ListenError::Taken {
            path: path.to_owned(),
        });
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile(path.to_owned());
    std::fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(UnixSocket {
        listener,
        file: Some(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_listen_at_one_port() {
        let listeners = at("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let ports = listeners.iter().map(|one| one.local_addr().unwrap());
        assert_eq!(ports.collect::<std::collections::HashSet<_>>().len(), 1);
    }

    #[test]
    fn nobody_shares_an_address_with_another_server() {
        let one = at("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let taken = at(one[0].local_addr().unwrap(), 2);
        assert!(matches!(taken, Err(ListenError::Address { .. })));
    }

    #[test]
    fn a_socket_that_was_left_is_taken_over_and_one_that_answers_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evergrant.sock");
        drop(UnixListener::bind(&path).unwrap());
        let socket = at_unix(&path).unwrap();
        assert!(matches!(at_unix(&path), Err(ListenError::Taken { .. })));
        drop(socket);
        assert!(!path.exists());
    }
}
