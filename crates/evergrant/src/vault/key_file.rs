//! Files that hold one key as a line of text, which only their owner can read.

use std::{
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{files, master_key::KeyError};

/// Makes the key file `path` of `text` unless it is there, durably; tells whether it did. Of two processes that
/// make it at once, one does.
///
/// # Errors
///
/// If it cannot be made.
pub fn make(path: &Path, text: &str) -> Result<bool, KeyError> {
    let line = Zeroizing::new(format!("{text}\n"));
    let made = files::publish_new(path, |file| file.write_all(line.as_bytes()));
    made.map_err(|source| KeyError::File {
        path: path.to_owned(),
        source,
    })
}

/// Reads a key file, which is no link and which nobody but its owner, this user, can read.
///
/// # Errors
///
/// If it is not there, not like that, or cannot be read.
pub fn read(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyError::Missing {
            path: path.to_owned(),
        },
        _ => KeyError::File {
            path: path.to_owned(),
            source,
        },
    };
    let no_links = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(no_links)
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(KeyError::ReadableByOthers {
            path: path.to_owned(),
            mode,
        });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(KeyError::OwnedByOther {
            path: path.to_owned(),
        });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(4096).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
