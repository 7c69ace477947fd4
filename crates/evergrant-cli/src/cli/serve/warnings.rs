//! What would go wrong at a server that starts all the same.

use std::{
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use evergrant_server::PublicUrl;

use crate::cli::output::Warning;

/// Warns where callers on other machines are told an address that only this one reaches.
pub(super) fn of_no_name(addresses: &[SocketAddr]) -> Option<Warning> {
    let is_ours_alone = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let is_first = addresses.first().is_some_and(|one| is_ours_alone(one.ip()));
    let open = (addresses.iter()).find(|one| is_first && !one.ip().is_loopback())?;
    let message = format!(
        "other machines reach the server at {open}, but callers are told its loopback address; name what they call it by: --public-url URL, or public_url under [server]"
    );
    Some(Warning::new("no_public_url", message))
}

/// Warns of a private key that everybody on this machine can read. That a group can is often meant so: it is how
/// certificates are shared among services.
pub(crate) fn of_key(key: &Path) -> Option<Warning> {
    let mode = key.metadata().ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        let key = key.display();
        let message = format!(
            "every user of this machine can read the TLS key {key}: chmod o= {key}; if others had it, take a new one"
        );
        Warning::new("key_readable_by_all", message)
    })
}

/// Warns of a name by which callers would send their secrets in the clear.
pub(crate) fn of_url(public_url: &PublicUrl) -> Option<Warning> {
    public_url.is_in_the_clear().then(|| {
        let message = format!(
            "callers are told {}, and send client secrets and tokens there in the clear; let public_url begin with https://, which this server or something in front of it has to speak",
            public_url.as_str()
        );
        Warning::new("public_url_in_the_clear", message)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_key_may_be_read_by_a_group_and_not_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        assert!(
            of_key(&key).is_none(),
            "why it cannot be used is said elsewhere"
        );
        fs::write(&key, "key").unwrap();
        for (mode, is_told) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
            assert_eq!(of_key(&key).is_some(), is_told, "{mode:o}");
        }
    }

    #[test]
    fn secrets_go_in_the_clear_on_this_machine_only() {
        let is_told = |url: &str| of_url(&url.parse().unwrap()).is_some();
        for url in [
            "https://zoho.example.com",
            "http://127.0.0.1:8470",
            "http://localhost:8470",
            "http://[::1]:8470",
        ] {
            assert!(!is_told(url), "{url}");
        }
        for url in [
            "http://zoho.example.com",
            "http://192.0.2.1:8470",
            "http://0.0.0.0:8470",
        ] {
            assert!(is_told(url), "{url}");
        }
    }
}
