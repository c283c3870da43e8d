//! Puts the steps together, in an order in which every name leads to a working library after each of them: cores before fronts, a diversion before the front and its end after
//! the real library's return, RECORD behind the files that it lists.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rmcp_front::{CORE, Front};

use super::fronts::Fronted;
use super::{Change, Changed, Goal, Plan, Untouched};
use crate::error::at;
use crate::inventory::core_directories;
use crate::{
    Attributes, Copy, Core, CoreDirectory, Error, Identity, Installed, Inventory, Owner, Standing, State, Step, Target,
    digest, files, state,
};

/// Mode of the core's file.
const MODE: u32 = 0o644;

/// A plan in the making.
pub struct Maker<'a> {
    pub target: &'a Target,
    pub found: &'a Inventory,
    pub before: Option<&'a State>,
    pub plan: Plan,
    pub installed: Vec<Installed>,
}

impl<'a> Maker<'a> {
    pub fn new(target: &'a Target, found: &'a Inventory, goal: Goal, before: Option<&'a State>) -> Self {
        let untouched = found.ignored.iter();
        let untouched = untouched.map(|file| Untouched { path: file.path.clone(), reason: file.reason.clone() });
        let plan = Plan {
            goal,
            changes: Vec::new(),
            untouched: untouched.collect(),
            notes: target.notes.clone(),
            steps: Vec::new(),
            after: None,
        };
        Self { target, found, before, plan, installed: Vec::new() }
    }

    /// A sentence that names where was looked, and what cannot have a front.
    fn nothing_found(&self) -> Error {
        let looked: Vec<String> = self.target.directories.iter().map(|d| d.path.display().to_string()).collect();
        let looked = match looked.is_empty() {
            true => format!("{} (it has no directory of libraries)", self.target.base.display()),
            false => looked.join(", "),
        };
        let ignored = self.plan.untouched.iter().map(|file| format!("; {}: {}", file.path.display(), file.reason));
        Error::Broken(format!(
            "no libamdhip64.so.N or libhsa-runtime64.so.1 of AMD's that can have a front was found in {looked}{}; install ROCm there, or name another place",
            ignored.collect::<String>()
        ))
    }

    /// There is, or was, a front.
    pub fn is_installed(&self) -> bool {
        let ours = |copy: &Copy| !matches!(copy.standing, Standing::Real { .. });
        self.before.is_some_and(|state| !state.installed.is_empty()) || self.found.copies.iter().any(ours)
    }

    pub fn install(mut self, core: &Core) -> Result<Plan, Error> {
        let (name, bytes) = (core.directory(), self.read_core(core)?);
        let fronts = self.make_fronts(&name)?;
        self.remove_strays()?;
        let directories: BTreeSet<&Path> = fronts.iter().filter_map(|front| front.copy.path.parent()).collect();
        for directory in &directories {
            self.add_core(directory, core, &bytes)?;
        }
        for front in &fronts {
            self.put_front(front, &name)?;
        }
        for copy in &self.found.copies {
            if matches!(copy.standing, Standing::Orphan) {
                self.remove_orphan(copy)?;
            }
        }
        self.list_in_records(&fronts, &name, core, bytes.len() as u64)?;
        let mut used: BTreeSet<PathBuf> = directories.iter().map(|directory| directory.join(&name)).collect();
        used.extend(self.cores_of_others(&fronts));
        self.remove_cores(&used)?;
        self.remove_diversions();
        if self.plan.goal == Goal::Install && fronts.is_empty() && self.plan.is_empty() {
            return Err(self.nothing_found());
        }
        self.add_notes(&fronts);
        self.plan.after = (!self.installed.is_empty()).then(|| State {
            format: state::FORMAT,
            rmcp: core.version.clone(),
            core: name,
            installed: std::mem::take(&mut self.installed),
            // The session adds those that it has to make.
            made: self.before.map_or_else(Vec::new, |state| state.made.clone()),
        });
        self.forget_state();
        if self.before.is_none() && self.plan.after.is_some() && self.plan.is_empty() {
            let path = state::path(&self.target.state);
            self.change(&path, Changed::Updated, None, "the list of what is installed, which is lost");
        }
        Ok(self.plan)
    }

    pub fn uninstall(mut self) -> Result<Plan, Error> {
        self.remove_strays()?;
        for copy in &self.found.copies {
            self.take_back(copy)?;
        }
        self.unlist_in_records()?;
        self.remove_cores(&BTreeSet::new())?;
        self.remove_diversions();
        self.forget_state();
        Ok(self.plan)
    }

    /// A manifest whose fronts somebody else has removed goes too.
    fn forget_state(&mut self) {
        if self.before.is_some() && self.plan.after.is_none() && self.plan.is_empty() {
            let path = state::path(&self.target.state);
            self.change(&path, Changed::Removed, None, "nothing is installed any more");
            self.plan.steps.push(Step::CleanFile { path });
        }
    }

    /// Cores of fronts that stay as they are, since their libraries cannot have another one.
    fn cores_of_others(&self, fronts: &[Fronted]) -> Vec<PathBuf> {
        let others =
            self.found.copies.iter().filter(|copy| !fronts.iter().any(|front| std::ptr::eq(front.copy, *copy)));
        let core = |copy: &Copy| match &copy.standing {
            Standing::Front { core, .. } => Some(copy.path.with_file_name(core)),
            _ => None,
        };
        others.filter_map(core).collect()
    }

    /// `.rmcp-KIND-N-NAME` beside `path`, N being the number of the next step.
    pub fn temporary(&self, path: &Path, kind: &str) -> PathBuf {
        files::temporary(path, &format!("{kind}-{}", self.plan.steps.len()))
    }

    pub fn change(&mut self, path: &Path, becomes: Changed, soname: Option<&str>, detail: impl Into<String>) {
        let soname = soname.map(str::to_owned);
        self.plan.changes.push(Change { path: path.to_owned(), becomes, soname, detail: detail.into() });
    }

    pub fn untouched(&mut self, path: &Path, reason: impl Into<String>) {
        self.plan.untouched.push(Untouched { path: path.to_owned(), reason: reason.into() });
    }

    /// Gives `from` the further name `to`.
    pub fn link(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        let expected = Identity::of(from)?;
        self.plan.steps.push(Step::Link { from: from.to_owned(), to: to.to_owned(), expected });
        Ok(())
    }

    pub fn remove(&mut self, path: &Path) -> Result<(), Error> {
        let (trash, expected) = (self.temporary(path, "old"), Identity::of(path)?);
        self.plan.steps.push(Step::Remove { path: path.to_owned(), trash, expected });
        Ok(())
    }

    /// Makes a new file under a temporary name, which it gives back.
    pub fn create(&mut self, path: &Path, contents: &Arc<[u8]>, attributes: Attributes) -> PathBuf {
        let new = self.temporary(path, "new");
        self.plan.steps.push(Step::Create { path: new.clone(), contents: Arc::clone(contents), attributes });
        new
    }

    /// Puts `with` in the place of the file at `path`, which is forgotten.
    pub fn replace(&mut self, path: &Path, with: PathBuf) -> Result<(), Error> {
        let kept = self.temporary(path, "old");
        self.link(path, &kept)?;
        self.plan.steps.push(Step::Replace { with, path: path.to_owned(), kept: kept.clone() });
        self.plan.steps.push(Step::CleanFile { path: kept });
        Ok(())
    }

    fn remove_strays(&mut self) -> Result<(), Error> {
        for stray in &self.found.strays {
            self.remove(stray)?;
            self.change(stray, Changed::Removed, None, "a temporary file of an interrupted installation");
        }
        Ok(())
    }

    pub fn remove_orphan(&mut self, copy: &Copy) -> Result<(), Error> {
        self.remove(&copy.path)?;
        self.change(&copy.path, Changed::Removed, Some(&copy.soname), "a front whose library is gone");
        self.undivert(copy);
        Ok(())
    }

    /// Tells dpkg where the library is, if it owns it and does not know.
    pub fn divert(&mut self, copy: &Copy) {
        if let Owner::Dpkg { package, path, diverted: false } = &copy.owner {
            let (root, to) = (self.target.root.clone(), files::saved(path));
            let detail = format!("dpkg puts the library of {package} under {} from now on", to.display());
            self.plan.steps.push(Step::Divert { root, path: path.clone(), to });
            self.change(&copy.path, Changed::Diverted, None, detail);
        }
    }

    /// Tells dpkg that the library is back.
    pub fn undivert(&mut self, copy: &Copy) {
        if let Owner::Dpkg { path, diverted: true, .. } = &copy.owner {
            self.end_diversion(path.clone(), files::saved(path), &copy.path);
        }
    }

    fn end_diversion(&mut self, path: PathBuf, to: PathBuf, at: &Path) {
        self.plan.steps.push(Step::Undivert { root: self.target.root.clone(), path, to });
        self.change(at, Changed::Diverted, None, "dpkg puts the library under its own name again");
    }

    /// Those whose files are all gone.
    fn remove_diversions(&mut self) {
        for stale in &self.found.diversions {
            let at = self.target.root.join(stale.from.strip_prefix("/").unwrap_or(&stale.from));
            self.end_diversion(stale.from.clone(), stale.to.clone(), &at);
        }
    }

    fn read_core(&self, core: &Core) -> Result<Arc<[u8]>, Error> {
        let bytes = std::fs::read(&core.path).map_err(at(&core.path, "read"))?;
        match digest::hex(&digest::of(&bytes)) == core.sha256 {
            true => Ok(bytes.into()),
            false => Err(Error::Refused(format!("{} was changed meanwhile; run it again", core.path.display()))),
        }
    }

    /// Puts the core beside the fronts of `directory`, where it is missing or damaged.
    fn add_core(&mut self, directory: &Path, core: &Core, bytes: &Arc<[u8]>) -> Result<(), Error> {
        let place = directory.join(core.directory());
        let path = place.join(CORE);
        let standing = self.found.cores.iter().find(|known| known.path == place);
        let attributes = Attributes::new_in(directory, MODE)?;
        match standing {
            Some(standing) if standing.sha256 == core.sha256 => return Ok(()),
            Some(standing) if !standing.sha256.is_empty() => {
                let new = self.create(&path, bytes, attributes);
                self.replace(&path, new)?;
            }
            _ => {
                if standing.is_none() {
                    let attributes = Attributes::new_in(directory, 0o755)?;
                    self.plan.steps.push(Step::MakeDirectory { path: place, attributes });
                }
                self.plan.steps.push(Step::Create { path: path.clone(), contents: Arc::clone(bytes), attributes });
            }
        }
        self.change(
            &path,
            Changed::Updated,
            None,
            format!("RMCP's core {}, which the fronts beside it load", core.version),
        );
        Ok(())
    }

    /// Removes the cores that no front uses.
    fn remove_cores(&mut self, used: &BTreeSet<PathBuf>) -> Result<(), Error> {
        let mut used = used.clone();
        used.extend(self.found.ignored.iter().flat_map(|file| cores_of(&file.path)));
        for CoreDirectory { path, sha256 } in self.found.cores.iter().filter(|core| !used.contains(&core.path)) {
            let core = path.join(CORE);
            match sha256.is_empty() {
                false => self.remove(&core)?,
                true if is_empty(path) => {}
                true => continue,
            }
            self.plan.steps.push(Step::CleanDirectory { path: path.clone() });
            self.change(path, Changed::Removed, None, "a core that no front uses");
        }
        Ok(())
    }
}

/// The core directories that a front which is left alone uses.
fn cores_of(path: &Path) -> Vec<PathBuf> {
    let regular = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let Some(front) = regular.then(|| Front::read(path).ok()).flatten() else { return Vec::new() };
    core_directories(&front).map(|name| path.with_file_name(name)).collect()
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}
