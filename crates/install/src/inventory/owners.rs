//! Who put a library there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Copy, Owner, StaleDiversion};
use crate::dpkg::{Database, Diversion};
use crate::wheel::Distributions;
use crate::{Directory, Error, Target, files};

/// Databases of package managers.
pub struct Owners {
    dpkg: Database,
    wheels: BTreeMap<PathBuf, Distributions>,
    root: PathBuf,
}

impl Owners {
    pub fn read(target: &Target) -> Result<Self, Error> {
        let mut wheels = BTreeMap::new();
        for packages in target.directories.iter().filter_map(|directory| directory.packages.as_ref()) {
            if !wheels.contains_key(packages) {
                wheels.insert(packages.clone(), Distributions::read(packages)?);
            }
        }
        Ok(Self { dpkg: Database::read(&target.root)?, wheels, root: target.root.clone() })
    }

    /// The owner of the name `path`, which is in `directory`; or a clause why its library must be left alone.
    pub fn of(&self, directory: &Directory, path: &Path) -> Result<Owner, String> {
        let wheels = directory.packages.as_ref().and_then(|packages| self.wheels.get(packages));
        if let Some((record, path)) = wheels.and_then(|wheels| wheels.owner(path)) {
            return Ok(Owner::Wheel { record, path });
        }
        let inside = Path::new("/").join(path.strip_prefix(&self.root).unwrap_or(path));
        if let Some((package, path)) = self.dpkg.owner(&inside) {
            let diversion = self.dpkg.diversion(&path);
            return match diversion.filter(|diversion| !diversion.is_ours()) {
                Some(Diversion { to, by, .. }) => Err(format!("dpkg diverts it to {} for {by}", to.display())),
                None => Ok(Owner::Dpkg { package, path, diverted: diversion.is_some() }),
            };
        }
        // The package is gone, and its diversion is left.
        let left = self.dpkg.ours().into_iter().find(|diversion| self.leads_to(diversion, path));
        Ok(left.map_or(Owner::Unmanaged, |left| Owner::Dpkg {
            package: String::new(),
            path: left.from.clone(),
            diverted: true,
        }))
    }

    /// Diversions of ours in the target's directories that belong to none of `copies`.
    pub fn stale(&self, target: &Target, copies: &[Copy]) -> Vec<StaleDiversion> {
        let mut ours = self.dpkg.ours();
        ours.retain(|diversion| self.place(diversion).is_some_and(|path| target.has(&path) && free(&path)));
        ours.retain(|diversion| !copies.iter().any(|copy| self.leads_to(diversion, &copy.path)));
        ours.iter().map(|diversion| StaleDiversion { from: diversion.from.clone(), to: diversion.to.clone() }).collect()
    }

    /// The name that is diverted, in a directory without links.
    fn place(&self, diversion: &Diversion) -> Option<PathBuf> {
        let directory = crate::target::resolve(&self.root, diversion.from.parent()?).ok()?;
        Some(directory.join(diversion.from.file_name()?))
    }

    fn leads_to(&self, diversion: &Diversion, path: &Path) -> bool {
        self.place(diversion).as_deref() == Some(path)
    }
}

/// Neither the name nor the saved one is there.
fn free(path: &Path) -> bool {
    path.symlink_metadata().is_err() && files::saved(path).symlink_metadata().is_err()
}
