//! Which trees a command line means.

use std::path::{Path, PathBuf};

use rmcp_install::{Kind, Target, registry};

use crate::failure::Failure;

/// The options of which one names a tree.
pub const NAMES: [&str; 3] = ["system", "prefix", "python"];

/// The tree that is meant.
#[derive(clap::Args)]
pub struct Tree {
    /// The system: its library directories and /opt/rocm*
    #[arg(long)]
    system: bool,
    /// With --system: the system that is installed below this directory, instead of the running one
    #[arg(long, value_name = "DIR", requires = "system", conflicts_with_all = ["prefix", "python"])]
    root: Option<PathBuf>,
    /// One ROCm below this directory
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
    /// A Python environment (venv, virtualenv, conda, uv, pipx), by its directory or an interpreter in it
    #[arg(long, value_name = "ENV")]
    python: Option<PathBuf>,
}

impl Tree {
    /// `None` if the command line names no tree.
    pub fn named(&self) -> Result<Option<Target>, Failure> {
        let (kind, base) = match (self.system, &self.root, &self.prefix, &self.python) {
            (true, Some(root), ..) => (Kind::System, root.as_path()),
            (true, None, ..) => (Kind::System, Path::new("/")),
            (_, _, Some(prefix), _) => (Kind::Prefix, prefix.as_path()),
            (.., Some(environment)) => (Kind::Python, environment.as_path()),
            _ => return Ok(None),
        };
        Ok(Some(target(kind, base)?))
    }

    /// Whether a command with these options does its work in `target`: no options mean all that are known.
    pub fn includes(&self, target: &Target) -> bool {
        match self.named() {
            Ok(Some(named)) => named.state == target.state,
            Ok(None) => true,
            Err(_) => false,
        }
    }
}

/// The tree of `kind` at `base`.
pub fn target(kind: Kind, base: &Path) -> Result<Target, Failure> {
    let target = match kind {
        Kind::System => Target::system(base),
        Kind::Prefix => Target::prefix(base),
        Kind::Python => Target::python(base),
    };
    Ok(target?)
}

/// All that this user has installed into, and the system if something is installed there.
pub fn known() -> Vec<Result<Target, Failure>> {
    registry::all().iter().map(|(kind, base)| target(*kind, base)).collect()
}

/// `the prefix /opt/rocm`
pub fn name(target: &Target) -> String {
    let base = target.base.display();
    match target.kind {
        Kind::System if target.base == Path::new("/") => "the system".to_owned(),
        Kind::System => format!("the system below {base}"),
        Kind::Prefix => format!("the prefix {base}"),
        Kind::Python => format!("the Python environment {base}"),
    }
}
