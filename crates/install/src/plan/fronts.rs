//! What becomes of each library.

use std::path::Path;
use std::sync::Arc;

use rmcp_front::{Library, Options, build};

use super::Changed;
use super::maker::Maker;
use crate::error::at;
use crate::{Attributes, Copy, Error, Installed, Owner, Real, Standing, Step, digest};

/// A library that gets a front, or has one.
pub struct Fronted<'a> {
    pub copy: &'a Copy,
    /// The real library, where it is now.
    pub real: &'a Real,
    /// SHA-256 of it.
    pub digest: [u8; 32],
    /// The front as it is to be.
    front: Arc<[u8]>,
}

impl<'a> Maker<'a> {
    /// Makes the fronts of all libraries that can have one; the others are left alone.
    pub fn make_fronts(&mut self, core: &str) -> Result<Vec<Fronted<'a>>, Error> {
        let mut fronts = Vec::new();
        for copy in &self.found.copies {
            let real = match &copy.standing {
                Standing::Real { real } | Standing::Front { real, .. } | Standing::Replaced { real, .. } => real,
                Standing::Missing { saved } => saved,
                Standing::Orphan => continue,
            };
            match Library::read(&real.path) {
                Ok(library) => {
                    let front = build(&library, &self.options(copy, &library, core)).into();
                    fronts.push(Fronted { copy, real, digest: digest::of_file(&real.path)?, front });
                }
                Err(rmcp_front::Error::Unfit { reason, .. }) => {
                    self.untouched(&real.path, reason);
                    if matches!(copy.standing, Standing::Missing { .. }) {
                        self.take_back(copy)?;
                    }
                }
                Err(error) => return Err(Error::Broken(error.to_string())),
            }
        }
        Ok(fronts)
    }

    /// The front finds its core beside itself; and by its absolute path, for programs that come by a link in another directory, or in secure execution, where `$ORIGIN`
    /// does not count (`ld.so(8)`).
    fn options(&self, copy: &Copy, library: &Library, core: &str) -> Options {
        let absolute = self.target.inside(&copy.path).with_file_name(core).to_string_lossy().into_owned();
        let mut directories = vec![format!("$ORIGIN/{core}")];
        // Neither can be written into a search path.
        if !absolute.contains([':', '$']) {
            directories.push(absolute);
        }
        let saved = copy.saved();
        Options::beside(library, &saved.file_name().unwrap_or_default().to_string_lossy(), &directories)
    }

    /// Puts a front where it is to be, if another thing stands there.
    pub fn put_front(&mut self, fronted: &Fronted, core: &str) -> Result<(), Error> {
        let Fronted { copy, real, .. } = fronted;
        let (path, soname, saved) = (&copy.path, Some(copy.soname.as_str()), copy.saved());
        let kept = saved.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.divert(copy);
        match &copy.standing {
            Standing::Real { .. } => {
                self.save_and_front(fronted)?;
                self.change(path, Changed::Fronted, soname, format!("AMD's library, kept as {kept}"));
            }
            Standing::Replaced { .. } => {
                self.remove(&saved)?;
                self.change(&saved, Changed::Removed, soname, "the library that an upgrade has replaced");
                self.save_and_front(fronted)?;
                self.change(path, Changed::Fronted, soname, format!("AMD's library of the upgrade, kept as {kept}"));
            }
            Standing::Missing { .. } => {
                self.link(&saved, path)?;
                let new = self.create(path, &fronted.front, Attributes::of(&saved)?);
                self.plan.steps.push(Step::Replace { with: new, path: path.clone(), kept: saved });
                self.change(path, Changed::Fronted, soname, format!("the name was gone; AMD's library is {kept}"));
            }
            Standing::Front { made_for, core: used, core_found, moved, .. } => {
                match why_renewed(path, &fronted.front, (made_for, &real.build_id), (used, core), *moved)? {
                    Some(why) => {
                        let new = self.create(path, &fronted.front, Attributes::of(&real.path)?);
                        self.replace(path, new)?;
                        self.change(path, Changed::Renewed, soname, why);
                    }
                    None if *core_found => self.untouched(path, "has a current front"),
                    None => self.untouched(path, "has a current front, and its core is put back"),
                }
            }
            Standing::Orphan => {}
        }
        self.installed.push(fronted.installed());
        Ok(())
    }

    /// The steps for AMD's library under its own name.
    fn save_and_front(&mut self, fronted: &Fronted) -> Result<(), Error> {
        let (path, kept) = (&fronted.copy.path, fronted.copy.saved());
        let with = self.create(path, &fronted.front, Attributes::of(path)?);
        self.link(path, &kept)?;
        self.plan.steps.push(Step::Replace { with, path: path.clone(), kept });
        Ok(())
    }

    /// Gives the real library its name back.
    pub fn take_back(&mut self, copy: &Copy) -> Result<(), Error> {
        let (path, soname, saved) = (&copy.path, Some(copy.soname.as_str()), copy.saved());
        match &copy.standing {
            Standing::Real { .. } => self.untouched(path, "AMD's library, without a front"),
            Standing::Front { .. } => {
                self.replace(path, saved)?;
                self.change(path, Changed::Restored, soname, "AMD's library instead of the front");
            }
            Standing::Replaced { .. } => {
                self.remove(&saved)?;
                self.change(&saved, Changed::Removed, soname, "the library that an upgrade has replaced");
            }
            Standing::Missing { .. } => {
                self.link(&saved, path)?;
                self.plan.steps.push(Step::CleanFile { path: saved });
                self.change(path, Changed::Restored, soname, "AMD's library; the front was gone");
            }
            Standing::Orphan => return self.remove_orphan(copy),
        }
        self.undivert(copy);
        Ok(())
    }
}

impl Fronted<'_> {
    fn installed(&self) -> Installed {
        let record = match &self.copy.owner {
            Owner::Wheel { record, .. } => Some(record.clone()),
            Owner::Dpkg { .. } | Owner::Unmanaged => None,
        };
        Installed {
            path: self.copy.path.clone(),
            soname: self.copy.soname.clone(),
            build_id: self.real.build_id.clone(),
            real_sha256: digest::hex(&self.digest),
            front_sha256: digest::hex(&digest::of(&self.front)),
            diverted: matches!(self.copy.owner, Owner::Dpkg { .. }),
            record,
        }
    }
}

/// A clause, if the front at `path` is not `wanted`; pairs are what it has and what it is to have.
fn why_renewed(
    path: &Path,
    wanted: &[u8],
    (made_for, build_id): (&str, &str),
    (used, core): (&str, &str),
    moved: bool,
) -> Result<Option<String>, Error> {
    if std::fs::read(path).map_err(at(path, "read"))? == wanted {
        return Ok(None);
    }
    Ok(Some(match () {
        () if made_for != build_id => "AMD's library beside it is another than the front was made for".to_owned(),
        () if used != core => format!("it gets the core {core}"),
        () if moved => "it was made where the tree stood before".to_owned(),
        () => "this version of RMCP makes it otherwise".to_owned(),
    }))
}
