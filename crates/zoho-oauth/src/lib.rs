#![cfg_attr(feature = "transport", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "transport"), doc = "Zoho's OAuth 2.0 as plain values.")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc)]

#[cfg(feature = "transport")]
pub mod client;
pub mod data_center;
pub mod domain;
pub mod error;
mod fields;
pub mod reply;
pub mod request;
pub mod response;
pub mod scope;
pub mod secret;
#[cfg(feature = "transport")]
pub mod transport;

#[cfg(feature = "transport")]
pub use client::{Client, ClientError};
pub use data_center::DataCenter;
pub use domain::{AccountsDomain, ApiDomain, CustomHosts, ForeignApiDomain, InvalidDomain};
pub use error::ErrorWord;
pub use reply::{Reply, ReplyEnd};
pub use request::App;
pub use response::{
    Defect, Grant, Refusal, RevokeReply, TokenReply, Unreadable, UnreadableKind,
    read_revoke_as_app_reply, read_revoke_reply, read_token_reply,
};
pub use scope::{InvalidScope, Scope, Scopes};
pub use secret::{
    AccessToken, ClientId, ClientSecret, CodeVerifier, GrantToken, InvalidSecret,
    InvalidSecretReason, RefreshToken,
};
#[cfg(feature = "transport")]
pub use transport::{
    ConnectError, Connection, Dialed, DialedStream, Dialer, Proxy, Roots, SendError, Transport,
    TransportConfig,
};
