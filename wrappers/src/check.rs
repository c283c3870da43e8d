//! Comparison of a front with the real library that it stands for.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::library::{Export, Library};
use crate::{ABI, Error, Front};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// DT_SONAME of the real library.
    pub soname: String,
    /// How many functions and data symbols it exports.
    pub exports: usize,
    /// How many version nodes.
    pub nodes: usize,
    /// What differs, a sentence each; empty when the front is right.
    pub differences: Vec<String>,
}

/// Compares SONAME, version nodes with their parents, and every export with its node, kind, binding and size.
pub fn check(real: &Path, front: &Path) -> Result<Report, Error> {
    let library = Library::read(real)?;
    let (other, is_front) = Library::read_any(front)?;
    let mut differences = Vec::new();
    if !is_front {
        differences.push(format!("{} is not a front: it has no RMCP note", front.display()));
    }
    if library.soname != other.soname {
        differences.push(format!("the SONAME is {}, not {}", other.soname, library.soname));
    }
    if library.nodes != other.nodes {
        for node in &library.nodes {
            match other.nodes.iter().find(|n| n.name == node.name) {
                None => differences.push(format!("the version node {} is missing", node.name)),
                Some(found) if found.parents != node.parents => differences.push(format!(
                    "the version node {} has the parents {:?}, not {:?}",
                    node.name, found.parents, node.parents
                )),
                Some(_) => {}
            }
        }
        for node in other.nodes.iter().filter(|node| !library.nodes.iter().any(|n| n.name == node.name)) {
            differences.push(format!("the version node {} is not in the real library", node.name));
        }
        if differences.is_empty() {
            differences.push("the version nodes are in another order".to_owned());
        }
    }
    let by_name = |library: &Library| -> BTreeMap<String, Export> {
        library.exports.iter().map(|export| (export.name.clone(), export.clone())).collect()
    };
    let (wanted, found) = (by_name(&library), by_name(&other));
    for (name, export) in &wanted {
        match found.get(name) {
            None => differences.push(format!("{name}@@{} is missing", export.node)),
            Some(other) if other != export => differences.push(format!(
                "{name} is {:?} {:?} of {} bytes in {}, not {:?} {:?} of {} bytes in {}",
                other.binding,
                other.kind,
                other.size,
                other.node,
                export.binding,
                export.kind,
                export.size,
                export.node
            )),
            Some(_) => {}
        }
    }
    differences.extend(
        found
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .map(|name| format!("{name} is not in the real library")),
    );
    if is_front {
        differences.extend(made_for_another(&Front::read(front)?, &library));
    }
    Ok(Report { soname: library.soname, exports: library.exports.len(), nodes: library.nodes.len(), differences })
}

/// What a front says of the library that it was made for, where that is not `library`. One made from a manifest accepts every build.
fn made_for_another(front: &Front, library: &Library) -> Option<String> {
    if front.abi != ABI {
        return Some(format!("it was made for another version of RMCP (front format {}, not {ABI})", front.abi));
    }
    let other = !front.real_build_id.is_empty() && front.real_build_id != library.build_id;
    other.then(|| format!("it was made for another build of the library, not for build-id {}", library.build_id))
}
