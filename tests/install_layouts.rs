//! RMCP installed in place into every layout in which AMD's libraries are found in the field, of every ROCm generation: used without `rmcp run`, moved, upgraded over,
//! repaired, and taken back without a trace.

#[path = "support/install/mod.rs"]
mod install;
mod support;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use install::layouts::{Kind, Layout, loaded, said};
use install::libraries::{build_id, saved};
use install::listing::{Entry, assert_same, differences, inodes, snapshot};
use rmcp_fixtures::HSA_SONAME;
use serde_json::Value;
use support::generation::generations;
use support::{Run, kernel_mtype, title};

#[track_caller]
fn done(layout: &Layout, word: &str) {
    layout.rmcp(word, &["--yes"], 0);
}

/// The page-table type of each call's memory.
#[track_caller]
fn memory(run: &Run) -> Vec<(String, String)> {
    run.calls
        .iter()
        .map(|call| {
            assert_eq!(call.code, 0, "{}: {}", title(call), said(run));
            (title(call), kernel_mtype(run, call))
        })
        .collect()
}

/// Default host memory is cached by the GPU only where RMCP asked for it; what the program said itself stays as it is.
fn expected_memory(default_host: &str) -> Vec<(String, String)> {
    [("hipMalloc(0x0)", "NC"), ("hipHostMalloc(0x0)", default_host), ("hipHostMalloc(0x2)", "UC")]
        .map(|(call, mtype)| (call.to_owned(), mtype.to_owned()))
        .into()
}

/// The program comes to the tree's own libraries, and nothing of RMCP's is in it.
#[track_caller]
fn runs_with_amds_libraries(layout: &Layout) {
    let run = layout.run();
    assert_eq!(memory(&run), expected_memory("UC"), "{}: {}", layout.name(), said(&run));
    assert_eq!(run.report, Value::Null, "{}", layout.name());
    let mut expected = vec![layout.hip(), layout.hsa()];
    expected.sort();
    assert_eq!(loaded(&run), expected, "{}", layout.name());
}

/// The program comes to the tree's fronts, these to the real libraries beside them, and the hooks see each call once.
#[track_caller]
fn runs_with_hooks(layout: &Layout) -> Run {
    let run = layout.run();
    has_hooks(layout, &run);
    run
}

#[track_caller]
fn has_hooks(layout: &Layout, run: &Run) {
    let about = format!("{}: {}", layout.name(), said(run));
    assert_eq!(memory(run), expected_memory("NC"), "{about}");
    let files = [layout.hip(), layout.hsa()];
    let mut expected: Vec<PathBuf> = files.iter().cloned().chain(files.iter().map(|file| saved(file))).collect();
    expected.sort();
    assert_eq!(loaded(run), expected, "{about}");

    let fronts = run.report["fronts"].as_array().unwrap_or_else(|| panic!("no fronts: {about}"));
    let sonames = [layout.generation.suite.hip_soname, HSA_SONAME];
    assert_eq!(fronts.len(), sonames.len(), "{fronts:?} {about}");
    for (file, soname) in files.iter().zip(sonames) {
        let front = fronts.iter().find(|front| front["soname"] == soname);
        let front = front.unwrap_or_else(|| panic!("no front of {soname}: {fronts:?} {about}"));
        let path = |field: &str| {
            let path = Path::new(front[field].as_str().expect("a path"));
            path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        };
        assert_eq!(path("front_path"), *file, "{about}");
        assert_eq!(path("real_path"), saved(file), "{about}");
        assert_eq!(front["build_id"], build_id(&saved(file)).as_str(), "{about}");
    }
    assert_eq!(run.report["warnings"], serde_json::json!([]), "{about}");
}

/// How often each function was recorded with which verdict.
fn decisions(run: &Run) -> BTreeMap<(String, String), usize> {
    let mut decisions = BTreeMap::new();
    for call in run.report["calls"].as_array().expect("calls") {
        *decisions.entry((call["call"].to_string(), call["verdict"].to_string())).or_default() += 1;
    }
    decisions
}

/// Inodes of AMD's files and whatever else a tree had: of the paths of `before`.
fn inodes_of<T>(layout: &Layout, before: &BTreeMap<PathBuf, T>) -> BTreeMap<PathBuf, u64> {
    let of_now = inodes(&layout.tree);
    before.keys().filter_map(|path| Some((path.clone(), *of_now.get(path)?))).collect()
}

/// RECORD gets lines and loses them: it is a new file each time, as pip writes it too.
fn without_lists(inodes: BTreeMap<PathBuf, u64>) -> BTreeMap<PathBuf, u64> {
    inodes.into_iter().filter(|(path, _)| !path.ends_with("RECORD")).collect()
}

/// The whole life of an installation in one layout of one generation, with an upgrade to `next` in its midst.
fn lives(mut layout: Layout, next: &Layout) {
    let name = layout.name();
    // A tree that never has RMCP in it.
    let mut twin = layout.twin();
    let (start, start_inodes) = (snapshot(&layout.tree), without_lists(inodes(&layout.tree)));
    let real_inodes: Vec<u64> = layout.libraries.iter().map(|file| start_inodes[file]).collect();
    runs_with_amds_libraries(&layout);

    // What would be done is shown, and nothing is done.
    layout.rmcp("install", &["--dry-run"], 0);
    layout.rmcp("install", &[], 4);
    assert_same(&format!("{name}: a plan"), &start, &snapshot(&layout.tree));

    done(&layout, "install");
    let installed = snapshot(&layout.tree);
    let installed_inodes = inodes(&layout.tree);
    for (file, inode) in layout.libraries.iter().zip(&real_inodes) {
        assert_ne!(installed_inodes[file], *inode, "{name}: {} is no front", file.display());
        assert_eq!(installed_inodes[&saved(file)], *inode, "{name}: {}", file.display());
        assert_eq!(installed[&saved(file)], start[file], "{name}: {}", file.display());
        // A front differs from the real library in contents and time alone.
        let attributes = |entry: &Entry| (entry.mode, entry.owner);
        assert_eq!(attributes(&installed[file]), attributes(&start[file]), "{name}: {}", file.display());
    }
    let in_place = runs_with_hooks(&layout);
    layout.rmcp("status", &[], 0);

    // Again: nothing to do.
    done(&layout, "install");
    done(&layout, "repair");
    assert_same(&format!("{name}: installed twice"), &installed, &snapshot(&layout.tree));
    assert_same(&format!("{name}: installed twice"), &installed_inodes, &inodes(&layout.tree));

    // `rmcp run` does not come in addition: each call is seen once.
    let by_rmcp = layout.run_by_rmcp();
    assert_eq!(memory(&by_rmcp), expected_memory("NC"), "{name}: {}", said(&by_rmcp));
    assert_eq!(decisions(&by_rmcp), decisions(&in_place), "{name}: {}", said(&by_rmcp));
    assert_eq!(by_rmcp.report["processes"].as_array().map(Vec::len), Some(1), "{name}");

    done(&layout, "uninstall");
    assert_same(&format!("{name}: uninstalled"), &start, &snapshot(&layout.tree));
    assert_same(&format!("{name}: uninstalled"), &start_inodes, &without_lists(inodes(&layout.tree)));

    // Installed again, and moved.
    done(&layout, "install");
    layout.relocate();
    runs_with_hooks(&layout);
    // Programs in secure execution need the absolute path, which is another now.
    done(&layout, "repair");
    layout.rmcp("status", &[], 0);

    // The manager puts new libraries over the fronts.
    twin.upgrade(next);
    layout.upgrade(next);
    let (upgraded, upgraded_inodes) = (snapshot(&twin.tree), without_lists(inodes_of(&layout, &start)));
    runs_with_amds_libraries(&layout);
    let status = layout.rmcp("status", &[], 1);
    for file in &layout.libraries {
        let file = file.file_name().expect("a name").to_str().expect("UTF-8");
        assert!(status.contains(file), "{name}: status does not name {file}:\n{status}");
    }

    done(&layout, "repair");
    layout.rmcp("status", &[], 0);
    for file in &layout.libraries {
        assert_eq!(inodes(&layout.tree)[&saved(file)], upgraded_inodes[file], "{name}: {}", file.display());
    }
    runs_with_hooks(&layout);

    done(&layout, "uninstall");
    assert_same(&format!("{name}: upgraded and uninstalled"), &upgraded, &snapshot(&layout.tree));
    let after = without_lists(inodes_of(&layout, &start));
    assert_same(&format!("{name}: upgraded and uninstalled"), &upgraded_inodes, &after);
    runs_with_amds_libraries(&layout);
    // Nothing is installed, and that is in order.
    done(&layout, "uninstall");
    assert_same(&format!("{name}: uninstalled twice"), &upgraded, &snapshot(&layout.tree));
}

fn lives_in_each_generation(kind: Kind) {
    for generation in generations() {
        let layout = Layout::build(kind, &generation);
        let next = layout.rebuilt();
        lives(layout, &next);
    }
}

#[test]
fn a_multiarch_system_lives_with_rmcp_and_is_given_back() {
    lives_in_each_generation(Kind::Multiarch);
}

#[test]
fn opt_rocm_lives_with_rmcp_and_is_given_back() {
    lives_in_each_generation(Kind::OptRocm);
}

#[test]
fn a_torch_wheel_with_hashed_names_lives_with_rmcp_and_is_given_back() {
    lives_in_each_generation(Kind::TorchHashed);
}

#[test]
fn a_torch_wheel_with_bare_names_lives_with_rmcp_and_is_given_back() {
    lives_in_each_generation(Kind::TorchBare);
}

#[test]
fn the_rocks_sdk_lives_with_rmcp_and_is_given_back() {
    lives_in_each_generation(Kind::TheRock);
}

#[test]
fn a_conda_environment_lives_with_rmcp_and_is_given_back_and_its_cache_is_never_touched() {
    // The cache is in the tree that is compared, with its inodes.
    lives_in_each_generation(Kind::Conda);
}

#[test]
fn tritons_own_copies_live_with_rmcp_and_are_given_back() {
    lives_in_each_generation(Kind::Triton);
}

#[test]
fn tritons_own_copies_are_left_to_it_by_rmcp_run_whatever_the_machine_has() {
    for generation in generations() {
        let layout = Layout::build(Kind::Triton, &generation);
        let run = layout.run_by_rmcp();
        // No front of the machine's libraries is in it, so nothing was changed.
        assert_eq!(memory(&run), expected_memory("UC"), "{}: {}", layout.name(), said(&run));
        assert_eq!(run.report["fronts"], serde_json::json!([]), "{}: {}", layout.name(), said(&run));
    }
}

#[test]
fn a_release_under_the_same_names_is_repaired_and_given_back() {
    let generations = generations();
    let of = |family: &str| generations.iter().find(|generation| generation.suite.hip_family == family);
    let (Some(old), Some(new)) = (of("5.2"), of("5.7")) else {
        println!("skipped: the releases that share libamdhip64.so.5 are not both there");
        return;
    };
    for kind in [Kind::TorchBare, Kind::TheRock] {
        lives(Layout::build(kind, old), &Layout::build(kind, new));
    }
}

/// All names of AMD's libraries in a tree whose manager renames them: the new ones, and the old ones without their files.
fn rename_upgrade(layout: &Layout) -> Vec<(PathBuf, PathBuf)> {
    let mut renamed = Vec::new();
    for file in &layout.libraries {
        let path = layout.tree.join(file);
        let name = file.file_name().expect("a name").to_str().expect("UTF-8");
        let new = path.with_file_name(format!("{name}1"));
        let source = if saved(&path).exists() { saved(&path) } else { path.clone() };
        std::fs::copy(&source, &new).expect("copy");
        std::fs::remove_file(&path).expect("remove");
        for entry in std::fs::read_dir(path.parent().expect("a parent")).expect("read") {
            let link = entry.expect("an entry").path();
            if std::fs::read_link(&link).is_ok_and(|to| to.as_os_str() == name) {
                std::fs::remove_file(&link).expect("remove");
                std::os::unix::fs::symlink(new.file_name().expect("a name"), &link).expect("link");
            }
        }
        renamed.push((path, new));
    }
    renamed
}

#[test]
fn an_upgrade_to_other_file_names_loses_nothing_of_amds() {
    let generations = generations();
    let generation = generations.last().expect("bookworm at least");
    let mut layout = Layout::build(Kind::Multiarch, generation);
    let start = snapshot(&layout.tree);
    done(&layout, "install");
    let renamed = rename_upgrade(&layout);
    let upgraded = snapshot(&layout.tree);
    layout.rmcp("status", &[], 1);
    for (field, (old, new)) in [&mut layout.hip, &mut layout.hsa].into_iter().zip(&renamed) {
        let relative = new.strip_prefix(&layout.tree).expect("in the tree").to_owned();
        assert!(!old.exists());
        *field = relative;
    }
    runs_with_amds_libraries(&layout);
    done(&layout, "repair");
    layout.rmcp("status", &[], 0);
    runs_with_hooks(&layout);
    done(&layout, "uninstall");
    let after = snapshot(&layout.tree);
    for (old, new) in &renamed {
        let relative = |path: &Path| path.strip_prefix(&layout.tree).expect("in the tree").to_owned();
        // The manager forgot the old file when it removed the front: what was AMD's has its own name again.
        assert_eq!(after.get(&relative(old)), start.get(&relative(old)));
        assert_eq!(after.get(&relative(new)), upgraded.get(&relative(new)));
    }
    let ours: Vec<&PathBuf> = after.keys().filter(|path| path.to_string_lossy().contains("rmcp")).collect();
    assert_eq!(ours, Vec::<&PathBuf>::new());
    runs_with_amds_libraries(&layout);
}

#[test]
fn a_prefix_is_installed_into_by_itself_and_given_back() {
    let generations = generations();
    let generation = generations.last().expect("bookworm at least");
    let mut layout = Layout::build(Kind::OptRocm, generation);
    let start = snapshot(&layout.tree);
    let prefix = layout.hip().parent().and_then(Path::parent).expect("the prefix").to_owned();
    layout.named_by(vec!["--prefix".into(), prefix.clone().into()]);
    done(&layout, "install");
    runs_with_hooks(&layout);
    let below: Vec<String> = differences(&start, &snapshot(&layout.tree));
    let relative = prefix.strip_prefix(&layout.tree).expect("in the tree").to_str().expect("UTF-8");
    assert!(below.iter().all(|line| line.starts_with(relative)), "{below:#?}");
    done(&layout, "uninstall");
    assert_same("a prefix", &start, &snapshot(&layout.tree));
}

#[test]
fn a_new_rocm_beside_the_old_one_gets_fronts_by_repair() {
    let generations = generations();
    let generation = generations.last().expect("bookworm at least");
    let mut layout = Layout::build(Kind::OptRocm, generation);
    let fresh = layout.rebuilt();
    done(&layout, "install");
    // AMD's installer unpacks it beside, and the alternative leads to it.
    let old = layout.hip().parent().and_then(Path::parent).expect("the prefix").to_owned();
    let new = old.with_file_name("rocm-99.1.0");
    let from = fresh.hip().parent().and_then(Path::parent).expect("the prefix").to_owned();
    support::succeed(std::process::Command::new("cp").arg("-a").arg(&from).arg(&new));
    let alternative = layout.tree.join("etc/alternatives/rocm");
    std::fs::remove_file(&alternative).expect("remove");
    std::os::unix::fs::symlink("/opt/rocm-99.1.0", &alternative).expect("link");
    let before = snapshot(&new);
    let status = layout.rmcp("status", &[], 1);
    assert!(status.contains("rocm-99.1.0"), "{status}");
    done(&layout, "repair");
    layout.rmcp("status", &[], 0);
    let moved = |file: &Path| {
        let name = file.file_name().expect("a name");
        Path::new("opt/rocm-99.1.0/lib").join(name)
    };
    runs_with_hooks(&layout);
    (layout.hip, layout.hsa) = (moved(&layout.hip), moved(&layout.hsa));
    layout.runs_program("opt/rocm-99.1.0/bin/hip_client");
    runs_with_hooks(&layout);
    done(&layout, "uninstall");
    assert_same("the new one", &before, &snapshot(&new));
}

/// The command and its core in a directory of their own: as another build of RMCP, with another digest.
fn another_build(directory: &Path) -> PathBuf {
    let rmcp = directory.join("rmcp");
    std::fs::copy(support::built("rmcp"), &rmcp).expect("copy");
    let mut core = std::fs::read(support::built("librmcp.so")).expect("read");
    core.extend_from_slice(b"another build");
    std::fs::write(directory.join("librmcp.so"), core).expect("write");
    std::fs::set_permissions(&rmcp, std::fs::Permissions::from_mode(0o755)).expect("mode");
    rmcp
}

/// Directories of cores in the tree's directory of libraries.
fn cores(layout: &Layout) -> Vec<String> {
    let directory = layout.hip().parent().expect("a directory").to_owned();
    let names = std::fs::read_dir(directory).expect("read").map(|entry| entry.expect("an entry"));
    let directories = names.filter(|entry| entry.file_type().expect("a type").is_dir());
    let names = directories.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("rmcp-")).collect()
}

#[test]
fn another_version_of_rmcp_renews_the_fronts_and_leaves_no_core_behind() {
    let generations = generations();
    let generation = generations.last().expect("bookworm at least");
    let layout = Layout::build(Kind::TorchBare, generation);
    let start = snapshot(&layout.tree);
    done(&layout, "install");
    let first = cores(&layout);
    assert_eq!(first.len(), 1, "{first:?}");

    let scratch = tempfile::tempdir().expect("a temporary directory");
    let other = another_build(scratch.path());
    // The core that the fronts use is there and works; what stands there is another version's.
    layout.by_other(&other, "install", &["--yes"], 0);
    let second = cores(&layout);
    assert_eq!(second.len(), 1, "{second:?}");
    assert_ne!(first, second);
    runs_with_hooks(&layout);

    // And back, by the first.
    done(&layout, "install");
    assert_eq!(cores(&layout), first);
    layout.by_other(&other, "uninstall", &["--yes"], 0);
    assert_same("two versions", &start, &snapshot(&layout.tree));
}

#[test]
fn a_snapshot_tells_every_kind_of_change() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("d")).expect("create");
    std::fs::write(path("d/f"), "one").expect("write");
    std::os::unix::fs::symlink("f", path("d/l")).expect("link");
    let time = std::fs::metadata(path("d/f")).expect("metadata").modified().expect("a time");
    let put_time_back = |name: &str| {
        std::fs::File::open(path(name)).and_then(|file| file.set_modified(time)).expect("set the time");
    };
    put_time_back("d");
    let start = snapshot(directory.path());
    let changed = |expected: &[&str]| {
        let differences = differences(&start, &snapshot(directory.path()));
        let paths: Vec<&str> = differences.iter().map(|text| text.split([' ', '\n']).next().expect("a path")).collect();
        assert_eq!(paths, expected, "{differences:#?}");
    };
    changed(&[]);
    std::fs::write(path("d/f"), "two").expect("write");
    put_time_back("d/f");
    changed(&["d/f"]);
    std::fs::write(path("d/f"), "one").expect("write");
    changed(&["d/f"]);
    put_time_back("d/f");
    changed(&[]);
    std::fs::set_permissions(path("d/f"), std::fs::Permissions::from_mode(0o600)).expect("mode");
    changed(&["d/f"]);
    std::fs::set_permissions(path("d/f"), std::fs::Permissions::from_mode(0o644)).expect("mode");
    std::fs::remove_file(path("d/l")).expect("remove");
    put_time_back("d");
    changed(&["d/l"]);
    std::os::unix::fs::symlink("g", path("d/l")).expect("link");
    put_time_back("d");
    changed(&["d/l"]);
    std::fs::write(path("d/new"), "").expect("write");
    changed(&["d", "d/l", "d/new"]);
}
