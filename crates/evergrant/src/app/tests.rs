use std::time::Duration;

use zoho_oauth::{CustomHosts, RefreshToken, Scopes};

use super::*;
use crate::{
    audit::{self, Since},
    connection::{self, ConnectionName, NewConnection},
    vault::tests::World,
};

const EU: &str = "https://accounts.zoho.eu";

fn app(accounts_domain: &str, secret: &str) -> App {
    App {
        client_id: "1000.APP".parse().unwrap(),
        accounts_domain: AccountsDomain::parse(accounts_domain, CustomHosts::Allowed).unwrap(),
        client_secret: ClientSecret::new(secret),
    }
}

/// Keeps a connection as an exchange does.
async fn connect(world: &mut World, vault: &UnlockedVault, name: &str, app: &App) {
    let new = NewConnection {
        name: &name.parse().unwrap(),
        replace: true,
        app,
        refresh_token: &RefreshToken::new(format!("token of {name}")),
        access_token: None,
        scopes: &Scopes::default(),
        api_domain: None,
        requested_at: world.clock.now(),
    };
    let mut transaction = vault.store().begin().await.unwrap();
    let stored = connection::store(&mut transaction, vault, &new, &mut world.rng).await;
    let stored = stored.unwrap();
    let event = audit::Event {
        event: "connection_created",
        connection_id: Some(&stored.id),
        detail: String::new(),
    };
    let told = audit::append(&mut transaction, vault, event).await;
    told.unwrap();
    transaction.commit().await.unwrap();
    world.clock.advance(Duration::from_secs(60));
}

/// A vault with the connection `acme` of one app whose secret is `first`.
async fn acme() -> (World, UnlockedVault, String) {
    let mut world = World::new();
    let vault = world.open_or_make().await.unwrap();
    connect(&mut world, &vault, "acme", &app(EU, "first")).await;
    let app_id = only(&vault).await.id;
    (world, vault, app_id)
}

async fn only(vault: &UnlockedVault) -> AppEntry {
    let mut apps = list(vault.vault()).await.unwrap();
    assert_eq!(apps.len(), 1);
    apps.pop().unwrap()
}

async fn add(world: &mut World, vault: &UnlockedVault, app_id: &str, secret: &str) -> Added {
    let secret = ClientSecret::new(secret);
    let added = add_secret(vault, app_id, &secret, &mut world.rng).await;
    world.clock.advance(Duration::from_secs(60));
    added.unwrap()
}

async fn order(vault: &UnlockedVault, app_id: &str) -> Vec<String> {
    let secrets = secrets_in_order(vault, app_id).await.unwrap();
    let text = |(_, secret): &(String, ClientSecret)| secret.expose_secret().to_owned();
    secrets.iter().map(text).collect()
}

async fn events(vault: &UnlockedVault) -> Vec<String> {
    let rows = audit::list(vault.vault(), Since::Beginning).await.unwrap();
    let line = |row: audit::Record| {
        assert!(!row.detail.contains("first") && !row.detail.contains("second"));
        row.event
    };
    let of_the_app = |event: &String| event != "connection_created";
    rows.into_iter().map(line).filter(of_the_app).collect()
}

async fn execute(vault: &UnlockedVault, sql: &'static str) {
    sqlx::query(sql)
        .execute(&vault.store().reader())
        .await
        .unwrap();
}

async fn value<T>(vault: &UnlockedVault, sql: &'static str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + Unpin,
{
    let query = sqlx::query_scalar::<_, T>(sql);
    query.fetch_one(&vault.store().reader()).await.unwrap()
}

#[tokio::test]
async fn secrets_are_tried_as_zoho_accepted_them_and_new_ones_last() {
    let (mut world, vault, app_id) = acme().await;
    add(&mut world, &vault, &app_id, "second").await;
    add(&mut world, &vault, &app_id, "third").await;
    assert_eq!(order(&vault, &app_id).await, ["first", "third", "second"]);
    connect(&mut world, &vault, "other", &app(EU, "second")).await;
    assert_eq!(order(&vault, &app_id).await, ["second", "first", "third"]);
    let found = find_by_connection(&vault, "acme").await.unwrap().unwrap();
    assert_eq!(found.client_secret.expose_secret(), "second");
    let shown = only(&vault).await.secrets;
    assert!(shown[0].last_accepted_at > shown[1].last_accepted_at);
    assert_eq!(shown[2].last_accepted_at, None);
}

#[tokio::test]
async fn a_secret_is_added_once_and_a_retired_one_comes_back() {
    let (mut world, vault, app_id) = acme().await;
    let added = add(&mut world, &vault, &app_id, "second").await;
    assert!(added.changed);
    let again = add(&mut world, &vault, &app_id, "second").await;
    assert_eq!((again.changed, &again.id), (false, &added.id));
    retire_secret(&vault, &app_id, &added.id).await.unwrap();
    assert_eq!(order(&vault, &app_id).await, ["first"]);
    // Once more is no error and no event.
    retire_secret(&vault, &app_id, &added.id).await.unwrap();
    assert!(add(&mut world, &vault, &app_id, "second").await.changed);
    assert_eq!(order(&vault, &app_id).await, ["first", "second"]);
    assert_eq!(only(&vault).await.secrets.len(), 2);
    let expected = ["app_secret_added", "app_secret_retired", "app_secret_added"];
    assert_eq!(events(&vault).await, expected);
}

#[tokio::test]
async fn the_last_secret_stays() {
    let (mut world, vault, app_id) = acme().await;
    let first = only(&vault).await.secrets[0].id.clone();
    let refused = retire_secret(&vault, &app_id, &first).await;
    assert!(
        matches!(refused, Err(AppError::LastSecret(_))),
        "{refused:?}"
    );
    let second = add(&mut world, &vault, &app_id, "second").await.id;
    retire_secret(&vault, &app_id, &first).await.unwrap();
    let refused = retire_secret(&vault, &app_id, &second).await;
    assert!(
        matches!(refused, Err(AppError::LastSecret(_))),
        "{refused:?}"
    );
    let nobody = "00000000".parse().unwrap();
    let refused = retire_secret(&vault, &app_id, &nobody).await;
    assert!(
        matches!(refused, Err(AppError::NoSuchSecret(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_new_secret_lets_connections_try_again_whose_app_was_refused() {
    let (mut world, vault, app_id) = acme().await;
    let app = app(EU, "first");
    connect(&mut world, &vault, "dead", &app).await;
    connect(&mut world, &vault, "gone", &app).await;
    execute(
        &vault,
        "UPDATE connections SET state = 'new_grant_needed' WHERE name = 'dead'",
    )
    .await;
    execute(
        &vault,
        "UPDATE connections SET state = 'app_refused', state_reason = 'invalid_client', state_since = 1
         WHERE name <> 'dead'",
    )
    .await;
    execute(
        &vault,
        "UPDATE connections SET removed_at = 1 WHERE name = 'gone'",
    )
    .await;
    execute(
        &vault,
        "INSERT INTO leases (credential, epoch, until_ms, closed_until_ms, failures)
         SELECT credential, 4, 0, 99999, 7 FROM connections",
    )
    .await;
    let now = world.clock.now();
    assert_eq!(add(&mut world, &vault, &app_id, "second").await.reopened, 1);
    let found = connection::list(vault.vault()).await.unwrap();
    let untried = "not tried since a client secret was added";
    assert_eq!(
        (found[0].state.as_str(), found[0].state_reason.as_deref()),
        ("healthy", Some(untried))
    );
    assert!(found[0].state_since >= now);
    assert_eq!(found[1].state.as_str(), "new_grant_needed");
    let open = "SELECT c.name FROM leases l JOIN connections c ON c.credential = l.credential
                WHERE l.closed_until_ms = 0 AND l.failures = 0 AND l.epoch = 4";
    assert_eq!(value::<String>(&vault, open).await, "acme");
    let history = audit::history(vault.vault(), &found[0].id, 9)
        .await
        .unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(
        history[0].detail,
        format!("app_refused -> healthy: {untried}")
    );
    audit::verify(&vault, None).await.unwrap();
}

#[tokio::test]
async fn an_exchange_shows_that_the_app_is_not_refused() {
    let (mut world, vault, _) = acme().await;
    execute(&vault, "UPDATE connections SET state = 'app_refused'").await;
    connect(&mut world, &vault, "other", &app(EU, "second")).await;
    let state = "SELECT state FROM connections WHERE name = 'acme'";
    assert_eq!(value::<String>(&vault, state).await, "healthy");
}

#[tokio::test]
async fn only_an_app_that_nobody_uses_is_removed_and_its_secrets_with_it() {
    let (mut world, vault, app_id) = acme().await;
    let name: ConnectionName = "acme".parse().unwrap();
    let refused = remove(&vault, &app_id).await;
    let Err(AppError::InUse(users)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(users, ["acme"]);
    connection::remove(&vault, &name).await.unwrap();
    let left = only(&vault).await;
    assert_eq!(
        (left.connections, left.places),
        (0, 1),
        "at Zoho its token lives"
    );
    remove(&vault, &app_id).await.unwrap();
    assert!(list(vault.vault()).await.unwrap().is_empty());
    let secrets = "SELECT count(*) FROM app_secrets";
    assert_eq!(value::<i64>(&vault, secrets).await, 0);
    assert_eq!(events(&vault).await, ["connection_removed", "app_removed"]);
    let again = remove(&vault, &app_id).await;
    assert!(matches!(again, Err(AppError::NotFound)), "{again:?}");
    let secret = ClientSecret::new("second");
    let added = add_secret(&vault, &app_id, &secret, &mut world.rng).await;
    assert!(matches!(added, Err(AppError::NotFound)), "{added:?}");

    connect(&mut world, &vault, "acme", &app(EU, "first")).await;
    let back = only(&vault).await;
    assert_eq!((back.id, back.connections, back.places), (app_id, 1, 1));
}

#[tokio::test]
async fn one_client_id_at_two_data_centers_is_two_apps() {
    let (mut world, vault, _) = acme().await;
    let us = app("https://accounts.zoho.com", "first");
    connect(&mut world, &vault, "american", &us).await;
    let find = async |domain| find(vault.vault(), &us.client_id, domain).await;
    let refused = find(None).await;
    let Err(AppError::Ambiguous {
        accounts_domains, ..
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(accounts_domains.len(), 2);
    let found = find(Some(&us.accounts_domain)).await.unwrap().unwrap();
    assert_eq!(
        (found.accounts_domain, found.connections),
        (us.accounts_domain.clone(), 1)
    );
    let nowhere = AccountsDomain::parse("in", CustomHosts::Refused).unwrap();
    assert!(find(Some(&nowhere)).await.unwrap().is_none());
}

#[tokio::test]
async fn no_secret_is_shown() {
    let (_world, vault, _) = acme().await;
    let shown = format!("{:?}", only(&vault).await);
    assert!(!shown.contains("first"), "{shown}");
    let secret = &only(&vault).await.secrets[0];
    let fingerprint = vault.index_key.fingerprint("client_secret", &[b"first"]);
    assert_eq!(secret.id, SecretId::of(fingerprint.as_bytes()));
}

#[test]
fn the_id_of_a_secret_is_no_secret() {
    let id = SecretId::of(&[0x0f; 32]);
    assert_eq!(id.to_string(), "0f0f0f0f");
    assert_eq!("0f0f0f0f".parse(), Ok(id));
    for bad in [
        "",
        "0f0f0f0",
        "0f0f0f0f0",
        "0F0F0F0F",
        "0f0f0f0ä",
        "s3cret!!",
    ] {
        assert_eq!(bad.parse::<SecretId>(), Err(InvalidSecretId), "{bad}");
    }
}
