//! What stands in the directories of a target: read from the files, not from a record of ours.
//!
//! A name is judged by the file under it and by the one that is saved beside it as `rmcp-real-NAME`. What is not in this table is [`Ignored`], both files with a reason, so that
//! nothing is destroyed:
//!
//! | under the name | saved | [`Standing`] |
//! |---|---|---|
//! | AMD's library | nothing | `Real` |
//! | AMD's library | AMD's library | `Replaced` |
//! | a front of this installation | AMD's library of the same SONAME | `Front` |
//! | a front of this installation | nothing | `Orphan` |
//! | nothing | AMD's library | `Missing` |
//!
//! A front is one of this installation if it stands for `rmcp-real-NAME` beside it; another one (made by `rmcp front build`, or copied to another name) is ignored.
//! Hard links of one library are a copy each: a loader that comes by either name is to find a front.

mod core;
mod file;
mod owners;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rmcp_front::{CORE, Front, Layer};
use serde::{Deserialize, Serialize};

use self::file::File;
use self::owners::Owners;
use crate::error::at;
use crate::{Directory, Error, SAVED, TEMPORARY, Target, digest, files};

pub use self::core::Core;

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// AMD's libraries and our fronts, in the order of the target's directories, then by name.
    pub copies: Vec<Copy>,
    /// Core directories, whether a front uses them or not.
    pub cores: Vec<CoreDirectory>,
    /// Files named like AMD's libraries that cannot have a front.
    pub ignored: Vec<Ignored>,
    /// Files of an interrupted installation whose journal is gone (`.rmcp-new-…`).
    pub strays: Vec<PathBuf>,
    /// Diversions that an installation made and whose files are all gone.
    pub diversions: Vec<StaleDiversion>,
}

/// A diversion by dpkg without any file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaleDiversion {
    /// The name that is diverted, inside the root.
    pub from: PathBuf,
    /// Where to, inside the root.
    pub to: PathBuf,
}

/// One file name under which a library is, or was, found. Regular files only: links lead to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Absolute path of the name: the front's, once there is one.
    pub path: PathBuf,
    /// DT_SONAME.
    pub soname: String,
    /// Links that lead to it, in any directory of the target.
    pub links: Vec<PathBuf>,
    /// What stands there.
    pub standing: Standing,
    /// Who put the real library there.
    pub owner: Owner,
}

impl Copy {
    /// `rmcp-real-NAME` beside it.
    pub fn saved(&self) -> PathBuf {
        files::saved(&self.path)
    }
}

/// A real library, read and fit to have a front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Real {
    /// Where it is now.
    pub path: PathBuf,
    /// NT_GNU_BUILD_ID; empty if it has none.
    pub build_id: String,
    /// Bytes.
    pub size: u64,
}

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Standing {
    /// AMD's library, as it was installed.
    Real {
        /// It.
        real: Real,
    },
    /// A front, with its real library beside it.
    Front {
        /// The real library, under [`Copy::saved`].
        real: Real,
        /// Build-id of the library that the front was made for.
        made_for: String,
        /// The core directory's name that the front looks for first, e.g. `rmcp-0.1.0-1a2b3c4d`.
        core: String,
        /// That directory is there and holds a core.
        core_found: bool,
        /// The absolute path that it has for that directory is not where it stands: the tree was moved. `$ORIGIN` still leads to the core, but not in secure
        /// execution, nor by a link in another directory.
        moved: bool,
    },
    /// A front whose real library is gone: its package was removed, or moved on to another file name.
    Orphan,
    /// AMD's library stands where a front was (an upgrade put it there), and an older one is still saved beside it.
    Replaced {
        /// The one under the name.
        real: Real,
        /// The one under [`Copy::saved`].
        saved: Real,
    },
    /// The name is gone, and a real library is saved beside it.
    Missing {
        /// The one under [`Copy::saved`].
        saved: Real,
    },
}

/// Who put a file there, and so how an upgrade will treat it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Owner {
    /// Nobody that we know of: unpacked, copied, conda.
    Unmanaged,
    /// dpkg.
    Dpkg {
        /// `libamdhip64-5:amd64`; empty if the package is gone and only its diversion is left.
        package: String,
        /// The path as dpkg's database has it, inside the root (it may differ from ours by a merged `/usr`).
        path: PathBuf,
        /// It is diverted to our saved name already.
        diverted: bool,
    },
    /// A Python distribution.
    Wheel {
        /// Its RECORD.
        record: PathBuf,
        /// The path as RECORD has it: relative to `site-packages`.
        path: String,
    },
}

/// A directory with a core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoreDirectory {
    /// The directory.
    pub path: PathBuf,
    /// SHA-256 of its `librmcp.so`; empty if there is none.
    pub sha256: String,
}

/// A file that is named like one of AMD's libraries and is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The file.
    pub path: PathBuf,
    /// A clause: "it is not an ELF file".
    pub reason: String,
}

impl Inventory {
    /// Looks at every directory of `target`.
    pub fn take(target: &Target) -> Result<Self, Error> {
        let mut inventory = Self::default();
        let owners = Owners::read(target)?;
        let mut links = Vec::new();
        for directory in &target.directories {
            let entries = Entries::read(directory)?;
            inventory.take_cores(&entries)?;
            inventory.strays.extend(entries.strays);
            inventory.ignored.extend(entries.ignored);
            links.extend(entries.links);
            for (name, pair) in entries.names {
                inventory.take_name(target, directory, &name, pair, &owners);
            }
        }
        inventory.take_links(target, links);
        inventory.diversions = owners.stale(target, &inventory.copies);
        Ok(inventory)
    }

    fn take_cores(&mut self, entries: &Entries) -> Result<(), Error> {
        for path in &entries.cores {
            let core = path.join(CORE);
            let present = core.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            let sha256 = if present { digest::hex(&digest::of_file(&core)?) } else { String::new() };
            self.cores.push(CoreDirectory { path: path.clone(), sha256 });
        }
        Ok(())
    }

    /// Decides about one name; see the table of this module.
    fn take_name(&mut self, target: &Target, directory: &Directory, name: &str, pair: Pair, owners: &Owners) {
        let path = directory.path.join(name);
        let saved_path = files::saved(&path);
        let (soname, standing) = match (pair.named, pair.saved) {
            (File::Real(soname, real), File::None) => (soname, Standing::Real { real }),
            (File::Real(soname, real), File::Real(_, saved)) => (soname, Standing::Replaced { real, saved }),
            (File::Front(front), saved) if !is_of_installation(&front, &saved_path, &saved) => {
                let real = match front.real_path.as_os_str().is_empty() {
                    true => "a library that this version cannot read from it".to_owned(),
                    false => front.real_path.display().to_string(),
                };
                self.ignore(&path, format!("it is a front of RMCP for {real}, which this command did not put there"));
                return self.ignore_saved(&saved_path, saved, "another front stands under its name");
            }
            (File::Front(front), File::None) => (front.soname, Standing::Orphan),
            (File::Front(front), File::Real(soname, real)) if front.soname == soname => {
                (soname, self.front(target, directory, front, real))
            }
            (File::Front(_), saved) => {
                self.ignore(&path, format!("it is a front, and {SAVED}{name} beside it is not its library; put that right, or install the package again"));
                return self.ignore_saved(
                    &saved_path,
                    saved,
                    "it is not the library that the front beside it was made for",
                );
            }
            (File::None, File::Real(soname, saved)) => (soname, Standing::Missing { saved }),
            (named, saved) => return self.ignore_pair((&path, named), (&saved_path, saved)),
        };
        match owners.of(directory, &path) {
            Ok(owner) => self.copies.push(Copy { path, soname, links: Vec::new(), standing, owner }),
            Err(reason) => self.ignore(&path, reason),
        }
    }

    fn front(&self, target: &Target, directory: &Directory, front: Front, real: Real) -> Standing {
        let core = core_directories(&front).next().unwrap_or_default().to_owned();
        let path = directory.path.join(&core);
        let core_found = self.cores.iter().any(|known| known.path == path && !known.sha256.is_empty());
        let here = target.inside(&path);
        let mut absolute = front.search.iter().map(Path::new).filter(|entry| entry.is_absolute());
        let moved = absolute.any(|entry| entry.file_name().is_some_and(|name| name == core.as_str()) && entry != here);
        Standing::Front { real, made_for: front.real_build_id, core, core_found, moved }
    }

    fn ignore(&mut self, path: &Path, reason: impl Into<String>) {
        self.ignored.push(Ignored { path: path.to_owned(), reason: reason.into() });
    }

    fn ignore_pair(&mut self, (path, named): (&Path, File), (saved_path, saved): (&Path, File)) {
        let in_the_way = !matches!(saved, File::None | File::Other);
        match named {
            File::Real(..) => self.ignore(path, format!("{SAVED}… beside it is in the way; move that away")),
            File::Unfit(reason) => self.ignore(path, reason),
            File::Front(_) | File::Other | File::None => {}
        }
        if in_the_way {
            self.ignore_saved(
                saved_path,
                saved,
                "the file under its name is not a library of AMD's; put that right, or install the package again",
            );
        }
    }

    fn ignore_saved(&mut self, path: &Path, saved: File, otherwise: &str) {
        match saved {
            File::None => {}
            File::Unfit(reason) => self.ignore(path, reason),
            File::Front(_) => self.ignore(path, "it is a front of RMCP itself, not AMD's library"),
            File::Real(..) | File::Other => self.ignore(path, otherwise),
        }
    }

    /// Links are noted with the library that they lead to; those that are named like one and lead to none that is looked at are reported.
    fn take_links(&mut self, target: &Target, links: Vec<PathBuf>) {
        for link in links {
            let named = link.file_name().is_some_and(|name| Layer::of(&name.to_string_lossy()).is_some());
            let leads_to = match target.resolve(&link) {
                Ok(path) => path,
                Err(error) if named => {
                    self.ignore(&link, format!("where it leads to cannot be seen ({error})"));
                    continue;
                }
                Err(_) => continue,
            };
            if let Some(copy) = self.copies.iter_mut().find(|copy| copy.path == leads_to) {
                copy.links.push(link);
            } else if named && !leads_to.exists() {
                self.ignore(&link, format!("it leads to {}, which is not there", leads_to.display()));
            } else if named && !target.has(&leads_to) {
                self.ignore(
                    &link,
                    format!(
                        "it leads to {}, outside of what is looked at; use --system or --prefix for that",
                        leads_to.display()
                    ),
                );
            }
        }
    }
}

/// It stands for the library that is saved beside it. What a front of another format stands for cannot be read, and is taken to be that if there is one.
fn is_of_installation(front: &Front, saved_path: &Path, saved: &File) -> bool {
    match front.abi == rmcp_front::ABI {
        true => Some(front.real_path.as_os_str()) == saved_path.file_name(),
        false => matches!(saved, File::Real(..)),
    }
}

/// What stands under a name and under `rmcp-real-` with it.
#[derive(Default)]
struct Pair {
    named: File,
    saved: File,
}

/// The entries of a directory that matter.
#[derive(Default)]
struct Entries {
    names: BTreeMap<String, Pair>,
    links: Vec<PathBuf>,
    cores: Vec<PathBuf>,
    strays: Vec<PathBuf>,
    ignored: Vec<Ignored>,
}

impl Entries {
    fn read(directory: &Directory) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut names: Vec<OsString> = Vec::new();
        for entry in std::fs::read_dir(&directory.path).map_err(at(&directory.path, "read"))? {
            names.push(entry.map_err(at(&directory.path, "read"))?.file_name());
        }
        names.sort();
        for name in names {
            found.take(&directory.path.join(&name), &name.to_string_lossy(), name.to_str().is_some())?;
        }
        Ok(found)
    }

    fn take(&mut self, path: &Path, name: &str, utf8: bool) -> Result<(), Error> {
        if !name.contains(".so") && !is_core_directory(name) && !name.starts_with(TEMPORARY) {
            return Ok(());
        }
        let kind = match path.symlink_metadata() {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io(path, "read", error)),
        };
        let (saved, bare) = (name.starts_with(SAVED), name.strip_prefix(SAVED).unwrap_or(name));
        match () {
            () if kind.is_dir() && is_core_directory(name) => self.cores.push(path.to_owned()),
            () if is_stray(name) && kind.is_file() => self.take_stray(path, name),
            () if !name.contains(".so") || name.starts_with(TEMPORARY) => {}
            () if kind.is_symlink() && !saved => {
                self.links.push(path.to_owned());
                self.names.entry(name.to_owned()).or_default().named = File::Other;
            }
            () => {
                let file = match kind.is_file() {
                    true => File::examine(path, bare).with_room(bare),
                    false => File::not_regular(bare),
                };
                match (&file, utf8) {
                    (File::Other, false) => {}
                    (_, false) => self.ignored.push(Ignored {
                        path: path.to_owned(),
                        reason: "its name is not UTF-8; give it another one".to_owned(),
                    }),
                    (_, true) => {
                        let pair = self.names.entry(bare.to_owned()).or_default();
                        *if saved { &mut pair.saved } else { &mut pair.named } = file;
                    }
                }
            }
        }
        Ok(())
    }

    /// A library of AMD's that has no other name is not ours to remove.
    fn take_stray(&mut self, path: &Path, name: &str) {
        let only_name = path.symlink_metadata().is_ok_and(|metadata| metadata.nlink() == 1);
        match File::examine(path, name) {
            File::Real(..) if only_name => self.ignored.push(Ignored {
                path: path.to_owned(),
                reason: "it is AMD's library under a temporary name; give it its own name, or remove it".to_owned(),
            }),
            _ => self.strays.push(path.to_owned()),
        }
    }
}

/// `.rmcp-new-…` or `.rmcp-old-…`.
fn is_stray(name: &str) -> bool {
    name.strip_prefix(TEMPORARY).is_some_and(|rest| rest.starts_with("new-") || rest.starts_with("old-"))
}

/// Names of the core directories that a front looks for beside itself, in its order.
pub(crate) fn core_directories(front: &Front) -> impl Iterator<Item = &str> {
    let beside = front.search.iter().filter_map(|entry| entry.strip_prefix("$ORIGIN/"));
    beside.filter(|name| is_core_directory(name))
}

/// `rmcp-VERSION-` and eight hexadecimal digits: see [`Core::directory`].
pub(crate) fn is_core_directory(name: &str) -> bool {
    let digits = |text: &str| text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let parts = name.strip_prefix("rmcp-").and_then(|rest| rest.rsplit_once('-'));
    parts.is_some_and(|(version, digest)| {
        version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('/') && digits(digest)
    })
}
