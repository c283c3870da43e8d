//! Remarks for the user.

use std::collections::BTreeMap;
use std::path::Path;

use super::fronts::Fronted;
use super::maker::Maker;
use crate::{Owner, Target};

/// Where rpm has its database, older and newer.
const RPM: [&str; 2] = ["var/lib/rpm", "usr/lib/sysimage/rpm"];

impl Maker<'_> {
    pub fn add_notes(&mut self, fronts: &[Fronted]) {
        self.note_duplicates(fronts);
        self.note_upgrades(fronts);
    }

    fn note_duplicates(&mut self, fronts: &[Fronted]) {
        let mut by_soname: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for fronted in fronts {
            let paths = by_soname.entry(&fronted.copy.soname).or_default();
            paths.push(fronted.copy.path.display().to_string());
        }
        for (soname, paths) in by_soname.into_iter().filter(|(_, paths)| paths.len() > 1) {
            let (count, paths) = (paths.len(), paths.join(", "));
            self.plan.notes.push(format!(
                "{soname} is there {count} times ({paths}): a process that loads two of them has two runtimes"
            ));
        }
    }

    /// What replaces the libraries, and whether RMCP hears of it.
    fn note_upgrades(&mut self, fronts: &[Fronted]) {
        let mut unmanaged = Vec::new();
        let (mut dpkg, mut pip) = (false, false);
        for fronted in fronts {
            match &fronted.copy.owner {
                Owner::Unmanaged => unmanaged.push(fronted.copy.path.as_path()),
                Owner::Dpkg { .. } => dpkg = true,
                Owner::Wheel { .. } => pip = true,
            }
        }
        let repair = format!("run `rmcp repair {}` after an upgrade", self.target.arguments());
        let notes = &mut self.plan.notes;
        if !unmanaged.is_empty() {
            let cause =
                if has_rpm(self.target) { "rpm has no diversions, so an upgrade overwrites fronts, and " } else { "" };
            let files = by_directory(&unmanaged);
            notes.push(format!("{cause}nothing tells RMCP when one of these is replaced ({files}): {repair}"));
        }
        if dpkg {
            notes.push(format!("dpkg leaves the fronts alone when it upgrades the libraries, but the fronts are those of the old ones then: {repair}"));
        }
        if pip {
            notes.push(format!("pip replaces fronts when it upgrades or reinstalls a package: {repair}"));
        }
    }
}

/// Files, in their order: several of one directory by their number and its name.
fn by_directory(paths: &[&Path]) -> String {
    let mut directories: Vec<(Option<&Path>, Vec<&Path>)> = Vec::new();
    for path in paths {
        match directories.iter_mut().find(|(directory, _)| *directory == path.parent()) {
            Some((_, files)) => files.push(path),
            None => directories.push((path.parent(), vec![path])),
        }
    }
    let said = directories.iter().map(|(directory, files)| match (directory, &files[..]) {
        (Some(directory), [_, _, ..]) => format!("{} in {}", files.len(), directory.display()),
        _ => files[0].display().to_string(),
    });
    said.collect::<Vec<_>>().join(", ")
}

fn has_rpm(target: &Target) -> bool {
    RPM.iter().any(|path| target.root.join(path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_several_files_is_named_once() {
        let of = |paths: &[&str]| by_directory(&paths.iter().map(Path::new).collect::<Vec<_>>());
        assert_eq!(of(&["/a/x", "/b/x", "/a/y", "/c/d/z", "/a/z"]), "3 in /a, /b/x, /c/d/z");
        assert_eq!(of(&["/a/x"]), "/a/x");
    }
}
