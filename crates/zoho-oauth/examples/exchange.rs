//! Exchanges a grant token and prints the refresh token.
//!
//! ```sh
//! ZOHO_ACCOUNTS_DOMAIN=eu ZOHO_CLIENT_ID=… ZOHO_CLIENT_SECRET=… ZOHO_GRANT_TOKEN=… \
//!     cargo run --example exchange
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a program's main is where the environment is read"
)]
#![allow(
    clippy::print_stdout,
    reason = "the refresh token is what was asked for"
)]

use std::env;
use std::error::Error;

use zoho_oauth::{
    AccountsDomain, App, Client, ClientId, ClientSecret, CustomHosts, GrantToken, TransportConfig,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let accounts = AccountsDomain::parse(&env::var("ZOHO_ACCOUNTS_DOMAIN")?, CustomHosts::Refused)?;
    let client_id: ClientId = env::var("ZOHO_CLIENT_ID")?.parse()?;
    let client_secret = ClientSecret::try_from(env::var("ZOHO_CLIENT_SECRET")?)?;
    let grant_token = GrantToken::try_from(env::var("ZOHO_GRANT_TOKEN")?)?;

    let app = App {
        client_id: &client_id,
        client_secret: &client_secret,
    };
    let client = Client::new(TransportConfig::default());
    let grant = client
        .exchange(&accounts, app, &grant_token, None, None)
        .await?;

    let token = grant
        .refresh_token
        .ok_or("no refresh token: the consent was without offline access")?;
    println!("{}", token.expose_secret());
    Ok(())
}
