//! A disk of two megabytes, to be filled, and to be made read-only.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
    process::Command,
};

/// A small disk; it goes with the test.
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one; `None`, with a reason printed, for those who may not.
    pub(crate) fn mount() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can mount a small disk");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=2m,mode=0700", "evergrant-test"];
        run("mount", &options, folder.path());
        Some(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it to the last byte.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.path().join("filler")).unwrap();
        for size in [4096, 1] {
            let piece = vec![7; size];
            let full = std::iter::repeat_with(|| filler.write_all(&piece)).find_map(Result::err);
            assert_eq!(full.unwrap().kind(), ErrorKind::StorageFull);
        }
    }

    /// Makes room on it again.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }

    /// Makes it read-only, or not.
    pub(crate) fn set_read_only(&self, read_only: bool) {
        let options = if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        };
        run("mount", &["-o", options], self.path());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], self.path());
    }
}

fn run(program: &str, options: &[&str], folder: &Path) {
    let status = Command::new(program).args(options).arg(folder).status();
    assert!(status.unwrap().success(), "{program} {options:?}");
}
