//! The relocatable tree. `rmcp` finds its libraries as `../lib/rmcp/…`, so nothing in it names a place.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rmcp_front::{Manifest, Options};

use super::{Release, files, licences};
use crate::build::{self, Built};

/// Where a prebuilt front looks for the core: beside it in a directory of ours (a ROCm prefix), beside the multiarch directory that it is in (`/usr/lib/rmcp` from
/// `/usr/lib/x86_64-linux-gnu`), and beside `lib64`.
const RUNPATH: [&str; 3] = ["$ORIGIN/rmcp", "$ORIGIN/../rmcp", "$ORIGIN/../lib/rmcp"];

/// Documents of `docs/` are linked from each other and from README.md: they keep their places.
const DOCUMENTS: [&str; 2] = ["README.md", "LICENSE"];

/// Makes the tree in `out`.
pub fn make(release: &Release, built: &Built, out: &Path) -> Result<PathBuf> {
    let tree = out.join(release.name());
    files::empty_directory(&tree)?;
    for (name, place, mode) in [
        ("rmcp", "bin/rmcp", 0o755),
        ("librmcp.so", "lib/rmcp/librmcp.so", 0o644),
        ("libvgpu_preload.so", "lib/rmcp/libvgpu_preload.so", 0o644),
    ] {
        files::copy(&built.directory.join(name), &tree.join(place), mode)?;
        // The build-id stays: by it a debugger finds symbols that are kept elsewhere. (Cargo's own `strip` left those of the core in.)
        build::must(
            Command::new("strip").args(["--strip-unneeded", "--remove-section=.comment"]).arg(tree.join(place)),
        )?;
    }
    fronts(&tree.join("lib/rmcp/fronts"))?;
    for header in ["rmcp.h", "front.h"] {
        files::copy(&build::root().join("include").join(header), &tree.join("include/rmcp").join(header), 0o644)?;
    }
    generated(&built.generated, &tree.join("share"))?;
    documents(&tree.join("share/doc/rmcp"))?;
    files::settle(&tree, release.time)?;
    Ok(tree)
}

/// A front for each manifest of `wrappers/abi`: `NAME/SONAME`, where the name is the manifest's, with its release.
fn fronts(directory: &Path) -> Result<()> {
    for path in files::list(&build::root().join("wrappers/abi"))? {
        let name = path.file_stem().context("a manifest has a name")?;
        let manifest = Manifest::from_text(&files::text(&path)?).with_context(|| path.display().to_string())?;
        let options = Options {
            runpath: RUNPATH.map(str::to_owned).to_vec(),
            beside: Some(format!("rmcp-real-{}", manifest.soname)),
            ..Options::default()
        };
        let place = directory.join(name).join(&manifest.soname);
        let front = rmcp_front::build(&manifest.library(PathBuf::from(&manifest.soname)), &options);
        files::put(&place, &front, 0o644)?;
    }
    Ok(())
}

/// Man pages and completions, where each shell looks below `/usr/local` and `/usr`.
fn generated(from: &Path, share: &Path) -> Result<()> {
    for page in files::list(&from.join("man"))? {
        files::copy(&page, &share.join("man/man1").join(page.file_name().context("a page has a name")?), 0o644)?;
    }
    for (name, place) in [
        ("rmcp.bash", "bash-completion/completions/rmcp"),
        ("_rmcp", "zsh/site-functions/_rmcp"),
        ("rmcp.fish", "fish/vendor_completions.d/rmcp.fish"),
    ] {
        files::copy(&from.join("completions").join(name), &share.join(place), 0o644)?;
    }
    Ok(())
}

fn documents(directory: &Path) -> Result<()> {
    for name in DOCUMENTS {
        files::copy(&build::root().join(name), &directory.join(name), 0o644)?;
    }
    for path in files::below(&build::root().join("docs"))? {
        files::copy(&path, &directory.join(path.strip_prefix(build::root())?), 0o644)?;
    }
    files::put(&directory.join(licences::FILE), licences::text()?.as_bytes(), 0o644)
}
