//! Transactions: the lock, what is done under it, and what is done about a journal that a crash left.
//!
//! Without the commit in the journal, recovery undoes the begun steps from the last to the first; with it, it cleans up: removes what was kept, writes `state.json`, sets the
//! directories' times back, removes the journal and, when nothing is installed any more, the state directory.
//!
//! The directory in which the state directory is made or removed carries its time of last change in an extended attribute meanwhile ([`Mark`]), because then there is no journal.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use crate::attributes::get;
use crate::error::at;
use crate::files::Time;
use crate::journal::{self, Begun, Found, Intent, Journal, Writer};
use crate::{Attributes, Error, State, Step, Target, dpkg, files, registry};

/// What recovery did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// A transaction was undone.
    Undone,
    /// A committed one was completed.
    Completed,
}

/// The right to change a target: nobody else has it at the same time.
#[derive(Debug)]
pub struct Session {
    /// What was locked.
    pub target: Target,
    /// [`Target::base`], opened; closing it gives the lock back.
    _lock: File,
}

impl Session {
    /// Takes the lock on [`Target::base`]; if another process has it, calls `waiting` and waits.
    pub fn open(target: Target, waiting: impl FnOnce()) -> Result<Self, Error> {
        let mut waiting = Some(waiting);
        loop {
            if let Some(lock) = lock(&target.base, FlockOperation::NonBlockingLockExclusive)? {
                return Ok(Self { target, _lock: lock });
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            if let Some(lock) = lock(&target.base, FlockOperation::LockExclusive)? {
                return Ok(Self { target, _lock: lock });
            }
        }
    }

    /// Takes the lock if it is free.
    pub fn try_open(target: Target) -> Result<Option<Self>, Error> {
        let lock = lock(&target.base, FlockOperation::NonBlockingLockExclusive)?;
        Ok(lock.map(|lock| Self { target, _lock: lock }))
    }

    /// Completes or undoes what a crash left; `None` if there is nothing.
    pub fn recover(&mut self) -> Result<Option<Recovered>, Error> {
        let state = &self.target.state;
        check_place(state)?;
        match Journal::read(&self.target)? {
            Found::Whole(journal) if journal.committed => {
                self.complete(&journal.intent).map_err(|error| self.unfinished(&error.to_string()))?;
                Ok(Some(Recovered::Completed))
            }
            Found::Whole(journal) => {
                let undone = self.undo(&journal.intent, &journal.begun);
                undone.map_err(|error| self.unfinished(&error.to_string()))?;
                Ok(Some(Recovered::Undone))
            }
            Found::None | Found::Torn => {
                self.tidy().map_err(|error| self.unfinished(&error.to_string()))?;
                Ok(None)
            }
        }
    }

    /// Whether there is something for [`Session::recover`] in the state directory `state`. Takes no lock: a transaction that is going on is taken for an interrupted one.
    pub fn is_interrupted(state: &Path) -> bool {
        journal::path(state).exists() || Mark::find(state).is_some()
    }

    /// The manifest; `None` if nothing is installed, or if it is lost or of a later format (then `Inventory` still knows).
    pub fn state(&self) -> Option<State> {
        State::read(&self.target.state)
    }

    /// Carries out `steps`, and makes `after` the state. `progress` is called before each step with its number from 0, and their count.
    pub fn carry_out(
        &mut self,
        steps: &[Step],
        after: Option<State>,
        progress: &mut dyn FnMut(usize, usize, &Step),
    ) -> Result<(), Error> {
        if let Some(root) = steps.iter().find_map(Step::dpkg_root) {
            dpkg::must_be_free(root)?;
        }
        // Known before there is anything to recover.
        registry::unsettle(&self.target);
        let mut journal = self.begin(steps, after).inspect_err(|_| self.forget())?;
        for (number, step) in steps.iter().enumerate() {
            progress(number, steps.len(), step);
            let begun = step.check().and_then(|()| journal.begin(number, step.replacement()?));
            if let Err(error) = begun.and_then(|()| step.carry_out()) {
                return Err(self.roll_back(&journal, error));
            }
        }
        match journal.commit() {
            Ok(()) => self.complete(&journal.intent).map_err(|error| self.unfinished(&error.to_string())),
            Err((error, true)) => Err(self.roll_back(&journal, error)),
            // Whether the transaction is committed is to be read from the journal, when it can be read again.
            Err((error, false)) => Err(self.unfinished(&error.to_string())),
        }
    }

    /// The registry after nothing was begun.
    fn forget(&self) {
        let state = &self.target.state;
        match (State::stands_in(state), Self::is_interrupted(state)) {
            (true, _) => registry::settle(&self.target),
            (false, false) => registry::remove(&self.target),
            (false, true) => {}
        }
    }

    /// Makes the state directory, if it is missing, and the journal.
    fn begin(&self, steps: &[Step], after: Option<State>) -> Result<Writer, Error> {
        let state = &self.target.state;
        check_place(state)?;
        if Self::is_interrupted(state) {
            let arguments = self.target.arguments();
            return Err(Error::Refused(format!(
                "{} has an interrupted change; run `rmcp repair {arguments}` first",
                self.target.base.display()
            )));
        }
        let missing = missing(state)?;
        let mut made = self.state().map_or_else(Vec::new, |state| state.made);
        // Relative: the tree may be moved before it is removed.
        let base = &self.target.base;
        let above = missing.iter().filter(|directory| *directory != state);
        made.extend(above.map(|directory| directory.strip_prefix(base).unwrap_or(directory).to_owned()));
        let foot = foot(&self.target, &made);
        let intent = Intent::new(steps.to_vec(), after, times(steps, foot)?, made);
        let time = intent.time(foot);
        self.make_state(&missing, time).and_then(|()| Writer::create(state, intent)).map_err(|error| {
            let removed = if missing.is_empty() { self.tidy() } else { self.remove_state(foot, time) };
            if removed.is_ok() { error } else { self.unfinished(&error.to_string()) }
        })
    }

    /// Makes these directories, the outermost first; `time` is that of the directory in which they are made.
    fn make_state(&self, missing: &[PathBuf], time: Option<Time>) -> Result<(), Error> {
        if let Some(outermost) = missing.first() {
            Mark::set(files::parent(outermost), &self.target.state, time);
        }
        for directory in missing {
            files::make_directory(directory, &Attributes::new_in(files::parent(directory), 0o755)?)?;
        }
        Ok(())
    }

    /// The error of a step, once everything is undone.
    fn roll_back(&self, journal: &Writer, error: Error) -> Error {
        match self.undo(&journal.intent, &journal.begun) {
            Ok(()) => Error::RolledBack { what: error.to_string() },
            Err(undoing) => self.unfinished(&format!("{error}; and then {undoing}")),
        }
    }

    fn unfinished(&self, what: &str) -> Error {
        Error::Unfinished { what: what.to_owned(), target: self.target.arguments() }
    }

    fn undo(&self, intent: &Intent, begun: &[Begun]) -> Result<(), Error> {
        for &(step, replacement) in begun.iter().rev() {
            intent.steps[step].undo(replacement)?;
        }
        let stays = State::stands_in(&self.target.state);
        self.close(intent, stays)
    }

    fn complete(&self, intent: &Intent) -> Result<(), Error> {
        for step in &intent.steps {
            step.clean()?;
        }
        match intent.after.as_ref().filter(|after| !after.installed.is_empty()) {
            Some(after) => {
                after.write(&self.target.state)?;
                self.close(intent, true)
            }
            None => self.close(intent, false),
        }
    }

    /// Sets the directories' times back, and removes the journal; and, unless something is installed, the state.
    fn close(&self, intent: &Intent, stays: bool) -> Result<(), Error> {
        let state = &self.target.state;
        let foot = foot(&self.target, &intent.made);
        for (directory, time) in intent.times.iter().filter(|(directory, _)| stays || directory != foot) {
            files::set_time(directory, *time)?;
        }
        if stays {
            Mark::remove(foot)?;
            registry::settle(&self.target);
            files::remove(&journal::path(state))
        } else {
            let time = intent.time(foot);
            Mark::set(foot, state, time);
            self.remove_state(foot, time)
        }
    }

    /// Removes the state, and the directories that lead to it from `foot`, whose time of last change is then `time`.
    fn remove_state(&self, foot: &Path, time: Option<Time>) -> Result<(), Error> {
        let state = &self.target.state;
        State::remove(state)?;
        files::remove(&journal::path(state))?;
        for directory in state.ancestors().take_while(|directory| *directory != foot) {
            files::remove_directory(directory)?;
        }
        if let Some(time) = time {
            files::set_time(foot, time)?;
        }
        Mark::remove(foot)?;
        registry::remove(&self.target);
        Ok(())
    }

    /// Without a journal: removes a state directory that was being made or removed, and one in which nothing is said to be installed.
    fn tidy(&self) -> Result<(), Error> {
        let state = &self.target.state;
        if let Some(Mark { foot, time }) = Mark::find(state) {
            return self.remove_state(&foot, Some(time));
        }
        if files::standing(state)?.is_none() {
            return Ok(());
        }
        files::remove(&journal::path(state))?;
        let manifest = self.state();
        if State::stands_in(state) && manifest.as_ref().is_none_or(|manifest| !manifest.installed.is_empty()) {
            return Ok(());
        }
        let made = manifest.map_or_else(Vec::new, |manifest| manifest.made);
        let foot = foot(&self.target, &made);
        self.remove_state(foot, own_time(foot)?)
    }
}

/// Nothing but a directory, or nothing, stands at `state`: a link could lead to a directory that is not ours.
fn check_place(state: &Path) -> Result<(), Error> {
    match files::standing(state)? {
        Some(metadata) if !metadata.is_dir() => Err(Error::Refused(format!(
            "{} is to be a directory of RMCP's, and something else has that name; take it away and run it again",
            state.display()
        ))),
        _ => Ok(()),
    }
}

/// An exclusive lock on a directory; `None` if another has it, or if another directory has got the name.
fn lock(base: &Path, operation: FlockOperation) -> Result<Option<File>, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::open(base, flags, Mode::empty()).map_err(at(base, "opened"))?);
    match rustix::io::retry_on_intr(|| rustix::fs::flock(&directory, operation)) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked.map_err(at(base, "locked"))?,
    }
    let locked = directory.metadata().map_err(at(base, "read"))?;
    // Whose directory it is can put a link anywhere below it at any moment, which an administrator's command would follow.
    if rustix::process::geteuid().is_root() && locked.uid() != 0 {
        return Err(Error::Refused(format!(
            "{} belongs to user {}, so root leaves it alone; run rmcp as that user",
            base.display(),
            locked.uid()
        )));
    }
    let named = base.metadata().map_err(at(base, "read"))?;
    Ok(((locked.dev(), locked.ino()) == (named.dev(), named.ino())).then_some(directory))
}

/// Which directories have to be made for `state` to be, the outermost first.
fn missing(state: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut missing = Vec::new();
    for directory in state.ancestors() {
        match directory.metadata() {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::NotFound => missing.insert(0, directory.to_owned()),
            Err(error) => return Err(Error::io(directory, "read", error)),
        }
    }
    Ok(missing)
}

/// The directory that was there before the state directory and those `made` for it.
fn foot<'a>(target: &'a Target, made: &[PathBuf]) -> &'a Path {
    let is_made = |ancestor: &Path| made.iter().any(|made| target.base.join(made) == ancestor);
    target.state.ancestors().skip(1).find(|ancestor| !is_made(ancestor)).unwrap_or(Path::new("/"))
}

/// The times of last change of the directories that `steps` touch and that are there, and of `foot`.
fn times(steps: &[Step], foot: &Path) -> Result<Vec<(PathBuf, Time)>, Error> {
    let mut directories: Vec<&Path> = steps.iter().flat_map(Step::directories).chain([foot]).collect();
    directories.sort_unstable();
    directories.dedup();
    let mut times = Vec::new();
    for directory in directories {
        if let Some(time) = own_time(directory)? {
            times.push((directory.to_owned(), time));
        }
    }
    Ok(times)
}

/// The time of last change of a directory; `None` if it is not there, or another's, who alone may set it.
fn own_time(directory: &Path) -> Result<Option<Time>, Error> {
    let user = rustix::process::geteuid();
    let metadata = files::standing(directory)?;
    let metadata = metadata.filter(|metadata| user.is_root() || user.as_raw() == metadata.uid());
    Ok(metadata.map(|metadata| (metadata.mtime(), metadata.mtime_nsec())))
}

/// A note on a directory that another directory is being made or removed in which leads to a state directory: its time of last change before. It is kept where the file system and the
/// owner allow it; elsewhere a crash at that moment can change this time.
struct Mark {
    foot: PathBuf,
    time: Time,
}

impl Mark {
    /// Its value: `SECONDS NANOSECONDS PATH`, with the path from the directory to the state directory.
    const NAME: &str = "user.rmcp.time";

    /// Makes it, unless it is there.
    fn set(foot: &Path, state: &Path, time: Option<Time>) {
        let Some((seconds, nanoseconds)) = time else { return };
        let Some(path) = state.strip_prefix(foot).ok().and_then(Path::to_str) else { return };
        let value = format!("{seconds} {nanoseconds} {path}");
        let _ = rustix::fs::setxattr(foot, Self::NAME, value.as_bytes(), XattrFlags::CREATE);
    }

    /// That for `state`.
    fn find(state: &Path) -> Option<Self> {
        state.ancestors().skip(1).find_map(|foot| {
            let value =
                get(|| rustix::fs::getxattr_query(foot, Self::NAME), |to| rustix::fs::getxattr(foot, Self::NAME, to));
            let value = String::from_utf8(value.ok()?).ok()?;
            let mut parts = value.splitn(3, ' ');
            let time = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            (foot.join(parts.next()?) == state).then(|| Self { foot: foot.to_owned(), time })
        })
    }

    fn remove(foot: &Path) -> Result<(), Error> {
        // Asked first: a file system that is read-only now refuses to remove what is not there.
        if rustix::fs::getxattr_query(foot, Self::NAME).is_err() {
            return Ok(());
        }
        match rustix::fs::removexattr(foot, Self::NAME) {
            // Whoever may not remove it could not make it.
            Err(Errno::ACCESS | Errno::PERM) if matches!(own_time(foot), Ok(None)) => Ok(()),
            removed => removed.map_err(at(foot, "given its extended attributes")),
        }
    }
}
