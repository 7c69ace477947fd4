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
    /// The file is no vault of this program's: it is empty, or another program's.
    #[error("{path} is no vault, or an empty one")]
    NotAVault {
        /// The file.
        path: PathBuf,
    },
    /// The vault disappeared between two steps.
    #[error("the vault {path} is gone")]
    Gone {
        /// The database.
        path: PathBuf,
    },
    /// Another vault lies where this one lay.
    #[error("another vault lies at {path} than before")]
    AnotherVault {
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
        // It was let go of since it is not where it was.
        if matches!(source, sqlx::Error::PoolClosed) {
            return Self::Gone {
                path: path.to_owned(),
            };
        }
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
    /// The disk takes nothing: it is full, over its quota, or fails. SQLite needs two files beside the
    /// database even to read it (<https://www.sqlite.org/wal.html#read_only_databases>).
    Unwritable,
    /// The disk fails when it is read.
    Unreadable,
    /// It is no database, or a damaged one.
    Corrupt,
    /// It lacks a table or column: it is no vault, or a damaged one.
    Foreign,
    /// Anything else.
    Other,
}

/// SQLITE_IOERR_READ, _SHORT_READ, _FSTAT, _ACCESS, _CORRUPTFS and _DATA; the others are of writing, locking,
/// and the files beside the database, which are made when it is opened.
const READING: [u32; 6] = [266, 522, 1802, 3338, 8458, 8202];

impl DatabaseProblem {
    /// Reads SQLite's [result code](https://www.sqlite.org/rescode.html).
    fn of(error: &sqlx::Error) -> Self {
        let Some(error) = error.as_database_error() else {
            return Self::Other;
        };
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        let Some(code) = code else {
            return Self::Other;
        };
        match code & 0xff {
            1 if error.message().starts_with("no such ") => Self::Foreign,
            10 if READING.contains(&code) => Self::Unreadable,
            10 => Self::Unwritable,
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
            Self::Unwritable => {
                "cannot be used: the disk takes nothing, and SQLite must write beside it even to read"
            }
            Self::Unreadable => "cannot be read: the disk fails",
            Self::Corrupt => "is damaged",
            Self::Foreign => "lacks a table: it is no vault, or a damaged one",
            Self::Other => "cannot be used",
        }
    }
}
