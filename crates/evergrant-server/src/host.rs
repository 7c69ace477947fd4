//! Whom a request believes to speak to. A page in somebody's browser can lead any name of its own to
//! this server (DNS rebinding); it cannot choose what the browser puts into `Host`.

use std::net::{IpAddr, SocketAddr};

use http::{Request, header::HOST, uri::Authority};

use crate::config::PublicUrl;

/// The names by which the server may be called.
#[derive(Debug)]
pub(crate) struct Hosts(Vec<String>);

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrongHost {
    /// It names none, or several.
    NotOne,
    /// It names somebody else.
    Foreign,
}

impl Hosts {
    /// Collects the names: the public URL's, the settings', and the addresses listened at.
    pub(crate) fn new(public_url: &PublicUrl, others: &[String], listening: &[SocketAddr]) -> Self {
        let mut names = vec![public_url.authority().to_owned()];
        names.extend_from_slice(others);
        for address in listening {
            if !address.ip().is_unspecified() {
                names.push(address.to_string());
            }
            if address.ip().is_loopback() || address.ip().is_unspecified() {
                let port = address.port();
                names.extend([
                    format!("localhost:{port}"),
                    format!("127.0.0.1:{port}"),
                    format!("[::1]:{port}"),
                ]);
            }
        }
        Self(names)
    }

    /// Looks whether a request is meant for this server.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), WrongHost> {
        let mut headers = request.headers().get_all(HOST).iter();
        let header = match (headers.next(), headers.next()) {
            (_, Some(_)) => return Err(WrongHost::NotOne),
            (Some(header), None) => Some(header.to_str().map_err(|_| WrongHost::Foreign)?),
            (None, None) => None,
        };
        let authority = request
            .uri()
            .authority()
            .map(|authority| authority.as_str());
        match (header, authority) {
            (Some(header), Some(authority)) if header != authority => Err(WrongHost::NotOne),
            (Some(named), _) | (None, Some(named)) if self.is_ours(named) => Ok(()),
            (None, None) => Err(WrongHost::NotOne),
            _ => Err(WrongHost::Foreign),
        }
    }

    fn is_ours(&self, named: &str) -> bool {
        self.0.iter().any(|ours| ours.eq_ignore_ascii_case(named))
    }
}

/// Tells whether only this machine reaches a host by this name.
pub(crate) fn is_loopback(named: &Authority) -> bool {
    let host = named.host();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hosts: &[&str], uri: &str) -> Result<(), WrongHost> {
        let ours = Hosts(vec![
            "evergrant.example.com".into(),
            "127.0.0.1:8470".into(),
        ]);
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        ours.check(&request.body(()).unwrap())
    }

    #[test]
    fn our_own_names_are_ours_in_any_case() {
        assert_eq!(check(&["127.0.0.1:8470"], "/"), Ok(()));
        assert_eq!(check(&["Evergrant.Example.com"], "/"), Ok(()));
        assert_eq!(check(&[], "https://evergrant.example.com/"), Ok(()));
        assert_eq!(check(&["127.0.0.1:8470"], "http://127.0.0.1:8470/"), Ok(()));
    }

    #[test]
    fn others_are_not() {
        for foreign in [
            "evil.example",
            "127.0.0.1",
            "127.0.0.1:8471",
            "evergrant.example.com.evil.example",
        ] {
            assert_eq!(check(&[foreign], "/"), Err(WrongHost::Foreign), "{foreign}");
        }
        assert_eq!(check(&[], "http://evil.example/"), Err(WrongHost::Foreign));
    }

    #[test]
    fn one_name_is_enough() {
        assert_eq!(check(&[], "/"), Err(WrongHost::NotOne));
        let ours = "127.0.0.1:8470";
        assert_eq!(check(&[ours, ours], "/"), Err(WrongHost::NotOne));
        assert_eq!(
            check(&[ours], "http://evil.example/"),
            Err(WrongHost::NotOne)
        );
    }
}
