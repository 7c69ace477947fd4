use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use zoho_oauth::{ClientSecret, CustomHosts, TransportConfig};

use super::*;
use crate::{
    broker::Limits,
    clock::Clock,
    vault::{Folders, UnlockedVault, master_key::KeySource},
};

/// A vault, and an accounts server where nobody listens.
struct World {
    _home: TempDir,
    broker: Broker,
    rng: StdRng,
}

impl World {
    async fn new() -> Self {
        let (home, mut rng) = (tempfile::tempdir().unwrap(), StdRng::seed_from_u64(1));
        let under = |name| home.path().join(name);
        let folders = Folders {
            config: under("config"),
            data: under("data"),
            runtime: under("runtime"),
            temporary: under("temporary"),
        };
        let sources = [KeySource::File(folders.master_key())];
        let vault =
            UnlockedVault::open_or_make(&folders, &sources, &Clock::system(), &mut rng).await;
        let transport = TransportConfig::default();
        let broker = Broker::new(
            vault.unwrap(),
            transport,
            Limits::default(),
            StdRng::seed_from_u64(2),
        );
        Self {
            _home: home,
            broker,
            rng,
        }
    }

    fn vault(&self) -> &UnlockedVault {
        self.broker.vault()
    }

    async fn make(&mut self, import: &Import) -> Result<Made, ImportError> {
        rows::make(self.broker.vault(), &new(import), &mut self.rng).await
    }

    async fn take_back(&self, import: &Import, made: &Made) -> bool {
        let taken = rows::take_back(self.vault(), &import.name, made, "why", false).await;
        taken.unwrap()
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        query
            .fetch_one(&self.vault().store().reader())
            .await
            .unwrap()
    }

    async fn execute(&self, sql: &'static str) {
        let mut transaction = self.vault().store().begin().await.unwrap();
        sqlx::query(sql).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

fn app(client_secret: &str) -> App {
    let nobody = "http://127.0.0.1:1";
    App {
        client_id: "1000.A".parse().unwrap(),
        accounts_domain: zoho_oauth::AccountsDomain::parse(nobody, CustomHosts::Refused).unwrap(),
        client_secret: ClientSecret::new(client_secret),
    }
}

fn import_of(name: &str, refresh_token: &str, client_secret: &str) -> Import {
    Import {
        name: name.parse().unwrap(),
        app: app(client_secret),
        refresh_token: RefreshToken::new(refresh_token),
        api_domain: None,
    }
}

fn new(import: &Import) -> New<'_> {
    New {
        name: &import.name,
        app: &import.app,
        means: Means::RefreshToken(&import.refresh_token),
        api_domain: None,
    }
}

#[tokio::test]
async fn what_zoho_was_not_reached_for_is_taken_back() {
    let mut world = World::new().await;
    let acme = import_of("acme", "r", "s");
    let error = import(&world.broker, &acme, &mut world.rng)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ImportError::NotVerified {
                source: BrokerError::Unavailable {
                    retry_at: Some(_),
                    ..
                },
                taken_back: true
            }
        ),
        "{error:?}"
    );
    for table in ["connections", "apps", "app_secrets"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert_eq!(world.count("audit").await, 2);
    assert_eq!(
        world.count("refreshes").await,
        1,
        "the ledger forgets nothing"
    );
}

#[tokio::test]
async fn a_token_is_known_under_any_accounts_domain() {
    let mut world = World::new().await;
    world.make(&import_of("acme", "r", "s")).await.unwrap();
    let mut elsewhere = import_of("other", "r", "s");
    elsewhere.app.accounts_domain =
        zoho_oauth::AccountsDomain::parse("eu", CustomHosts::Refused).unwrap();
    let error = world.make(&elsewhere).await.err().unwrap();
    assert!(
        matches!(&error, ImportError::Known(name) if name.as_str() == "acme"),
        "{error:?}"
    );
    let error = world
        .make(&import_of("acme", "q", "s"))
        .await
        .err()
        .unwrap();
    assert!(matches!(error, ImportError::NameTaken(_)), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_had_a_token_is_not_taken_back() {
    let mut world = World::new().await;
    let acme = import_of("acme", "r", "s");
    let made = world.make(&acme).await.unwrap();
    world
        .execute(
            "INSERT INTO refreshes (credential, epoch, started_ms, outcome)
             SELECT credential, 1, 0, 'granted' FROM connections",
        )
        .await;
    assert!(!world.take_back(&acme, &made).await);
    assert_eq!(world.count("connections").await, 1);
    assert_eq!(world.count("audit").await, 1);
}

#[tokio::test]
async fn a_connection_whose_token_was_replaced_meanwhile_is_not_taken_back() {
    let mut world = World::new().await;
    let acme = import_of("acme", "r", "s");
    let made = world.make(&acme).await.unwrap();
    world.execute("UPDATE connections SET generation = 2").await;
    assert!(!world.take_back(&acme, &made).await);
}

#[tokio::test]
async fn a_secret_that_another_connection_needs_stays() {
    let mut world = World::new().await;
    let (acme, other) = (import_of("acme", "r", "s"), import_of("other", "q", "s"));
    let made = world.make(&acme).await.unwrap();
    world.make(&other).await.unwrap();
    assert!(world.take_back(&acme, &made).await);
    assert_eq!(
        (world.count("apps").await, world.count("app_secrets").await),
        (1, 1)
    );
}

#[tokio::test]
async fn of_a_failed_import_only_its_own_secret_goes() {
    let mut world = World::new().await;
    world.make(&import_of("acme", "r", "s")).await.unwrap();
    world.execute("UPDATE connections SET created_at = 0").await;
    let other = import_of("other", "q", "wrong");
    let made = world.make(&other).await.unwrap();
    assert_eq!(world.count("app_secrets").await, 2);
    assert!(world.take_back(&other, &made).await);
    assert_eq!(
        (world.count("apps").await, world.count("app_secrets").await),
        (1, 1)
    );
}

#[tokio::test]
async fn client_credentials_are_the_same_in_any_order_of_scopes() {
    let world = World::new().await;
    let (app, name) = (app("s"), "robot".parse().unwrap());
    let credential = |scopes: &str, soid: Option<&str>| {
        let scopes = Scopes::parse(scopes).unwrap();
        let new = New {
            name: &name,
            app: &app,
            means: Means::ClientCredentials {
                scopes: &scopes,
                soid,
            },
            api_domain: None,
        };
        known::credential_of(world.vault(), &new)
    };
    let plain = credential("a.b.READ,a.c.READ", None);
    assert_eq!(plain, credential("a.c.READ,a.b.READ", None));
    assert_ne!(plain, credential("a.b.READ,a.c.READ", Some("ZohoCRM.1")));
    assert_ne!(plain, credential("a.b.READ", None));
}

#[tokio::test]
async fn an_app_and_a_secret_that_were_out_of_use_are_so_again() {
    let mut world = World::new().await;
    world.make(&import_of("acme", "r", "s")).await.unwrap();
    world
        .execute("UPDATE connections SET created_at = 0, removed_at = 1")
        .await;
    world.execute("UPDATE app_secrets SET retired_at = 7").await;
    let other = import_of("other", "q", "s");
    let made = world.make(&other).await.unwrap();
    let in_use = "app_secrets WHERE retired_at IS NULL";
    assert_eq!(world.count(in_use).await, 1);
    assert!(world.take_back(&other, &made).await);
    assert_eq!(world.count("app_secrets WHERE retired_at = 7").await, 1);

    world.execute("DELETE FROM app_secrets").await;
    world.execute("UPDATE apps SET removed_at = 8").await;
    let made = world.make(&other).await.unwrap();
    assert_eq!(world.count("apps WHERE removed_at IS NULL").await, 1);
    assert!(world.take_back(&other, &made).await);
    assert_eq!(world.count("apps WHERE removed_at = 8").await, 1);
    assert_eq!(world.count("app_secrets").await, 0);
}

#[tokio::test]
async fn a_secret_that_zoho_accepted_meanwhile_stays() {
    let mut world = World::new().await;
    let acme = import_of("acme", "r", "s");
    let made = world.make(&acme).await.unwrap();
    let accepted = "UPDATE app_secrets SET last_accepted_at = added_at";
    world.execute(accepted).await;
    assert!(world.take_back(&acme, &made).await);
    assert_eq!(world.count("app_secrets").await, 1);
    assert_eq!(world.count("apps").await, 1);
}

#[tokio::test]
async fn connections_whose_app_was_refused_try_again_when_a_secret_is_accepted() {
    let mut world = World::new().await;
    let made = world.make(&import_of("acme", "r", "s")).await.unwrap();
    world
        .execute("UPDATE connections SET state = 'app_refused'")
        .await;
    rows::reopen_others(world.vault(), &made).await.unwrap();
    assert_eq!(world.count("connections WHERE state = 'healthy'").await, 1);
}
