use super::{Checkpoint, LogId};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The latest checkpoint, in a file outside the database, and beside it a `.history` that only grows. On another disk,
/// or shipped elsewhere, it is what shows that the database was restored to the past or rewritten as a whole.
#[derive(Clone, Debug)]
pub(super) struct CheckpointFile {
    latest: PathBuf,
}

impl CheckpointFile {
    pub(super) fn new(latest: PathBuf) -> Self {
        Self { latest }
    }

    /// The last checkpoint of this log written here; `None` if there is no file yet.
    pub(super) fn read(&self, log: &LogId) -> io::Result<Option<Checkpoint>> {
        let note = match fs::read_to_string(&self.latest) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let read = Checkpoint::parse(&note).map_err(io::Error::other)?;
        if read.log().as_ref() == Some(log) { Ok(Some(read)) } else { Err(io::Error::other("it is of another log")) }
    }

    /// On disk when this returns: the history first, so that it never lacks what the latest says.
    pub(super) fn write(&self, note: &str) -> io::Result<()> {
        let mut history = OpenOptions::new().create(true).append(true).open(self.beside(".history"))?;
        history.write_all(note.as_bytes())?;
        history.sync_all()?;

        let fresh = self.beside(".new");
        let mut file = File::create(&fresh)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.latest)?;
        // the rename itself lasts only once the directory is on disk
        let directory = self.latest.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name: OsString = self.latest.clone().into_os_string();
        name.push(ending);
        name.into()
    }
}
