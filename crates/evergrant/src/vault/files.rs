//! Files that only their owner may read, made whole and durable or not at all.

use std::{fs::File, io, os::unix::fs::DirBuilderExt, path::Path};

use fs_err as fs;
use tempfile::{NamedTempFile, TempPath};

/// How the name of a temporary file begins.
pub(crate) const TEMPORARY: &str = ".new-";

/// Makes a temporary file in `folder` that only its owner may read; it goes when it is dropped.
pub(crate) fn temporary_in(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(folder)
}

/// Makes `folder` with all above it, for its owner alone, and syncs every folder that it made into
/// the one above.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder);
    make_folder(above)?;
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => sync_folder(above),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            let message = format!("cannot make the folder {}: {error}", folder.display());
            Err(io::Error::new(error.kind(), message))
        }
    }
}

/// Makes what was created, renamed or linked in `folder` survive a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Makes the file `path` with what `write` puts in, whole and durable, unless it is there already;
/// tells whether it was made.
///
/// It appears by a link from a temporary name, so that nobody ever sees half of it, and of two
/// processes one wins.
pub(crate) fn publish_new(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<bool> {
    let folder = parent(path);
    make_folder(folder)?;
    let mut temporary = temporary_in(folder)?;
    write(temporary.as_file_mut())?;
    temporary.as_file().sync_all()?;
    publish(temporary.into_temp_path(), path)
}

/// Gives a finished, synced temporary file its name `path`, durably, unless that is taken; tells
/// whether it did.
pub(crate) fn publish(temporary: TempPath, path: &Path) -> io::Result<bool> {
    let published = match temporary.persist_noclobber(path) {
        Ok(()) => true,
        Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(failed) => return Err(failed.error),
    };
    sync_folder(parent(path))?;
    Ok(published)
}

/// Returns the folder that `path` lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}
