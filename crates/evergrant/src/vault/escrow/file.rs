//! One file in escrow, from before the request to after the commit.

use std::{
    fs::{File, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use fs_err as fs;
use rand::CryptoRng;

use super::record::{FILE_LEN, PHASE, Record, SLOT, phase_bytes, slot_bytes};
use crate::vault::files;

/// A file in escrow that this process holds locked.
#[derive(Debug)]
pub(crate) struct EscrowFile {
    file: File,
    path: PathBuf,
    record: Record,
}

impl EscrowFile {
    /// Makes the file of an exchange: at its full size, locked, durable, and read back.
    ///
    /// It gets its name only when it is all that, so that whoever finds it unlocked knows that the
    /// process that made it is gone.
    pub(crate) fn create(
        folder: &Path,
        record: Record,
        rng: &mut dyn CryptoRng,
    ) -> io::Result<Self> {
        files::make_folder(folder)?;
        let path = folder.join(record.id.to_string());
        let temporary = files::temporary_in(folder)?;
        temporary.as_file().try_lock()?;
        let mut bytes = record.to_bytes();
        bytes.resize(FILE_LEN, 0);
        rng.fill_bytes(&mut bytes[SLOT..]);
        temporary.as_file().write_all_at(&bytes, 0)?;
        temporary.as_file().sync_all()?;
        let file = temporary
            .persist_noclobber(&path)
            .map_err(|failed| failed.error)?;
        files::sync_folder(folder)?;

        if !holds(&file, &bytes)? {
            return Err(io::Error::other(
                "the disk gave back something else than was written",
            ));
        }
        Ok(Self { file, path, record })
    }

    /// Takes over a file that another process left; `None` if that process still lives, or if it
    /// has just finished.
    pub(crate) fn take_over(path: &Path) -> io::Result<Option<(Self, Record)>> {
        let opened = fs::OpenOptions::new().read(true).write(true).open(path);
        let mut file = match opened {
            Ok(file) => file.into_parts().0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if file.metadata()?.nlink() == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        let record = Record::from_bytes(&bytes).ok_or_else(|| {
            let message = format!("{} is not an escrow record", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(Some((
            Self {
                file,
                path: path.to_owned(),
                record: record.clone(),
            },
            record,
        )))
    }

    /// Returns the record as it was made, without a reply.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Notes that a request is about to leave. Not synced: whether it left, a power cut leaves open
    /// anyway.
    pub(crate) fn mark_sending(&self, attempt: u8) -> io::Result<()> {
        self.file
            .write_all_at(&phase_bytes(true, attempt), PHASE as u64)
    }

    /// Puts a sealed reply into its slot, durably: one write and one sync. After a failure it must not
    /// be tried again: a second sync of a failed file reports success and has lost the data
    /// (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
    pub(crate) fn keep_reply(&self, attempt: u8, sealed: &[u8]) -> io::Result<()> {
        let bytes = slot_bytes(attempt, sealed);
        if bytes.len() > FILE_LEN - SLOT {
            return Err(io::Error::other("the reply does not fit into its slot"));
        }
        self.file.write_all_at(&bytes, SLOT as u64)?;
        self.file.sync_data()?;
        if self.file.metadata()?.nlink() == 0 {
            return Err(io::Error::other("the escrow file was removed meanwhile"));
        }
        Ok(())
    }

    /// Removes the file. Not synced: the vault knows what became of the exchange, which makes a file
    /// that rises again harmless.
    pub(crate) fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Tells whether a file begins with these bytes. It is read in pieces: fresh memory for all of it takes longer than
/// reading.
fn holds(file: &File, bytes: &[u8]) -> io::Result<bool> {
    let mut buffer = vec![0; SLOT];
    let mut offset = 0;
    for piece in bytes.chunks(buffer.len()) {
        let read = &mut buffer[..piece.len()];
        file.read_exact_at(read, offset)?;
        if read != piece {
            return Ok(false);
        }
        offset += piece.len() as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rand::{SeedableRng, rngs::StdRng};

    use super::super::{ExchangeId, Phase};
    use super::*;

    fn create(folder: &Path) -> EscrowFile {
        let mut rng = StdRng::seed_from_u64(1);
        let id = ExchangeId::generate(&mut rng);
        let vault_id = "019a0000-0000-7000-8000-000000000000";
        let record = Record::prepared(vault_id, id, b"context".to_vec()).unwrap();
        EscrowFile::create(folder, record, &mut rng).unwrap()
    }

    #[test]
    fn a_file_of_a_living_process_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = create(folder.path());
        let path = file.path.clone();
        assert!(EscrowFile::take_over(&path).unwrap().is_none());
        drop(file);
        let (_file, record) = EscrowFile::take_over(&path).unwrap().unwrap();
        assert_eq!(record.phase(), Phase::Prepared);
    }

    #[test]
    fn it_has_its_full_size_before_the_request() {
        let folder = tempfile::tempdir().unwrap();
        let escrow = folder.path().join("escrow");
        let file = create(&escrow);
        let before = fs::metadata(&file.path).unwrap();
        assert_eq!(before.len(), FILE_LEN as u64);
        assert_eq!(before.permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(&escrow).unwrap().permissions().mode() & 0o777,
            0o700
        );
        file.mark_sending(1).unwrap();
        file.keep_reply(1, &[7; 60 * 1024]).unwrap();
        assert_eq!(fs::metadata(&file.path).unwrap().len(), before.len());
        assert_eq!(
            fs::read_dir(&escrow).unwrap().count(),
            1,
            "no temporary file stays"
        );
    }

    #[test]
    fn a_reply_is_found_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = create(folder.path());
        let path = file.path.clone();
        file.mark_sending(1).unwrap();
        file.keep_reply(1, b"sealed").unwrap();
        drop(file);
        let (file, record) = EscrowFile::take_over(&path).unwrap().unwrap();
        assert_eq!(record.phase(), Phase::Replied);
        file.remove().unwrap();
        assert!(EscrowFile::take_over(&path).unwrap().is_none());
    }

    #[test]
    fn a_reply_in_a_file_without_a_name_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = create(folder.path());
        fs::remove_file(&file.path).unwrap();
        assert!(file.keep_reply(1, b"sealed").is_err());
    }

    #[test]
    fn a_reply_that_does_not_fit_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = create(folder.path());
        let path = file.path.clone();
        file.mark_sending(1).unwrap();
        assert!(file.keep_reply(1, &[0; 64 * 1024]).is_err());
        drop(file);
        let (_, record) = EscrowFile::take_over(&path).unwrap().unwrap();
        assert_eq!(record.phase(), Phase::Sending);
    }
}
