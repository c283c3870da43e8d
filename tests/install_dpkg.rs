//! RMCP installed over AMD's libraries that belong to packages: real packages, real dpkg, in temporary roots. Upgrades go behind the front, `rmcp repair` follows them, and
//! neither `rmcp uninstall` nor a purge leaves anything.

#[path = "support/install/mod.rs"]
mod install;
mod support;

use std::path::{Path, PathBuf};

use install::in_place::{assert_hooked, assert_not_hooked, run_in_place};
use install::libraries::{MULTIARCH, build_id};
use install::listing::{assert_same, without_directory_times};
use install::packages::{Library, Release, Root};
use rmcp_fixtures::{Generation, SUITES};
use support::generation::compile;
use support::{Run, program};

fn bookworm() -> Generation {
    Generation::find(&SUITES[0]).unwrap_or_else(|reason| panic!("{reason}"))
}

/// Starts a linked program by the system's loader, which comes to the tree's libraries first.
fn run(root: &Root) -> Run {
    let libraries = root.join(MULTIARCH);
    let environment = [("LD_LIBRARY_PATH", libraries.to_str().expect("UTF-8"))];
    run_in_place(&environment, &program("alloc.c", &[]), &["hipHostMalloc"])
}

/// The same for a program of another generation, by its own loader.
fn run_of(generation: &Generation, root: &Root) -> Run {
    let libraries = std::env::join_paths([root.join(MULTIARCH), generation.libraries()]).expect("paths without colons");
    let program = compile(generation, "alloc.c", &[]);
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let words = ["--library-path".into(), text(libraries.as_ref()), text(&program), "hipHostMalloc".into()];
    run_in_place(&[], &generation.loader(), &words.each_ref().map(String::as_str))
}

/// The real libraries of a release behind their fronts.
fn behind_fronts(root: &Root, release: &Release) -> Vec<(PathBuf, String)> {
    release.libraries().map(|library| (root.join(library.saved()), build_id(&library.file))).into()
}

fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(path.as_ref()).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

fn diversion(library: &Library) -> String {
    format!("/{}\n/{}\n:\n", library.path().display(), library.saved().display())
}

/// Nothing differs from a tree that has seen the same packages and no RMCP.
#[track_caller]
fn assert_untouched(root: &Root, releases: &[&Release]) {
    let control = Root::new();
    releases.iter().for_each(|release| control.install(release));
    let [is, was] = [root, &control].map(|root| without_directory_times(root.snapshot()));
    assert_same("a tree that never had RMCP", &was, &is);
    assert_eq!(root.diversions(), "");
    root.verify();
}

/// Nothing is left but directories that packages do not have either.
#[track_caller]
fn assert_nothing_left(root: &Root) {
    assert_eq!(root.files(), [Path::new("lib")]);
    assert!(!root.join("var/lib/rmcp").exists());
    assert_eq!(root.diversions(), "");
}

#[test]
fn dpkg_s_files_are_diverted_and_taken_back_to_the_very_tree() {
    let release = Release::new(&bookworm(), "5.2.3-1", false);
    let root = Root::new();
    root.install(&release);
    assert_not_hooked(&run(&root));
    let before = root.snapshot();

    root.rmcp("install", &["--yes"], 0);
    assert_hooked(&run(&root), &behind_fronts(&root, &release));
    for library in release.libraries() {
        assert!(root.diversions().contains(&diversion(library)), "{}", root.diversions());
        assert_eq!(bytes(root.join(library.saved())), bytes(&library.file));
    }
    // dpkg knows where its files are.
    root.verify();
    root.rmcp("status", &[], 0);

    root.rmcp("uninstall", &["--yes"], 0);
    assert_same("installed and uninstalled", &before, &root.snapshot());
    assert_eq!(root.diversions(), "");
    root.verify();
    assert_not_hooked(&run(&root));
}

#[test]
fn an_upgrade_under_the_same_file_name_goes_behind_the_front() {
    let old = Release::new(&bookworm(), "5.2.3-1", false);
    let new = Release::new(&bookworm(), "5.2.3-2", true);
    let root = Root::new();
    root.install(&old);
    root.rmcp("install", &["--yes"], 0);
    let fronts = new.libraries().map(|library| bytes(root.join(library.path())));

    root.install(&new);
    for (library, front) in new.libraries().into_iter().zip(&fronts) {
        assert_eq!(&bytes(root.join(library.path())), front, "the front stays");
        assert_eq!(bytes(root.join(library.saved())), bytes(&library.file), "the new library is behind it");
    }
    let stale = run(&root);
    assert_hooked(&stale, &behind_fronts(&root, &new));
    let told = stale.stderr.matches("it is another build of the library than its front was made for").count();
    assert_eq!(told, fronts.len(), "{}", stale.stderr);
    assert!(root.rmcp("status", &[], 1).contains("another build"));

    root.rmcp("repair", &["--yes"], 0);
    root.rmcp("status", &[], 0);
    let repaired = run(&root);
    assert_hooked(&repaired, &behind_fronts(&root, &new));
    assert_eq!(repaired.stderr, "");

    root.rmcp("uninstall", &["--yes"], 0);
    assert_untouched(&root, &[&old, &new]);
    root.purge();
    assert_nothing_left(&root);
}

#[test]
fn an_upgrade_to_another_file_name_leaves_a_front_that_repair_moves() {
    let trixie = match Generation::find(&SUITES[1]) {
        Ok(generation) => generation,
        Err(reason) => return println!("skipped: {}: {reason}", SUITES[1].name),
    };
    let old = Release::new(&bookworm(), "5.2.3-1", false);
    let new = Release::new(&trixie, "5.7.1-1", false);
    let root = Root::new();
    root.install(&old);
    root.rmcp("install", &["--yes"], 0);

    root.install(&new);
    for (old, new) in old.libraries().into_iter().zip(new.libraries()) {
        assert_ne!(old.name, new.name);
        assert!(root.join(old.path()).exists() && !root.join(old.saved()).exists(), "a front without its library");
        assert_eq!(bytes(root.join(new.path())), bytes(&new.file));
    }
    // The links lead past the fronts: a program has AMD's libraries, and no RMCP, until the repair.
    assert_not_hooked(&run_of(&trixie, &root));
    root.rmcp("status", &[], 1);

    root.rmcp("repair", &["--yes"], 0);
    root.rmcp("status", &[], 0);
    assert_hooked(&run_of(&trixie, &root), &behind_fronts(&root, &new));
    for (old, new) in old.libraries().into_iter().zip(new.libraries()) {
        assert!(!root.join(old.path()).exists(), "the stale front is removed");
        assert!(!root.diversions().contains(&diversion(old)), "{}", root.diversions());
        assert!(root.diversions().contains(&diversion(new)), "{}", root.diversions());
    }
    root.verify();

    root.rmcp("uninstall", &["--yes"], 0);
    assert_untouched(&root, &[&old, &new]);
    root.purge();
    assert_nothing_left(&root);
}

#[test]
fn after_packages_were_purged_neither_repair_nor_uninstall_leaves_anything() {
    let release = Release::new(&bookworm(), "5.2.3-1", false);
    for word in ["repair", "uninstall"] {
        let root = Root::new();
        root.install(&release);
        root.rmcp("install", &["--yes"], 0);
        root.purge();
        for library in release.libraries() {
            assert!(!root.join(library.saved()).exists(), "dpkg removes its own file");
            assert!(root.join(library.path()).exists(), "and not the front");
        }
        root.rmcp("status", &[], 1);
        root.rmcp(word, &["--yes"], 0);
        assert_nothing_left(&root);
        root.rmcp("status", &[], 0);
    }
}

#[test]
fn a_package_that_is_removed_and_comes_back_is_hooked_again_without_a_repair() {
    let release = Release::new(&bookworm(), "5.2.3-1", false);
    let root = Root::new();
    root.install(&release);
    root.rmcp("install", &["--yes"], 0);
    root.purge();
    root.install(&release);
    assert_hooked(&run(&root), &behind_fronts(&root, &release));
    root.rmcp("status", &[], 0);
    root.rmcp("uninstall", &["--yes"], 0);
    assert_untouched(&root, &[&release]);
}

#[test]
fn a_file_that_somebody_else_has_diverted_is_left_alone() {
    let release = Release::new(&bookworm(), "5.2.3-1", false);
    let root = Root::new();
    root.install(&release);
    let hip = Path::new("/").join(release.hip.path());
    let theirs = format!("{}\n{}.distrib\n:\n", hip.display(), hip.display());
    std::fs::write(root.join("var/lib/dpkg/diversions"), &theirs).expect("write");
    let before = root.snapshot();

    let plan = root.rmcp("install", &["--yes", "--json"], 0);
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let untouched = plan["untouched"].as_array().expect("an array");
    let it = untouched.iter().find(|it| it["path"] == root.join(release.hip.path()).to_str().expect("UTF-8"));
    let reason = it.unwrap_or_else(|| panic!("{plan}"))["reason"].as_str().expect("text");
    assert!(reason.contains("divert"), "{reason}");
    assert_eq!(bytes(root.join(release.hip.path())), bytes(&release.hip.file));
    assert_eq!(root.diversions(), diversion(&release.hsa) + &theirs);

    root.rmcp("uninstall", &["--yes"], 0);
    assert_same("installed and uninstalled", &before, &root.snapshot());
    assert_eq!(root.diversions(), theirs);
}
