//! The journal: what a transaction is going to do, and how far it has come.
//!
//! `journal` in the state directory, JSON lines. The first line is the whole intent ([`Intent`]); then a line before each step is done, and `"commit"` when all are. Each line
//! is synced before the next thing happens; a torn last line does not count.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::at;
use crate::files::{self, Inode, Time};
use crate::step::is_in;
use crate::{Attributes, Error, State, Step, Target};

/// Version of the file's format.
const FORMAT: u32 = 1;
/// Its name in the state directory.
const NAME: &str = "journal";

/// What a transaction is going to do, and what is needed to undo it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Intent {
    format: u32,
    /// RMCP's version that began it.
    rmcp: String,
    /// In their order.
    pub steps: Vec<Step>,
    /// What is installed afterwards; `None`: nothing.
    pub after: Option<State>,
    /// Directories in which names are made or removed, with their times of last change before.
    pub times: Vec<(PathBuf, Time)>,
    /// Directories that were made for the state directory, by this transaction or an earlier one.
    pub made: Vec<PathBuf>,
}

impl Intent {
    /// Of this version.
    pub fn new(steps: Vec<Step>, after: Option<State>, times: Vec<(PathBuf, Time)>, made: Vec<PathBuf>) -> Self {
        let after = after.map(|after| State { made: made.clone(), ..after });
        Self { format: FORMAT, rmcp: env!("CARGO_PKG_VERSION").to_owned(), steps, after, times, made }
    }

    /// See [`Step::stays_in`].
    fn stays_in(&self, target: &Target) -> bool {
        self.steps.iter().all(|step| step.stays_in(target))
            && self.times.iter().all(|(directory, _)| is_in(directory, &target.base))
    }

    /// The time of last change that `directory` had before.
    pub fn time(&self, directory: &Path) -> Option<Time> {
        self.times.iter().find(|(path, _)| path == directory).map(|(_, time)| *time)
    }
}

/// A line behind the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// A step is going to be done.
    Begin {
        /// Its number, from 0.
        step: usize,
        /// [`Step::replacement`].
        #[serde(skip_serializing_if = "Option::is_none")]
        replacement: Option<Inode>,
    },
    /// All are done.
    Commit,
}

/// A step that was begun: its number, and [`Step::replacement`].
pub type Begun = (usize, Option<Inode>);

/// A journal as it was read.
#[derive(Debug)]
pub struct Journal {
    /// The first line.
    pub intent: Intent,
    /// The steps that may be done.
    pub begun: Vec<Begun>,
    /// All steps were done.
    pub committed: bool,
}

/// How [`Journal::read`] found it.
#[derive(Debug)]
pub enum Found {
    /// There is none.
    None,
    /// The first line was never completed, so nothing was begun.
    Torn,
    /// It is whole.
    Whole(Box<Journal>),
}

/// Where the journal of the state directory `state` is.
pub fn path(state: &Path) -> PathBuf {
    state.join(NAME)
}

impl Journal {
    /// Reads that of `target`; refused if it leads out of it.
    pub fn read(target: &Target) -> Result<Found, Error> {
        let path = path(&target.state);
        match files::read(&path)? {
            Some(text) => match Self::parse(&text, &path)? {
                Found::Whole(journal) if !journal.intent.stays_in(target) => Err(Error::Refused(format!(
                    "{} names files outside of {}; if that directory was moved, remove the journal, and `rmcp repair` goes by what stands in the tree",
                    path.display(),
                    target.base.display()
                ))),
                found => Ok(found),
            },
            None => Ok(Found::None),
        }
    }

    fn parse(text: &[u8], path: &Path) -> Result<Found, Error> {
        // What is behind the last line end was being written.
        let mut lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
        lines.pop();
        let Some((first, lines)) = lines.split_first() else { return Ok(Found::Torn) };
        let intent = match parse_intent(first, path)? {
            Some(intent) => intent,
            // A power cut can leave the size of the line without its bytes.
            None if lines.is_empty() => return Ok(Found::Torn),
            None => return Err(damaged(path)),
        };
        let mut begun = Vec::new();
        let mut committed = false;
        for (number, line) in lines.iter().enumerate() {
            match serde_json::from_slice(line) {
                Ok(Line::Begin { step, replacement }) if step < intent.steps.len() => begun.push((step, replacement)),
                Ok(Line::Commit) => committed = true,
                Err(_) if number + 1 == lines.len() => {}
                _ => return Err(damaged(path)),
            }
        }
        Ok(Found::Whole(Box::new(Self { intent, begun, committed })))
    }
}

/// `None` if it cannot be read at all.
fn parse_intent(line: &[u8], path: &Path) -> Result<Option<Intent>, Error> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
        rmcp: String,
    }
    match serde_json::from_slice(line) {
        Ok(Head { format, rmcp }) if format > FORMAT => Err(Error::Refused(format!(
            "{} was written by rmcp {rmcp}, which is newer than this one; repair with that version",
            path.display()
        ))),
        _ => Ok(serde_json::from_slice(line).ok()),
    }
}

fn damaged(path: &Path) -> Error {
    Error::Broken(format!(
        "{} is damaged; remove it, and `rmcp repair` goes by what stands in the tree",
        path.display()
    ))
}

/// The journal of a transaction that is being carried out.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    /// What its first line says.
    pub intent: Intent,
    /// The steps that may be done.
    pub begun: Vec<Begun>,
}

impl Writer {
    /// Writes the intent; there must be no journal.
    pub fn create(state: &Path, intent: Intent) -> Result<Self, Error> {
        let path = path(state);
        let file = files::write(&path, &line(&path, &intent)?, &Attributes::new_in(state, 0o644)?)?;
        files::sync(state)?;
        Ok(Self { file, path, intent, begun: Vec::new() })
    }

    /// Says that a step is going to be done.
    pub fn begin(&mut self, step: usize, replacement: Option<Inode>) -> Result<(), Error> {
        self.append(Line::Begin { step, replacement })?;
        self.begun.push((step, replacement));
        Ok(())
    }

    /// Says that all are done. If that fails, `Err(true)` when the line is certainly not there, and `Err(false)` when it may be.
    pub fn commit(&mut self) -> Result<(), (Error, bool)> {
        let before = self.file.metadata().map_err(|error| (at(&self.path, "read")(error), true))?.len();
        self.append(Line::Commit).map_err(|error| {
            let taken_back = self.file.set_len(before).and_then(|()| self.file.sync_all());
            (error, taken_back.is_ok())
        })
    }

    fn append(&mut self, entry: Line) -> Result<(), Error> {
        let line = line(&self.path, &entry)?;
        self.file.write_all(&line).and_then(|()| self.file.sync_all()).map_err(at(&self.path, "written"))
    }
}

fn line(path: &Path, entry: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_vec(entry)
        .map_err(|error| Error::Broken(format!("{} cannot be written: {error}", path.display())))?;
    line.push(b'\n');
    Ok(line)
}
