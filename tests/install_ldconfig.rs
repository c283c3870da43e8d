//! `ldconfig`, which distributions run after every package: an installation changes nothing of what it finds, links or says.

#[path = "support/install/mod.rs"]
mod install;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use install::layouts::{Kind, Layout};
use support::generation::generations;
use support::{output, succeed};

/// What a run of `ldconfig` in a tree leaves behind, without the places of the tree.
#[derive(Debug, PartialEq, Eq)]
struct After {
    /// Names in the cache and the paths that they lead to, as `ldconfig -p` prints them.
    cache: BTreeSet<(String, String)>,
    /// Every symbolic link of the tree.
    links: BTreeSet<(PathBuf, PathBuf)>,
    /// Its complaints.
    said: String,
}

/// `ldconfig` works inside another root by chroot(2).
fn may_change_root() -> bool {
    let status = Command::new("chroot").args(["/", "/bin/true"]).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn ldconfig() -> Command {
    let places = ["/usr/sbin/ldconfig", "/sbin/ldconfig"];
    Command::new(places.into_iter().find(|path| Path::new(path).exists()).expect("ldconfig"))
}

fn run(tree: &Path) -> After {
    let output = succeed(ldconfig().arg("-r").arg(tree));
    // A warning names files with the tree's path or without it.
    let said = String::from_utf8(output.stderr).expect("UTF-8").replace(tree.to_str().expect("UTF-8"), "");
    let listing = succeed(ldconfig().arg("-r").arg(tree).arg("-p")).stdout;
    let listing = String::from_utf8(listing).expect("UTF-8");
    let entry = |line: &str| {
        let (name, path) = line.split_once(" => ")?;
        Some((name.trim().to_owned(), path.to_owned()))
    };
    let mut links = BTreeSet::new();
    let found = output_lines(Command::new("find").arg(tree).args(["-type", "l"]));
    for link in found.iter().map(PathBuf::from) {
        let to = std::fs::read_link(&link).expect("a link");
        links.insert((link.strip_prefix(tree).expect("in the tree").to_owned(), to));
    }
    After { cache: listing.lines().filter_map(entry).collect(), links, said }
}

fn output_lines(command: &mut Command) -> Vec<String> {
    String::from_utf8(succeed(command).stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[track_caller]
fn done(layout: &Layout, word: &str) {
    layout.rmcp(word, &["--yes"], 0);
}

/// The tree as it is when RMCP is never installed, and the tree under test, go through the same steps.
fn compare(kind: Kind) {
    if !may_change_root() {
        println!("skipped: ldconfig -r needs the right to change the root");
        return;
    }
    for generation in generations() {
        let mut layout = Layout::build(kind, &generation);
        let (mut stock, next) = (layout.twin(), layout.rebuilt());
        let name = layout.name();
        let expected = run(&stock.tree);
        let soname = generation.suite.hip_soname;
        assert!(
            expected.cache.iter().any(|(entry, _)| entry.starts_with(soname)),
            "{name}: ldconfig does not find {soname}: {expected:?}"
        );
        assert_eq!(run(&layout.tree), expected, "{name}: before");
        done(&layout, "install");
        assert_eq!(run(&layout.tree), expected, "{name}: installed");
        done(&layout, "uninstall");
        assert_eq!(run(&layout.tree), expected, "{name}: uninstalled");
        done(&layout, "install");
        assert_eq!(run(&layout.tree), expected, "{name}: installed again");

        stock.upgrade(&next);
        layout.upgrade(&next);
        let expected = run(&stock.tree);
        assert_eq!(run(&layout.tree), expected, "{name}: upgraded");
        done(&layout, "repair");
        assert_eq!(run(&layout.tree), expected, "{name}: repaired");
        done(&layout, "uninstall");
        assert_eq!(run(&layout.tree), expected, "{name}: upgraded and uninstalled");
    }
}

#[test]
fn ldconfig_finds_links_and_says_the_same_in_multiarch_directories() {
    compare(Kind::Multiarch);
}

#[test]
fn ldconfig_finds_links_and_says_the_same_in_opt_rocm() {
    compare(Kind::OptRocm);
}

#[test]
fn another_name_for_the_real_library_would_be_seen_by_ldconfig() {
    if !may_change_root() {
        println!("skipped: ldconfig -r needs the right to change the root");
        return;
    }
    // What the comparison is for: with the saved library under a name that begins with `lib`, ldconfig leads the SONAME to it.
    let generation = generations().remove(0);
    let layout = Layout::build(Kind::Multiarch, &generation);
    let expected = run(&layout.tree);
    let hip = layout.hip();
    let saved = hip.with_file_name(format!("{}.rmcp-real", hip.file_name().expect("a name").to_string_lossy()));
    std::fs::rename(&hip, &saved).expect("rename");
    let front = output(Command::new("cp").arg(&saved).arg(&hip));
    assert!(front.status.success());
    assert_ne!(run(&layout.tree).links, expected.links);
}
