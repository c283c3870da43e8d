//! Which of AMD's libraries a program would load, and whether RMCP is in between.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::failure::Failure;
use crate::libraries::search::{Found, Loader, Reason};
use crate::table::{Align, lines};

/// The answer for one program.
#[derive(Serialize)]
pub struct Program {
    path: PathBuf,
    /// It is linked with AMD's libraries; otherwise they are those that it gets if it asks for them later.
    linked: bool,
    libraries: Vec<Loaded>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Loaded {
    soname: String,
    /// AMD's library.
    path: PathBuf,
    /// RMCP is in between.
    front: bool,
}

impl Program {
    /// As the loader would find them with this process's environment.
    pub fn look(path: &Path) -> Result<Self, Failure> {
        if let Err(error) = std::fs::File::open(path) {
            return Err(Failure::broken(format!(
                "{} cannot be read ({error}); name the program by its path",
                path.display()
            )));
        }
        let Found { reals, reason, notes } = Loader::system().find(path)?;
        let libraries = reals
            .into_iter()
            .map(|real| Loaded { front: real.front.is_some(), soname: real.soname, path: real.path })
            .collect();
        Ok(Self { path: path.to_owned(), linked: reason == Reason::Linked, libraries, notes })
    }

    /// For people.
    pub fn text(&self) -> Vec<String> {
        let path = self.path.display();
        let mut out = vec![match (self.libraries.is_empty(), self.linked) {
            (true, _) => format!("{path} would find none of AMD's libraries."),
            (_, true) => format!("{path} loads:"),
            (_, false) => format!("{path} is not linked with AMD's libraries; if it asks for them it gets:"),
        }];
        let row = |loaded: &Loaded| {
            let between = if loaded.front { "RMCP in between" } else { "without RMCP" };
            [loaded.soname.clone(), between.to_owned(), loaded.path.display().to_string()].to_vec()
        };
        out.extend(lines(&[Align::Left; 3], &self.libraries.iter().map(row).collect::<Vec<_>>()));
        out.extend(self.notes.iter().flat_map(|note| super::text::note(note, "  ")));
        out
    }
}
