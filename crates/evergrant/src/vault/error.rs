//! What can go wrong with the vault.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    master_key::KeyError,
    seal::{KeyId, OpenError},
};

/// Why the vault cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A master key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The master keys at hand are not this vault's.
    #[error("the vault is sealed by the master key {wanted}, which is not at hand")]
    WrongMasterKey {
        /// The id of the key that would open it.
        wanted: KeyId,
    },
    /// A sealed value does not open.
    #[error("{what} does not open")]
    Sealed {
        /// Which value.
        what: String,
        /// Why.
        #[source]
        error: OpenError,
    },
    /// A row holds what it never should.
    #[error("the row {row} of {table} is damaged: {column}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id.
        row: String,
    },
    /// The folder is on a network or shared file system, where locks and syncs do not hold.
    #[error("{folder} lies on a {file_system} file system, where locks and syncs do not hold")]
    ForeignFileSystem {
        /// The folder.
        folder: PathBuf,
        /// The file system's name.
        file_system: &'static str,
    },
    /// A later version of this program made the vault.
    #[error(
        "a later version made the vault {path} (format {version}, this program knows {latest})"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        version: i64,
        /// The latest format known here.
        latest: i64,
    },
    /// SQLite's own check found the database damaged.
    #[error("the vault {path} is damaged: {found}")]
    Broken {
        /// The database.
        path: PathBuf,
        /// What was found first.
        found: String,
    },
    /// The vault disappeared between two steps.
    #[error("the vault {path} is gone")]
    Gone {
        /// The database.
        path: PathBuf,
    },
    /// A file or folder cannot be read or made.
    #[error("cannot read or make {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database refused.
    #[error("the vault {path} {}", problem.describe())]
    Database {
        /// The database.
        path: PathBuf,
        /// What kind of refusal it was.
        problem: DatabaseProblem,
        /// What the database said.
        source: sqlx::Error,
    },
}

impl VaultError {
    /// Tells whether it is one value that is spoiled, with its key at hand.
    pub(crate) fn is_spoiled(&self) -> bool {
        let spoiled = |error: &OpenError| !matches!(error, OpenError::UnknownKey(_));
        matches!(self, Self::Sealed { error, .. } if spoiled(error))
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn database(path: &Path, source: sqlx::Error) -> Self {
        let problem = DatabaseProblem::of(&source);
        Self::Database {
            path: path.to_owned(),
            problem,
            source,
        }
    }
}

/// What kind of refusal the database gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseProblem {
    /// The disk is full.
    Full,
    /// Another process held the write lock for too long.
    Busy,
    /// It may not be written.
    ReadOnly,
    /// It may not be opened.
    CannotOpen,
    /// It is no database, or a damaged one.
    Corrupt,
    /// Anything else.
    Other,
}

impl DatabaseProblem {
    /// Reads SQLite's [result code](https://www.sqlite.org/rescode.html).
    fn of(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        let Some(code) = code.and_then(|code| code.parse::<u32>().ok()) else {
            return Self::Other;
        };
        match code & 0xff {
            5 | 6 => Self::Busy,
            8 | 3 => Self::ReadOnly,
            11 | 26 => Self::Corrupt,
            13 => Self::Full,
            14 => Self::CannotOpen,
            _ => Self::Other,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Full => "cannot be written: the disk is full",
            Self::Busy => "is held by another process",
            Self::ReadOnly => "cannot be written",
            Self::CannotOpen => "cannot be opened",
            Self::Corrupt => "is damaged",
            Self::Other => "cannot be used",
        }
    }
}
