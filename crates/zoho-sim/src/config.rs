//! What a simulator is started with, and what can be wrong with it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::data_center::{self, KnownDataCenter};

/// What a simulator is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Codes of the data centers, such as `us` and `eu`; the default client is registered in the first.
    pub data_centers: Vec<String>,
    /// Address of the first data center; the next ones take the following ports. Port 0 means any free port for each.
    pub listen: SocketAddr,
    /// Address of the control port, which always speaks plain HTTP.
    pub control: SocketAddr,
    /// Whether the data centers speak TLS, with certificates of a throw-away authority.
    pub tls: bool,
    /// Where the authority's certificate goes; `None` means a temporary file that goes with the simulator.
    pub ca_file: Option<PathBuf>,
    /// Seed of everything random; `None` means a random seed.
    pub seed: Option<u64>,
}

impl Default for Config {
    /// Returns one data center, `us`, on any free port, without TLS.
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            data_centers: vec!["us".to_owned()],
            listen: any_port,
            control: any_port,
            tls: false,
            ca_file: None,
            seed: None,
        }
    }
}

impl Config {
    /// Returns the data centers asked for, or why the configuration cannot be served.
    pub(crate) fn check(&self) -> Result<Vec<&'static KnownDataCenter>, StartError> {
        for address in [self.listen, self.control] {
            if !address.ip().is_loopback() {
                return Err(StartError::NotLoopback { address });
            }
        }
        let mut known: Vec<&'static KnownDataCenter> = Vec::new();
        for code in &self.data_centers {
            let found = data_center::find(code)
                .ok_or_else(|| StartError::UnknownDataCenter { code: code.clone() })?;
            if known.iter().any(|other| other.code == found.code) {
                return Err(StartError::SameDataCenterTwice { code: code.clone() });
            }
            known.push(found);
        }
        if known.is_empty() {
            return Err(StartError::NoDataCenter);
        }
        Ok(known)
    }

    /// Returns the address of the data center at this place in the list; `None` when the port would be past 65535.
    pub(crate) fn address_of(&self, place: usize) -> Option<SocketAddr> {
        let mut address = self.listen;
        if address.port() != 0 {
            address.set_port(address.port().checked_add(u16::try_from(place).ok()?)?);
        }
        Some(address)
    }
}

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address is reachable from other machines.
    #[error(
        "the simulator listens on loopback addresses only, such as 127.0.0.1, not on {address}"
    )]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// There is no data center with this code.
    #[error(
        "there is no data center {code:?}; the codes are {}",
        data_center::codes()
    )]
    UnknownDataCenter {
        /// The code that was asked for.
        code: String,
    },
    /// A data center is named twice.
    #[error("the data center {code} is named twice")]
    SameDataCenterTwice {
        /// Its code.
        code: String,
    },
    /// The list of data centers is empty.
    #[error("no data center is named; the codes are {}", data_center::codes())]
    NoDataCenter,
    /// There are more data centers than ports after the first one.
    #[error("no port is left for {code} after the first data center's port {first}")]
    NoPortLeft {
        /// The data center that has no port.
        code: String,
        /// The first data center's port.
        first: u16,
    },
    /// A port could not be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The authority's certificate could not be written.
    #[error("cannot write the certificate authority to {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The throw-away certificates could not be made.
    #[error("cannot make the throw-away certificates")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_address_that_others_can_reach() {
        let config = Config {
            listen: "0.0.0.0:8480".parse().unwrap(),
            ..Config::default()
        };
        assert!(matches!(
            config.check(),
            Err(StartError::NotLoopback { .. })
        ));
    }

    #[test]
    fn names_the_codes_when_one_is_unknown() {
        let config = Config {
            data_centers: vec!["mars".into()],
            ..Config::default()
        };
        let message = config.check().unwrap_err().to_string();
        assert_eq!(
            message,
            "there is no data center \"mars\"; the codes are us, eu, in, au, jp, cn, ca, sa, uk, ae"
        );
    }

    #[test]
    fn gives_the_next_ports_to_the_next_data_centers() {
        let config = Config {
            listen: "127.0.0.1:65534".parse().unwrap(),
            ..Config::default()
        };
        assert_eq!(config.address_of(1).unwrap().port(), 65535);
        assert_eq!(config.address_of(2), None);
        assert_eq!(Config::default().address_of(3).unwrap().port(), 0);
    }
}
