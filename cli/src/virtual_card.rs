//! What `--virtual` shares between the subcommands, and the files that belong to this command.

use std::path::{Path, PathBuf};

use vgpu::launch::{LIBRARY, Prepared};
use vgpu::spec::Spec;

use crate::failure::Failure;

/// A file that is installed with `rmcp`: beside it (a build directory), or in `../lib/rmcp` or `../lib`.
pub fn companion(name: &str) -> Result<PathBuf, Failure> {
    let exe = std::env::current_exe()
        .and_then(|exe| exe.canonicalize())
        .map_err(|error| Failure::broken(format!("rmcp cannot find its own file ({error}); is /proc mounted?")))?;
    let directory = exe.parent().unwrap_or(Path::new("/"));
    let places = [directory.join(name), directory.join("../lib/rmcp").join(name), directory.join("../lib").join(name)];
    let found = places.iter().find(|path| path.is_file());
    found.and_then(|path| path.canonicalize().ok()).ok_or_else(|| {
        Failure::broken(format!(
            "{name} is neither in {} nor in ../lib/rmcp or ../lib; build it with `cargo build --release --workspace`",
            directory.display()
        ))
    })
}

/// The virtual machine's files.
pub fn prepare(spec: &Spec, log: Option<&Path>) -> Result<Prepared, Failure> {
    Prepared::new(spec, log, &companion(LIBRARY)?).map_err(Failure::broken)
}
