//! Gets an access token for a refresh token and prints it.
//!
//! ```sh
//! ZOHO_ACCOUNTS_DOMAIN=eu ZOHO_CLIENT_ID=… ZOHO_CLIENT_SECRET=… ZOHO_REFRESH_TOKEN=… \
//!     cargo run --example refresh
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "a program's main is where the environment is read"
)]
#![allow(
    clippy::print_stdout,
    reason = "the access token is what was asked for"
)]

use std::env;
use std::error::Error;

use zoho_oauth::{
    AccountsDomain, App, Client, ClientId, ClientSecret, CustomHosts, RefreshToken, TransportConfig,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let accounts = AccountsDomain::parse(&env::var("ZOHO_ACCOUNTS_DOMAIN")?, CustomHosts::Refused)?;
    let client_id: ClientId = env::var("ZOHO_CLIENT_ID")?.parse()?;
    let client_secret = ClientSecret::try_from(env::var("ZOHO_CLIENT_SECRET")?)?;
    let refresh_token = RefreshToken::try_from(env::var("ZOHO_REFRESH_TOKEN")?)?;

    let app = App {
        client_id: &client_id,
        client_secret: &client_secret,
    };
    let grant = Client::new(TransportConfig::default())
        .refresh(&accounts, app, &refresh_token)
        .await?;

    let token = grant.access_token.ok_or("the reply has no access token")?;
    println!("{}", token.expose_secret());
    Ok(())
}
