//! Escrow: the files that hold an exchange's reply until the vault has it.
//!
//! One file an exchange, made at its full size, synced and locked before the request leaves, so that
//! the reply needs one write in place and one sync. What lies here after a crash, `recover` finishes.

mod file;
mod record;

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use fs_err as fs;
use rand::CryptoRng;
use zoho_oauth::Reply;

pub(crate) use self::file::EscrowFile;
pub use self::record::{ExchangeId, Phase, Record};
use super::{
    Folders, files,
    seal::{Keyring, Label, OpenError, Place},
};

/// How long a temporary file may be somebody's who is still at it.
const TEMPORARY_KEPT: Duration = Duration::from_secs(3600);

/// How the name of a reply ends that did not fit where it belonged.
const SPARE: &str = ".reply";

/// A file in escrow, not yet read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The exchange.
    pub id: ExchangeId,
    /// The file.
    pub path: PathBuf,
}

/// Lists what lies in escrow and in the folders that stand in for it: there first, since a reply
/// there is what its file in escrow waits for.
///
/// # Errors
///
/// If one of the folders cannot be read. One that is not there is empty.
pub fn list(folders: &Folders) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for folder in folders_of(folders) {
        list_folder(&folder, &mut entries)?;
    }
    entries.sort_by_key(|entry| !is_spare(&entry.path));
    Ok(entries)
}

/// Returns the folders that records may lie in, each once.
fn folders_of(folders: &Folders) -> Vec<PathBuf> {
    let escrow = folders.escrow();
    let all = [&escrow, &folders.data, &folders.runtime, &folders.temporary];
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in all {
        if !found.contains(folder) {
            found.push(folder.clone());
        }
    }
    found
}

fn list_folder(folder: &Path, entries: &mut Vec<Entry>) -> io::Result<()> {
    for path in files_of_ours(folder)? {
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(id) = name.and_then(exchange_of) {
            entries.push(Entry { id, path });
        }
    }
    Ok(())
}

/// Lists the plain files in a folder that are this user's. A folder that is not there, or is somebody
/// else's, has none.
fn files_of_ours(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let user = rustix::process::geteuid().as_raw();
    match fs::metadata(folder) {
        Ok(metadata) if metadata.uid() == user => {}
        Ok(_) => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.uid() == user => found.push(path),
            Ok(_) => {}
            // An exchange that has just finished took its file away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Removes the temporary files of processes that were killed while they made a record or a vault, if
/// they are an hour old or more.
pub(crate) fn clear_temporary(folders: &Folders, now: SystemTime) -> io::Result<()> {
    for folder in [&folders.escrow(), &folders.data] {
        for path in files_of_ours(folder)? {
            let is_temporary = path.file_name().is_some_and(|name| {
                name.to_str()
                    .is_some_and(|name| name.starts_with(files::TEMPORARY))
            });
            let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = modified
                .ok()
                .and_then(|modified| now.duration_since(modified).ok());
            if is_temporary && age.is_some_and(|age| age >= TEMPORARY_KEPT) {
                fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

fn exchange_of(name: &str) -> Option<ExchangeId> {
    name.strip_suffix(SPARE).unwrap_or(name).parse().ok()
}

fn is_spare(path: &Path) -> bool {
    path.to_string_lossy().ends_with(SPARE)
}

/// Writes a whole record as a new file into the first folder that takes it, and has none of this exchange from before;
/// gives back the errors if none does.
pub(crate) fn write_spare(folders: &Folders, record: &Record) -> Result<PathBuf, Vec<io::Error>> {
    let mut errors = Vec::new();
    for folder in [
        &folders.escrow(),
        &folders.data,
        &folders.runtime,
        &folders.temporary,
    ] {
        let path = folder.join(format!("{}{SPARE}", record.id));
        match write_whole(&path, record) {
            Ok(true) => return Ok(path),
            // It holds an earlier reply, and is not written over: nobody could tell which of the two a cut left.
            Ok(false) => errors.push(io::ErrorKind::AlreadyExists.into()),
            Err(error) => errors.push(error),
        }
    }
    Err(errors)
}

fn write_whole(path: &Path, record: &Record) -> io::Result<bool> {
    let folder = files::parent(path);
    files::make_folder(folder)?;
    if fs::metadata(folder)?.uid() != rustix::process::geteuid().as_raw() {
        let message = format!("{} belongs to another user", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let bytes = record.to_bytes();
    files::publish_new(path, |file| io::Write::write_all(file, &bytes))
}

/// Seals the context of an exchange to its record.
pub(crate) fn seal_context(
    keyring: &Keyring,
    vault_id: &str,
    id: ExchangeId,
    context: &[u8],
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    keyring.seal(&place(vault_id, id, "context"), context, rng)
}

/// Seals a reply to its record.
pub(crate) fn seal_reply(
    keyring: &Keyring,
    vault_id: &str,
    id: ExchangeId,
    reply: &Reply,
    rng: &mut dyn CryptoRng,
) -> Vec<u8> {
    keyring.seal(
        &place(vault_id, id, "reply"),
        &record::encode_reply(reply),
        rng,
    )
}

/// What a record holds, opened.
pub(crate) struct Opened {
    pub(crate) context: zeroize::Zeroizing<Vec<u8>>,
    pub(crate) reply: Option<Reply>,
}

/// Opens a record. A reply that was cut short by a power cut counts as none.
pub(crate) fn open(keyring: &Keyring, record: &Record) -> Result<Opened, OpenError> {
    let context = place(&record.vault_id, record.id, "context");
    let context = keyring.open(&context, &record.context_sealed)?;
    let place = place(&record.vault_id, record.id, "reply");
    let reply = match record
        .current_reply()
        .map(|sealed| keyring.open(&place, sealed))
    {
        Some(Ok(opened)) => record::decode_reply(&opened),
        None | Some(Err(OpenError::Altered | OpenError::Malformed)) => None,
        Some(Err(error)) => return Err(error),
    };
    Ok(Opened { context, reply })
}

fn place(vault_id: &str, id: ExchangeId, what: &str) -> Place {
    let id = id.to_string();
    Place::new(
        Label::Escrow,
        [vault_id, "escrow", what, &id].map(str::as_bytes),
    )
}
