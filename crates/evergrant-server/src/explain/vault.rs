//! Why the vault refuses.

use std::path::Path;

use evergrant::vault::{DatabaseProblem, VaultError, master_key::KeyError};

use crate::problem::{Code, Problem};

/// Says what cannot be said better.
pub fn other(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::Internal, "unexpected", error.to_string()).next_by(
        "try again with -vv, and report what it shows",
        "report it, with what the server's log says of this request",
    )
}

/// Says what to do when the vault refuses.
pub fn vault(error: &VaultError) -> Problem {
    let of = |reason: &'static str| {
        let start = Problem::new(Code::Vault, reason, error.to_string());
        std::error::Error::source(error).map_or(start, |source| {
            Problem::new(Code::Vault, reason, error.to_string()).causes_of(source)
        })
    };
    match error {
        VaultError::Key(key) => explain_key(key, of),
        VaultError::WrongMasterKey { wanted } => of("wrong_master_key")
            .next(format!("put the key {wanted} back where it was, or name its place in config.toml"))
            .next("without it nothing in this vault can be opened; `evergrant doctor` says which keys are at hand"),
        VaultError::Sealed { .. } | VaultError::Damaged { .. } | VaultError::Broken { .. } => of("damaged")
            .next("restore the vault from a backup"),
        VaultError::ForeignFileSystem { .. } => of("foreign_file_system")
            .next_at_server("give --home, or set EVERGRANT_HOME, to a folder on this machine's own disk"),
        VaultError::Newer { .. } => of("newer_vault").next("install the version that made it, or a later one"),
        VaultError::Io { .. } => of("unreadable").next("see that the folder is there and yours"),
        VaultError::Database { problem, path, .. } => explain_database(*problem, path, of),
        VaultError::NotAVault { path } => of("not_a_vault")
            .next("restore the vault from a backup")
            .next(format!("or, if nothing was in it, remove {} and the files beside it: an exchange makes a new one", path.display())),
        VaultError::Gone { path } => of("vault_gone")
            .next("see what removed it, and restore it from a backup if it does not come back")
            .next(format!("or, if nothing of it is wanted any more, remove {0}-wal and {0}-shm too: an exchange makes a new one", path.display())),
        VaultError::AnotherVault { .. } => of("another_vault")
            .next("put the vault back that this server was started with")
            .next_at_server("or start the server again, to have it use the other one"),
        _ => of("vault").next_at_server("evergrant doctor     looks at the vault and its folder"),
    }
}

fn explain_key(error: &KeyError, of: impl Fn(&'static str) -> Problem) -> Problem {
    match error {
        KeyError::ReadableByOthers { path, .. } => of("master_key_exposed")
            .next_at_server(format!("chmod 600 {}", path.display()))
            .next("if somebody else may have read it, exchange new grants with a new vault"),
        KeyError::OwnedByOther { path } => {
            of("master_key_exposed").next_at_server(format!("chown it: {}", path.display()))
        }
        KeyError::Missing { .. } => of("master_key_missing")
            .cause("the vault is sealed with it, so no new one is made")
            .next("put the key file back from your backup, or say where the key is: EVERGRANT_MASTER_KEY or [[master_key]] in config.toml"),
        KeyError::NotAKey { .. } => of("master_key_invalid")
            .next("a master key is 64 hexadecimal digits; `evergrant-master-key:` may stand before them"),
        KeyError::Command { .. } => {
            of("master_key_command").next("run the command by hand and see what it says")
        }
        KeyError::NoSource => {
            of("master_key_missing").next("name one in config.toml: [[master_key]]")
        }
        _ => of("master_key_unreadable")
            .next("see that the file and its folder are yours to read and write"),
    }
}

fn explain_database(
    problem: DatabaseProblem,
    path: &Path,
    of: impl Fn(&'static str) -> Problem,
) -> Problem {
    match problem {
        DatabaseProblem::Full => of("disk_full").next("make room on the disk, then try again"),
        DatabaseProblem::Busy => {
            of("vault_busy").next_at_server("see which other evergrant is stopped or hangs, and try again")
        }
        // The log beside the vault has got the vault's mode when it was made.
        DatabaseProblem::ReadOnly | DatabaseProblem::CannotOpen => {
            let (path, folder) = (path.display(), path.parent().unwrap_or(path).display());
            of("vault_unwritable").next_at_server(format!(
                "make the vault, the files beside it and their folder writable for you: chmod u+rwX {folder} {path}*"
            ))
        }
        DatabaseProblem::Unwritable => {
            let folder = path.parent().unwrap_or(path).display();
            of("disk_unwritable")
                .next_at_server(format!("make room on the disk, then try again: df -h {folder}"))
                .next("if there is room, see the quota, and the system's log for failures of the disk")
        }
        DatabaseProblem::Unreadable => of("disk_unreadable")
            .next("see the system's log for failures of the disk, and restore the vault from a backup on another"),
        DatabaseProblem::Corrupt | DatabaseProblem::Foreign => {
            of("vault_damaged").next("restore the vault from a backup")
        }
        _ => of("vault").next_at_server("evergrant doctor     looks at the vault and its folder"),
    }
}
