//! Licences of what is linked into the shipped binaries: the texts that the crates themselves carry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::files;
use crate::build::{SHIPPED, cargo};

/// Its name in the tree.
pub const FILE: &str = "THIRD-PARTY.txt";

const HEAD: &str = "\
What is linked into rmcp, librmcp.so and libvgpu_preload.so besides RMCP's own code, and its licences.

Rust's standard library is used under the Apache License, Version 2.0, whose text is below.
Where one of these may be used under either of several licences, RMCP uses it under any that
its user prefers.

";

/// `cargo metadata`, as far as it is used here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
    /// Absent for packages of the workspace.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Absent: a normal dependency.
    kind: Option<String>,
}

/// The list of crates, then each text once, with the crates that have it.
pub fn text() -> Result<String> {
    let words = ["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"];
    let output = cargo().args(words).output().context("cargo cannot be started")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let mut head = HEAD.to_owned();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in linked(&metadata) {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see below");
        head += &format!("{name}: {licence}; {}\n", package.repository.as_deref().unwrap_or("crates.io"));
        let files = licence_files(package.manifest_path.parent().context("a manifest's directory")?)?;
        if files.is_empty() {
            bail!("{name} carries no licence text: find it, and say here where it is");
        }
        for file in files {
            let text = files::text(&file)?.replace("\r\n", "\n");
            texts.entry(text.trim_end().to_owned()).or_default().push(name.clone());
        }
    }
    // In the order of the first crate that has each.
    let mut texts: Vec<_> = texts.into_iter().map(|(text, names)| (names, text)).collect();
    texts.sort();
    for (names, text) in texts {
        head += &format!("\n{}\n{}\n\n{text}\n", "-".repeat(100), names.join(", "));
    }
    Ok(head)
}

/// The crates that are linked into the shipped binaries, by name: what the shipped packages need, and what that needs; neither build scripts nor tests, nor macros, which only write code.
fn linked(metadata: &Metadata) -> Vec<&Package> {
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|p| (p.id.as_str(), p)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
    let is_macro = |package: &Package| package.targets.iter().any(|target| target.kind == ["proc-macro"]);
    let shipped = |package: &&&Package| package.source.is_none() && SHIPPED.contains(&package.name.as_str());
    let mut open: Vec<&str> = packages.values().filter(shipped).map(|package| package.id.as_str()).collect();
    let mut seen: BTreeSet<&str> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        let needed = nodes.get(id).into_iter().flat_map(|node| &node.deps);
        for dependency in needed.filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none())) {
            if packages.get(dependency.pkg.as_str()).is_some_and(|package| !is_macro(package))
                && seen.insert(&dependency.pkg)
            {
                open.push(&dependency.pkg);
            }
        }
    }
    let mut linked: Vec<&Package> =
        seen.iter().map(|id| packages[id]).filter(|package| package.source.is_some()).collect();
    linked.sort_by_key(|package| (&package.name, &package.version));
    linked
}

/// Files of a crate that are licences by their names.
fn licence_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        path.is_file()
            && ["license", "licence", "copying", "copyright", "notice", "unlicense"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    Ok(files::list(directory)?.into_iter().filter(is_licence).collect())
}
