//! Where somebody comes from, as far as it tells one person from another.

use std::net::IpAddr;

use crate::connection::Peer;

/// Where a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    V4([u8; 4]),
    /// Whoever has one address of version 6 has its whole network of 64 bits.
    V6([u8; 8]),
    User(u32),
    /// One of those that are not told apart.
    Elsewhere,
}

impl Place {
    /// Returns where a peer is.
    pub(crate) fn of(peer: Peer) -> Self {
        match peer {
            Peer::Local { uid } => Self::User(uid),
            Peer::Network(address) => address.ip().into(),
        }
    }
}

impl From<IpAddr> for Place {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}
