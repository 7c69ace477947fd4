//! The two addresses of a Zoho account: the accounts domain and the API domain.

mod origin;

use std::fmt;

use crate::data_center::DataCenter;
use crate::error::clean;
use origin::Origin;

/// Whether a host that is no Zoho data center may be an accounts domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomHosts {
    /// Only Zoho's data centers and loopback.
    Refused,
    /// Any host: somebody said so on purpose.
    Allowed,
}

/// The origin of an accounts server, such as `https://accounts.zoho.eu`: never a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountsDomain(Origin);

impl AccountsDomain {
    /// Parses a URL, a bare host or a data center's code.
    ///
    /// # Errors
    ///
    /// On anything that is not plainly an origin, on plain http to anything but loopback, and, unless custom hosts
    /// are allowed, on hosts that are no accounts server of Zoho's.
    pub fn parse(text: &str, custom: CustomHosts) -> Result<Self, InvalidDomain> {
        let text = text.trim();
        if let Some(center) = DataCenter::find(text) {
            return Ok(Self::from(center));
        }
        let origin = Origin::parse(text)?;
        let known = origin.loopback || DataCenter::of_accounts_host(&origin.host).is_some();
        if known || custom == CustomHosts::Allowed {
            return Ok(Self(origin));
        }
        if !origin.host.contains('.') {
            return Err(InvalidDomain::NoDataCenter);
        }
        let meant = DataCenter::likely(&origin.host).map(DataCenter::accounts_host);
        Err(InvalidDomain::UnknownHost {
            host: clean(&origin.host, 100),
            meant,
        })
    }

    /// Returns the data center whose accounts server this is; None for loopback and custom hosts.
    pub fn data_center(&self) -> Option<&'static DataCenter> {
        DataCenter::of_accounts_host(self.host())
    }
}

impl From<&'static DataCenter> for AccountsDomain {
    fn from(center: &'static DataCenter) -> Self {
        Self(Origin::of_data_center(center.accounts_domain))
    }
}

/// The origin that API calls go to, such as `https://www.zohoapis.eu`: never a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiDomain(Origin);

impl ApiDomain {
    /// Parses what a person gives: any https host, or plain http to loopback.
    ///
    /// # Errors
    ///
    /// On anything that is not plainly an origin, and on plain http to anything but loopback.
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        Origin::parse(text.trim()).map(Self)
    }

    /// Accepts the `api_domain` of a token reply if access tokens may be sent there.
    ///
    /// That is: an API host of a data center (production, sandbox or developer, over https), any loopback host if the
    /// accounts domain is loopback, and a custom accounts domain's own host. The `api.zoho.*` of older samples in
    /// Zoho's documentation was never seen in a reply and counts as foreign.
    ///
    /// # Errors
    ///
    /// With the foreign host's name, so that it can be shown and asked about; without one if the text is no origin.
    pub fn from_reply(text: &str, accounts: &AccountsDomain) -> Result<Self, ForeignApiDomain> {
        let origin = Origin::parse(text.trim()).map_err(|_| ForeignApiDomain { host: None })?;
        let zoho = DataCenter::of_api_host(&origin.host).is_some();
        let own_loopback = origin.loopback && accounts.is_loopback();
        let own_host = accounts.data_center().is_none() && origin.host == accounts.host();
        if zoho || own_loopback || own_host {
            Ok(Self(origin))
        } else {
            Err(ForeignApiDomain {
                host: Some(clean(&origin.host, 100)),
            })
        }
    }

    /// Returns the data center whose API this is; None for loopback and hosts that are not Zoho's.
    pub fn data_center(&self) -> Option<&'static DataCenter> {
        DataCenter::of_api_host(self.host())
    }
}

impl From<&'static DataCenter> for ApiDomain {
    fn from(center: &'static DataCenter) -> Self {
        Self(Origin::of_data_center(center.api_domain))
    }
}

macro_rules! domain_type {
    ($name:ident) => {
        impl $name {
            /// Returns the origin: scheme, host, and the port if it is not the scheme's own.
            pub fn as_str(&self) -> &str {
                &self.0.text
            }

            /// Returns the host name alone; an IPv6 address stands in brackets.
            pub fn host(&self) -> &str {
                &self.0.host
            }

            /// Says whether the host is this machine itself: `localhost`, `127.0.0.0/8` or `::1`.
            pub fn is_loopback(&self) -> bool {
                self.0.loopback
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

domain_type!(AccountsDomain);
domain_type!(ApiDomain);

/// Why a text cannot be a domain; no variant repeats a text that could hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDomain {
    /// Nothing was given.
    #[error("the domain is empty")]
    Empty,
    /// A token or client ID was given.
    #[error("that is a token or a client ID, not a domain")]
    Token,
    /// The text is no URL.
    #[error("that is no URL: {0}")]
    NotAUrl(String),
    /// The scheme is neither https nor http.
    #[error("a domain begins with https://")]
    Scheme,
    /// Plain http to another machine.
    #[error("plain http is for this machine only: use https://{host}")]
    PlainHttp {
        /// The host that was to be spoken to in clear.
        host: String,
    },
    /// User or password stand before the host.
    #[error("a domain has no user and password: give {origin} alone")]
    UserInfo {
        /// The part that is right.
        origin: String,
    },
    /// A path stands after the host.
    #[error("a domain has no path: give {origin} alone")]
    Path {
        /// The part that is right.
        origin: String,
    },
    /// A query stands after the host.
    #[error("a domain has no query: give {origin} alone")]
    Query {
        /// The part that is right.
        origin: String,
    },
    /// A fragment stands after the host.
    #[error("a domain has no fragment: give {origin} alone")]
    Fragment {
        /// The part that is right.
        origin: String,
    },
    /// One word that is no data center's code.
    #[error("that is neither a host name nor a data center: {}", codes())]
    NoDataCenter,
    /// The host is no accounts server of Zoho's.
    #[error("{host} is no accounts server of Zoho{}", meant.map(|host| format!(": did you mean {host}?")).unwrap_or_default())]
    UnknownHost {
        /// The host as it was given.
        host: String,
        /// The accounts server that was most likely meant.
        meant: Option<&'static str>,
    },
}

fn codes() -> String {
    let codes: Vec<_> = DataCenter::all().iter().map(|center| center.code).collect();
    format!("use one of {}", codes.join(", "))
}

/// A reply's `api_domain` that access tokens must not be sent to without a person's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply names an API domain that is not Zoho's{}", host.as_ref().map(|host| format!(": {host}")).unwrap_or_default())]
pub struct ForeignApiDomain {
    /// The host in the reply; None if the value is no usable URL at all.
    pub host: Option<String>,
}

#[cfg(test)]
mod tests;
