//! What one file is, from its headers.

use std::path::Path;

use object::read::ReadCache;
use rmcp_front::{Front, Layer, elf};

use super::Real;

/// What stands under a name.
#[derive(Default)]
pub enum File {
    /// Nothing.
    #[default]
    None,
    /// One of AMD's libraries: its SONAME, and it.
    Real(String, Real),
    /// A front.
    Front(Front),
    /// Named like one of AMD's libraries; a clause that says why it cannot have a front.
    Unfit(String),
    /// Something that is not our business.
    Other,
}

impl File {
    /// The regular file at `path`, which is, or was, named `name`.
    pub fn examine(path: &Path, name: &str) -> Self {
        let unfit = |reason: String| if Layer::of(name).is_some() { Self::Unfit(reason) } else { Self::Other };
        let opened = std::fs::File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = match opened {
            Ok(opened) => opened,
            Err(error) => return unfit(format!("it cannot be read ({error})")),
        };
        let library = match elf::examine(&ReadCache::new(file)) {
            Ok(library) => library,
            Err(reason) => return unfit(reason.to_string()),
        };
        if library.front {
            return match Front::read(path) {
                Ok(front) => Self::Front(front),
                Err(error) => unfit(format!("it is a damaged front of RMCP: {error}")),
            };
        }
        match Layer::of(&library.soname) {
            Some(_) => Self::Real(library.soname, Real { path: path.to_owned(), build_id: library.build_id, size }),
            None if library.soname.is_empty() => unfit("it has no SONAME".to_owned()),
            None => unfit(format!("its SONAME is \"{}\"", library.soname)),
        }
    }

    /// Unfit if what RMCP puts before a name (`.rmcp-old-undo-.rmcp-old-NNN-` at most) does not fit before this one: names have up to 255 bytes (NAME_MAX).
    pub fn with_room(self, name: &str) -> Self {
        match self {
            Self::Real(..) if name.len() > 255 - 32 => {
                Self::Unfit("its name is too long for RMCP to keep it under a longer one".to_owned())
            }
            file => file,
        }
    }

    /// A directory, a FIFO, a device, or a link with a name that only files of ours have.
    pub fn not_regular(name: &str) -> Self {
        if Layer::of(name).is_some() { Self::Unfit("it is not a regular file".to_owned()) } else { Self::Other }
    }
}
