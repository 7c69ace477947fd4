//! What to say when a server does not start.

use std::io;

use evergrant_server::{ListenError, StartError, TlsError};
use rustix::io::Errno;

use crate::cli::{error::CliError, exit_code::Kind, vault};

/// Says that TLS was asked for by halves.
pub(super) fn half_an_identity() -> CliError {
    CliError::config("half_an_identity", "TLS needs a certificate and its key")
        .next("give both: tls_cert and tls_key under [server], or --tls-cert and --tls-key")
}

/// Says why a server does not start, and what to do.
pub(super) fn not_started(error: &StartError) -> CliError {
    match error {
        StartError::Vault(error) => vault::explain(error),
        StartError::Listen(ListenError::Taken { path }) => {
            CliError::config("address_in_use", "the server cannot start")
                .causes_of(error)
                .next(format!("stop the other server, or choose another socket: --unix PATH instead of {}", path.display()))
        }
        StartError::Listen(ListenError::Unix { .. }) => {
            CliError::config("socket_unusable", "the server cannot start")
                .causes_of(error)
                .next("see that its folder is there and yours to write, or name another: --unix PATH")
        }
        StartError::Listen(ListenError::Address { source, .. })
            if source.kind() == io::ErrorKind::AddrNotAvailable =>
        {
            CliError::config("no_such_address", "the server cannot start")
                .causes_of(error)
                .next("name an address of this machine, 0.0.0.0 for all of them: --listen ADDRESS")
        }
        StartError::Listen(ListenError::Address { source, .. })
            if source.raw_os_error() == Some(Errno::MFILE.raw_os_error()) =>
        {
            CliError::config("too_many_files", "the server cannot start")
                .causes_of(error)
                .next("set fewer [server] workers in config.toml, or --workers N: each listens by itself")
                .next("or let it open more files: ulimit -n, or LimitNOFILE= of the service")
        }
        StartError::Listen(_) => CliError::config("address_in_use", "the server cannot start")
            .causes_of(error)
            .next("stop what listens there, or choose another address: --listen ADDRESS"),
        StartError::Tls(error) => tls_unusable("the server cannot start", error),
        StartError::InTheClear(_) => CliError::usage("in_the_clear", "the server does not start")
            .causes_of(error)
            .next("give it a certificate: --tls-cert FILE --tls-key FILE")
            .next("or, if something in front of it speaks TLS: --in-the-clear"),
        _ => CliError::new(Kind::Internal, "runtime_failed", "the server cannot start").causes_of(error),
    }
}

/// Says why a certificate is not shown from now on.
pub(super) fn not_renewed(error: &TlsError) -> CliError {
    tls_unusable("the certificate cannot be read again", error)
}

fn tls_unusable(message: &str, error: &TlsError) -> CliError {
    CliError::config("tls_unusable", message)
        .causes_of(error)
        .next("see that both files are PEM, that you may read them, and that the key is the certificate's")
}

/// Says that the system refuses.
pub(super) fn failed(error: &io::Error) -> CliError {
    CliError::new(Kind::Internal, "runtime_failed", "the server cannot start").cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_open_files_are_not_told_as_a_taken_address() {
        let told = |errno: Errno| {
            let source = io::Error::from_raw_os_error(errno.raw_os_error());
            let address = evergrant_server::USUAL_ADDRESS;
            not_started(&StartError::Listen(ListenError::Address {
                address,
                source,
            }))
            .to_text()
        };
        assert!(told(Errno::MFILE).contains("fewer [server] workers"));
        assert!(told(Errno::ADDRINUSE).contains("stop what listens there"));
    }
}
