//! A file system on paper, which remembers what was synced: it says what a disk may hold after the power
//! went. It promises less than real ones do: of what was not synced, any part may be there or not, whether
//! contents or names, and syncing a file does not sync its name.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rand::{RngExt, rngs::StdRng};

use crate::strace::Call;

/// What a disk writes at once.
const SECTOR: usize = 512;

/// The calls that the model must hear of.
pub(crate) const CALLS: &str = "openat,close,dup,dup2,dup3,fcntl,write,writev,pwrite64,pwritev,pwritev2,\
    ftruncate,truncate,fallocate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,\
    rmdir,fsync,fdatasync,sync_file_range,sendto,sendmsg,recvfrom,copy_file_range,sendfile";

/// What survives of what was not synced.
pub(crate) enum Survives<'a> {
    Nothing,
    Everything,
    /// Any part of it.
    Part(&'a mut StdRng),
}

impl Survives<'_> {
    fn toss(&mut self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Part(rng) => rng.random(),
        }
    }
}

/// The model of one folder and all below it.
pub(crate) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    open: HashMap<i64, Open>,
}

#[derive(Clone, Copy)]
struct Open {
    node: usize,
    position: u64,
}

enum Node {
    File { synced: Vec<u8>, since: Vec<Write> },
    Folder { synced: Names, since: Vec<Rename> },
}

type Names = BTreeMap<String, usize>;

enum Write {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

/// A name that goes, one that comes, or both at once.
#[derive(Clone, Default)]
struct Rename {
    from: Option<String>,
    to: Option<(String, usize)>,
}

impl Disk {
    /// Takes a folder as it is now: all of it is synced.
    pub(crate) fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            nodes: Vec::new(),
            open: HashMap::new(),
        };
        disk.take(root);
        disk
    }

    /// Goes by another path from now on.
    pub(crate) fn at(mut self, root: &Path) -> Self {
        self.root = root.to_owned();
        self
    }

    fn take(&mut self, path: &Path) -> usize {
        if path.is_dir() {
            let node = self.add_folder(Names::new());
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
            let names = entries.map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, self.take(&entry.path()))
            });
            let names = names.collect();
            self.nodes[node] = Node::folder(names);
            return node;
        }
        self.add_file(fs::read(path).unwrap())
    }

    fn add_file(&mut self, synced: Vec<u8>) -> usize {
        let since = Vec::new();
        self.nodes.push(Node::File { synced, since });
        self.nodes.len() - 1
    }

    fn add_folder(&mut self, synced: Names) -> usize {
        self.nodes.push(Node::folder(synced));
        self.nodes.len() - 1
    }

    /// Hears of a call; tells whether it changed what may survive.
    pub(crate) fn hear(&mut self, call: &Call) -> bool {
        match call.name.as_str() {
            "openat" => return self.open(call),
            "close" => drop(self.open.remove(&call.number(0))),
            "mkdir" => {
                if let Some((folder, name)) = self.find(&call.path(0)) {
                    let node = self.add_folder(Names::new());
                    self.rename(folder, None, Some((name, node)));
                    return true;
                }
            }
            "unlink" => {
                if let Some((folder, name)) = self.find(&call.path(0)) {
                    self.rename(folder, Some(name), None);
                    return true;
                }
            }
            "renameat2" | "renameat" => return self.moved(&call.path(1), &call.path(3), true),
            "rename" => return self.moved(&call.path(0), &call.path(1), true),
            "link" => return self.moved(&call.path(0), &call.path(1), false),
            "linkat" => return self.moved(&call.path(1), &call.path(3), false),
            "fsync" | "fdatasync" => return self.sync(call.number(0)),
            "pwrite64" => {
                let at = call.number(3).try_into().unwrap();
                return self.write(call, at, false);
            }
            "write" => {
                let position = self.open.get(&call.number(0)).map(|open| open.position);
                return position.is_some_and(|at| self.write(call, at, true));
            }
            "ftruncate" => return self.length(call.number(0), call.number(1)),
            "fcntl" if call.arguments[1].starts_with("F_DUPFD") => {
                if let Some(open) = self.open.get(&call.number(0)).copied() {
                    self.open.insert(call.returned, open);
                }
            }
            "fcntl" => {}
            _ => {
                let path = call.path_of(0);
                let inside = path.starts_with(self.root.to_str().unwrap());
                assert!(!inside, "the model does not know {call:?}");
            }
        }
        false
    }

    fn open(&mut self, call: &Call) -> bool {
        let (flags, path) = (&call.arguments[2], call.path(1));
        let Some((folder, name)) = self.find(&path) else {
            if path == self.root {
                self.open.insert(
                    call.returned,
                    Open {
                        node: 0,
                        position: 0,
                    },
                );
            }
            return false;
        };
        let (node, new) = match self.names(folder).get(&name) {
            Some(node) => (*node, false),
            None => (self.add_file(Vec::new()), true),
        };
        self.open.insert(call.returned, Open { node, position: 0 });
        if new {
            self.rename(folder, None, Some((name, node)));
        } else if flags.contains("O_TRUNC") {
            return self.length(call.returned, 0);
        }
        new
    }

    fn moved(&mut self, from: &Path, to: &Path, goes: bool) -> bool {
        let (Some((folder, from)), Some((target, to))) = (self.find(from), self.find(to)) else {
            return false;
        };
        assert_eq!(folder, target, "a move between folders is not modelled");
        let node = self.names(folder)[&from];
        self.rename(folder, goes.then_some(from), Some((to, node)));
        true
    }

    fn rename(&mut self, folder: usize, from: Option<String>, to: Option<(String, usize)>) {
        if let Node::Folder { since, .. } = &mut self.nodes[folder] {
            since.push(Rename { from, to });
        }
    }

    fn write(&mut self, call: &Call, at: u64, moves: bool) -> bool {
        let Some(open) = self.open.get_mut(&call.number(0)) else {
            return false;
        };
        let mut bytes = call.bytes(1);
        bytes.truncate(call.returned.try_into().unwrap());
        if moves {
            open.position += bytes.len() as u64;
        }
        self.nodes[open.node].push(Write::Bytes(at, bytes));
        true
    }

    fn length(&mut self, descriptor: i64, length: i64) -> bool {
        let Some(open) = self.open.get(&descriptor) else {
            return false;
        };
        self.nodes[open.node].push(Write::Length(length.try_into().unwrap()));
        true
    }

    fn sync(&mut self, descriptor: i64) -> bool {
        let Some(open) = self.open.get(&descriptor) else {
            return false;
        };
        let node = &mut self.nodes[open.node];
        match node {
            Node::File { synced, since } => {
                let all = std::mem::take(since);
                apply(synced, &all, &mut Survives::Everything);
            }
            Node::Folder { synced, since } => {
                let all = std::mem::take(since);
                apply_names(synced, &all, &mut Survives::Everything);
            }
        }
        true
    }

    /// Finds the folder that a path lies in, and its name there; `None` outside of the model.
    fn find(&self, path: &Path) -> Option<(usize, String)> {
        let inside = path.strip_prefix(&self.root).ok()?;
        let name = inside.file_name()?.to_str()?.to_owned();
        let mut folder = 0;
        for part in inside.parent()?.iter() {
            folder = *self.names(folder).get(part.to_str()?)?;
        }
        Some((folder, name))
    }

    /// Returns the names in a folder as the programs see them.
    fn names(&self, folder: usize) -> Names {
        self.surviving_names(folder, &mut Survives::Everything)
    }

    fn surviving_names(&self, folder: usize, survives: &mut Survives<'_>) -> Names {
        let Node::Folder { synced, since } = &self.nodes[folder] else {
            panic!("a file is taken for a folder");
        };
        let mut names = synced.clone();
        apply_names(&mut names, since, survives);
        names
    }

    /// Writes what survives into an empty folder.
    pub(crate) fn write_into(&self, target: &Path, survives: &mut Survives<'_>) {
        self.write_folder(0, target, survives);
    }

    fn write_folder(&self, folder: usize, target: &Path, survives: &mut Survives<'_>) {
        for (name, node) in self.surviving_names(folder, survives) {
            let path = target.join(name);
            match &self.nodes[node] {
                Node::File { synced, since } => {
                    let mut bytes = synced.clone();
                    apply(&mut bytes, since, survives);
                    let mut options = fs::OpenOptions::new();
                    options.write(true).create_new(true).mode(0o600);
                    std::io::Write::write_all(&mut options.open(path).unwrap(), &bytes).unwrap();
                }
                Node::Folder { .. } => {
                    fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
                    self.write_folder(node, &path, survives);
                }
            }
        }
    }
}

impl Node {
    fn folder(synced: Names) -> Self {
        let since = Vec::new();
        Self::Folder { synced, since }
    }

    fn push(&mut self, write: Write) {
        if let Self::File { since, .. } = self {
            since.push(write);
        }
    }
}

fn apply(bytes: &mut Vec<u8>, writes: &[Write], survives: &mut Survives<'_>) {
    for write in writes {
        match write {
            Write::Length(length) if survives.toss() => {
                bytes.resize(usize::try_from(*length).unwrap(), 0);
            }
            Write::Length(_) => {}
            Write::Bytes(at, written) => {
                let at = usize::try_from(*at).unwrap();
                for (number, sector) in written.chunks(SECTOR).enumerate() {
                    if survives.toss() {
                        put(bytes, at + number * SECTOR, sector);
                    }
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let end = at + piece.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(piece);
}

fn apply_names(names: &mut Names, renames: &[Rename], survives: &mut Survives<'_>) {
    for rename in renames {
        if !survives.toss() {
            continue;
        }
        if let Some(from) = &rename.from {
            names.remove(from);
        }
        if let Some((to, node)) = &rename.to {
            names.insert(to.clone(), *node);
        }
    }
}
