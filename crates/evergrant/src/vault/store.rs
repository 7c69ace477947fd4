//! The database: pool, transactions, migrations, and nothing else.

use std::{
    fs::Metadata,
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use sqlx::{
    Connection, Row, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tempfile::TempPath;

use super::{VaultError, file_system, files};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Takes the write lock at once.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// How long a writer waits for the one before it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The vault's database. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Closed while the file is gone.
    pool: ArcSwap<SqlitePool>,
    path: PathBuf,
    file: FileId,
    connections: u32,
    /// How often another file was opened in the place of the first.
    reopened: AtomicU64,
}

/// Which file of the machine one is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for FileId {
    fn from(file: &Metadata) -> Self {
        Self {
            device: file.dev(),
            inode: file.ino(),
        }
    }
}

impl Store {
    /// Opens the database; `None` if none was made yet. Its tables are as old as it is until [`migrate`](Self::migrate).
    pub(super) async fn open(path: &Path) -> Result<Option<Self>, VaultError> {
        Self::open_with(path, BUSY_TIMEOUT).await
    }

    async fn open_with(path: &Path, busy_timeout: Duration) -> Result<Option<Self>, VaultError> {
        let Some(file) = find(path)? else {
            return match is_left_behind(path) {
                true => Err(VaultError::Gone {
                    path: path.to_owned(),
                }),
                false => Ok(None),
            };
        };
        file_system::check_local(files::parent(path))?;
        // A command does one thing at a time, and each connection costs a thread, an open file and
        // a reading of the schema.
        Ok(Some(Self(Arc::new(Inner {
            pool: ArcSwap::from_pointee(pool(path, 1, busy_timeout)),
            path: path.to_owned(),
            file: FileId::from(&file),
            connections: 1,
            reopened: AtomicU64::new(0),
        }))))
    }

    /// Returns the same database behind more connections: one that waits for the write lock holds up no
    /// reader.
    pub(super) fn with_connections(&self, connections: u32) -> Self {
        Self(Arc::new(Inner {
            pool: ArcSwap::from_pointee(pool(self.path(), connections, BUSY_TIMEOUT)),
            path: self.0.path.clone(),
            file: self.0.file,
            connections,
            reopened: AtomicU64::new(0),
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Returns which file was opened first.
    pub(super) fn file(&self) -> FileId {
        self.0.file
    }

    /// Lets go of the file: from now on nothing is read from it and nothing is written into it, until
    /// [`take_up`](Self::take_up). SQLite sees that it was moved, and touches nothing that may be in its place.
    pub(super) fn let_go(&self) {
        let pool = self.0.pool.load_full();
        if !pool.is_closed() {
            // What is under way comes to its end.
            tokio::spawn(async move { pool.close().await });
        }
    }

    /// Opens the file that is at the path now.
    pub(super) fn take_up(&self) {
        let new = pool(self.path(), self.0.connections, BUSY_TIMEOUT);
        self.0.pool.store(Arc::new(new));
        self.0.reopened.fetch_add(1, Relaxed);
    }

    /// Tells how often another file was opened in the place of the first.
    pub(crate) fn times_reopened(&self) -> u64 {
        self.0.reopened.load(Relaxed)
    }

    /// Opens one more connection, beside those of the pool.
    pub(super) async fn connect(&self) -> Result<SqliteConnection, VaultError> {
        let options = options(self.path()).busy_timeout(BUSY_TIMEOUT);
        let connected = SqliteConnection::connect_with(&options).await;
        connected.map_err(|error| self.error(error))
    }

    /// Makes a database whole in a temporary file, filled by `fill`, and gives it its name unless
    /// another process was quicker.
    pub(super) async fn create(
        path: &Path,
        fill: impl AsyncFnOnce(&mut SqliteConnection) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let failed = |source| VaultError::io(path, source);
        let folder = files::parent(path);
        files::make_folder(folder).map_err(failed)?;
        file_system::check_local(folder)?;
        let temporary = files::temporary_in(folder)
            .map_err(failed)?
            .into_temp_path();
        fill_new(&temporary, fill)
            .await
            .map_err(|error| VaultError::database(path, error))??;
        files::publish(temporary, path).map_err(failed)?;
        Ok(())
    }

    /// Returns the pool, for a single reading statement; never inside a transaction, which holds the
    /// one connection.
    pub(crate) fn reader(&self) -> SqlitePool {
        SqlitePool::clone(&self.0.pool.load())
    }

    /// Returns a connection for several statements. What goes back to the pool is tested before it is given
    /// out again, which costs as much as a statement: from [`reader`](Self::reader) each would cost twice.
    pub(crate) async fn connection(&self) -> Result<PoolConnection<Sqlite>, VaultError> {
        let connection = self.reader().acquire().await;
        connection.map_err(|error| self.error(error))
    }

    /// Begins a transaction that takes the write lock at once. One that reads first and writes later
    /// fails with SQLITE_BUSY_SNAPSHOT as soon as somebody else wrote in between, whatever the
    /// timeout (<https://www.sqlite.org/lang_transaction.html>).
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, VaultError> {
        let transaction = self.reader().begin_with(BEGIN).await;
        transaction.map_err(|error| self.error(error))
    }

    /// Begins the same transaction on a connection that goes on after it.
    pub(crate) async fn begin_on<'a>(
        &self,
        connection: &'a mut SqliteConnection,
    ) -> Result<Transaction<'a, Sqlite>, VaultError> {
        let transaction = connection.begin_with(BEGIN).await;
        transaction.map_err(|error| self.error(error))
    }

    /// Looks whether the database can be written, and changes nothing.
    ///
    /// Where it may only be read, SQLite makes `BEGIN IMMEDIATE` a reading transaction and says
    /// nothing: it takes a statement that would write.
    pub(crate) async fn check_writable(&self) -> Result<(), VaultError> {
        let failed = |error| self.error(error);
        let mut transaction = self.begin().await?;
        let write = sqlx::query("UPDATE vault SET id = id WHERE false");
        write.execute(&mut *transaction).await.map_err(failed)?;
        transaction.rollback().await.map_err(failed)
    }

    /// Runs SQLite's own check (<https://www.sqlite.org/pragma.html#pragma_quick_check>).
    pub(super) async fn check(&self) -> Result<(), VaultError> {
        let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)");
        let found = check
            .fetch_one(&self.reader())
            .await
            .map_err(|error| self.error(error))?;
        if found == "ok" {
            Ok(())
        } else {
            Err(self.broken(found))
        }
    }

    /// Says that the database is not as a vault is.
    pub(crate) fn broken(&self, found: impl Into<String>) -> VaultError {
        VaultError::Broken {
            path: self.0.path.clone(),
            found: found.into(),
        }
    }

    /// Writes the log back into the database and closes it.
    pub(crate) async fn close(&self) {
        self.reader().close().await;
    }

    /// Names the database in an error.
    pub(crate) fn error(&self, error: sqlx::Error) -> VaultError {
        VaultError::database(self.path(), error)
    }

    /// Says that the database is none that this program made.
    pub(super) fn not_a_vault(&self) -> VaultError {
        VaultError::NotAVault {
            path: self.0.path.clone(),
        }
    }

    /// Brings the tables up to date.
    pub(super) async fn migrate(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<(), VaultError> {
        let latest = MIGRATIONS
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or(0);
        let version = self.version(&mut *connection).await?;
        if version == latest {
            return Ok(());
        }
        // A vault gets its name when it is whole.
        if version == 0 {
            return Err(self.not_a_vault());
        }
        if version > latest {
            return Err(VaultError::Newer {
                path: self.0.path.clone(),
                version,
                latest,
            });
        }
        // The write lock is the migration lock: who waited finds the work done.
        let mut transaction = self.begin_on(connection).await?;
        if self.version(&mut transaction).await? < latest {
            run_migrations(&mut transaction)
                .await
                .map_err(|error| self.error(error))?;
        }
        transaction
            .commit()
            .await
            .map_err(|error| self.error(error))
    }

    async fn version(&self, connection: &mut SqliteConnection) -> Result<i64, VaultError> {
        let row = sqlx::query("PRAGMA user_version")
            .fetch_one(connection)
            .await;
        row.and_then(|row| row.try_get(0))
            .map_err(|error| self.error(error))
    }
}

/// Finds the file of a database; `None` if there is none.
pub(super) fn find(path: &Path) -> Result<Option<Metadata>, VaultError> {
    match std::fs::metadata(path) {
        // SQLite would take it for a new database, and write into it.
        Ok(file) if file.len() == 0 => Err(VaultError::NotAVault {
            path: path.to_owned(),
        }),
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::io(path, error)),
    }
}

/// Tells whether there is what SQLite keeps beside a database, which is gone itself.
fn is_left_behind(path: &Path) -> bool {
    ["-wal", "-shm"].into_iter().any(|end| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(end);
        Path::new(&beside).exists()
    })
}

fn pool(path: &Path, connections: u32, busy_timeout: Duration) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // Where the disk is full, SQLite may end a transaction by itself, and sqlx goes on counting it: the
        // connection could begin no other. One that counts any when it is given back is closed.
        .after_release(|connection, _| {
            Box::pin(async {
                if connection.is_in_transaction() {
                    // Its end may be on the way.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_lazy_with(options(path).busy_timeout(busy_timeout))
}

async fn fill_new(
    temporary: &TempPath,
    fill: impl AsyncFnOnce(&mut SqliteConnection) -> Result<(), VaultError>,
) -> Result<Result<(), VaultError>, sqlx::Error> {
    let mut connection = SqliteConnection::connect_with(&options(temporary)).await?;
    run_migrations(&mut connection).await?;
    let filled = fill(&mut connection).await;
    connection.close().await?;
    Ok(filled)
}

pub(crate) async fn run_migrations(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    MIGRATIONS
        .run(connection)
        .await
        .map_err(|error| sqlx::Error::Migrate(Box::new(error)))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::DatabaseProblem;

    /// Makes a database and opens it twice, as two processes would, with little patience.
    async fn two_of_one() -> (tempfile::TempDir, Store, Store) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.db");
        let created = Store::create(&path, async |_| Ok(())).await;
        created.unwrap();
        let open = || async {
            let opened = Store::open_with(&path, Duration::from_millis(100)).await;
            opened.unwrap().unwrap()
        };
        let (one, other) = (open().await, open().await);
        (folder, one, other)
    }

    fn is_busy(error: &VaultError) -> bool {
        matches!(
            error,
            VaultError::Database {
                problem: DatabaseProblem::Busy,
                ..
            }
        )
    }

    #[tokio::test]
    async fn a_writer_that_holds_on_for_too_long_is_named_as_that() {
        let (_folder, one, other) = two_of_one().await;
        let held = one.begin().await.unwrap();
        for refused in [other.begin().await.map(drop), other.check_writable().await] {
            let error = refused.unwrap_err();
            assert!(is_busy(&error), "{error}");
        }
        other.check().await.expect("whoever reads does not wait");
        held.commit().await.unwrap();
        other.begin().await.expect("the next one's turn");
    }

    #[tokio::test]
    async fn a_transaction_that_the_database_ended_is_no_end_for_its_connection() {
        let (_folder, one, _other) = two_of_one().await;
        let mut transaction = one.begin().await.unwrap();
        // As SQLite does by itself where the disk is full.
        let ended = sqlx::query("ROLLBACK");
        ended.execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap_err();
        one.begin().await.expect("another one begins");
    }
}
