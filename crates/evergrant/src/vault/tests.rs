use std::os::unix::fs::PermissionsExt;

use fs_err as fs;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use super::*;
use crate::connection;

/// A home, a clock and a source of randomness of its own.
pub(crate) struct World {
    home: TempDir,
    pub(crate) clock: Clock,
    pub(crate) rng: StdRng,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            clock: Clock::system(),
            rng: StdRng::seed_from_u64(1),
        }
    }

    fn folders(&self) -> Folders {
        let under = |name| self.home.path().join(name);
        Folders {
            config: under("config"),
            data: under("data"),
            runtime: under("runtime"),
            temporary: under("temporary"),
        }
    }

    pub(crate) async fn open_or_make(&mut self) -> Result<UnlockedVault, VaultError> {
        let folders = self.folders();
        let sources = [KeySource::File(folders.master_key())];
        UnlockedVault::open_or_make(&folders, &sources, &self.clock, &mut self.rng).await
    }
}

#[tokio::test]
async fn a_vault_is_made_once_and_opened_again() {
    let mut world = World::new();
    assert!(
        Vault::open(&world.folders(), &Clock::system())
            .await
            .unwrap()
            .is_none()
    );
    let made = world.open_or_make().await.unwrap();
    made.vault().close().await;
    let again = world.open_or_make().await.unwrap();
    assert_eq!(made.vault.id(), again.vault.id());
    assert_eq!(
        made.index_key.expose_bytes(),
        again.index_key.expose_bytes()
    );
    assert!(connection::list(again.vault()).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_its_owner_can_read_it() {
    let mut world = World::new();
    world.open_or_make().await.unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folders = world.folders();
    assert_eq!(mode(folders.vault()), 0o600);
    assert_eq!(mode(folders.master_key()), 0o600);
    assert_eq!(mode(folders.data), 0o700);
    assert_eq!(mode(folders.config), 0o700);
}

#[tokio::test]
async fn a_lost_key_is_never_replaced_by_a_new_one() {
    let mut world = World::new();
    world.open_or_make().await.unwrap();
    let path = world.folders().master_key();
    fs::remove_file(&path).unwrap();
    let refused = world.open_or_make().await.unwrap_err();
    assert!(
        matches!(refused, VaultError::Key(KeyError::Missing { .. })),
        "{refused}"
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn another_key_is_refused_by_the_name_of_the_right_one() {
    let mut world = World::new();
    let made = world.open_or_make().await.unwrap();
    let path = world.folders().master_key();
    fs::remove_file(&path).unwrap();
    master_key::make_file(&path, &mut world.rng).unwrap();
    let refused = world.open_or_make().await.unwrap_err();
    let right = made.keyring.sealing_key().id();
    assert!(matches!(refused, VaultError::WrongMasterKey { wanted } if wanted == right));
}

#[tokio::test]
async fn a_new_first_key_seals_and_the_old_one_still_opens() {
    let mut world = World::new();
    world.open_or_make().await.unwrap();
    let folders = world.folders();
    let newer = folders.config.join("newer.key");
    master_key::make_file(&newer, &mut world.rng).unwrap();
    let sources = [
        KeySource::File(newer),
        KeySource::File(folders.master_key()),
    ];
    for _ in 0..2 {
        let vault = Vault::open(&folders, &Clock::system())
            .await
            .unwrap()
            .unwrap();
        let unlocked = vault.unlock(&sources, &mut world.rng).await.unwrap();
        let keys = sqlx::query_scalar("SELECT count(*) FROM sealing_keys");
        let keys: i64 = keys.fetch_one(&unlocked.store().reader()).await.unwrap();
        assert_eq!(keys, 2);
        let events = crate::audit::list(unlocked.vault(), crate::audit::Since::default());
        let events = events.await.unwrap();
        assert_eq!(events.len(), 1, "told once: {events:?}");
        assert_eq!(events[0].event, "sealing_key_changed");
    }
}

#[tokio::test]
async fn a_vault_of_a_later_version_is_left_alone() {
    let mut world = World::new();
    let made = world.open_or_make().await.unwrap();
    let set = sqlx::query("PRAGMA user_version = 99")
        .execute(&made.store().reader())
        .await;
    set.unwrap();
    let refused = world.open_or_make().await.unwrap_err();
    assert!(
        matches!(refused, VaultError::Newer { version: 99, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let mut world = World::new();
    world.open_or_make().await.unwrap().vault().close().await;
    fs::write(
        world.folders().vault(),
        "not a database, but longer than a header would be",
    )
    .unwrap();
    let refused = world.open_or_make().await.unwrap_err();
    let problem = match &refused {
        VaultError::Database { problem, .. } => Some(*problem),
        _ => None,
    };
    assert_eq!(problem, Some(DatabaseProblem::Corrupt), "{refused}");
}

#[test]
fn of_many_first_users_one_makes_it() {
    let home = tempfile::tempdir().unwrap();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let start = |seed| {
            let home = home.path();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.unwrap().block_on(async {
                    let under = |name| home.join(name);
                    let folders = Folders {
                        config: under("config"),
                        data: under("data"),
                        runtime: under("runtime"),
                        temporary: under("temporary"),
                    };
                    let sources = [KeySource::File(folders.master_key())];
                    let mut rng = StdRng::seed_from_u64(seed);
                    let clock = Clock::system();
                    let vault = UnlockedVault::open_or_make(&folders, &sources, &clock, &mut rng);
                    vault.await.unwrap().vault.id().to_owned()
                })
            })
        };
        let threads: Vec<_> = (0..8).map(start).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_vault_that_is_gone_is_not_taken_for_one_that_was_never_made() {
    let mut world = World::new();
    let made = world.open_or_make().await.unwrap();
    connection::list(made.vault()).await.unwrap();
    let path = world.folders().vault();
    let away = path.with_extension("away");
    fs::rename(&path, &away).unwrap();
    for opened in [
        Vault::open(&world.folders(), &world.clock).await.map(drop),
        world.open_or_make().await.map(drop),
    ] {
        let error = opened.unwrap_err();
        assert!(matches!(error, VaultError::Gone { .. }), "{error}");
    }
    fs::rename(&away, &path).unwrap();
    world.open_or_make().await.unwrap();
}
