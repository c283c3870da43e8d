//! What is found in a directory: AMD's real libraries, fronts, what is saved beside them, and files that are none of these.

mod plan_support;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use plan_support::{amd, carry_out, copy, core, front, link, listing, plan, tree, write};
use proptest::prelude::*;
use rmcp_front::{CORE, Layer, Library, Options, build, elf};
use rmcp_install::{Copy, Core, Error, Goal, Ignored, Inventory, Owner, SAVED, Standing, Target};

const NAME: &str = "libhsa-runtime64.so.1.5.0";
const SONAME: &str = "libhsa-runtime64.so.1";
const CORE_DIRECTORY: &str = "rmcp-1.0.0-0123abcd";

/// A prefix and its directory of libraries.
struct Place {
    _guard: tempfile::TempDir,
    root: PathBuf,
    directory: PathBuf,
}

impl Place {
    fn new() -> Self {
        let (guard, root) = tree();
        let directory = root.join("rocm/lib");
        fs::create_dir_all(&directory).expect("make directories");
        Self { _guard: guard, root, directory }
    }

    fn with_library() -> Self {
        let place = Self::new();
        copy(Layer::Hsa, &place.at(NAME));
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn target(&self) -> Target {
        Target::prefix(&self.root.join("rocm")).expect("a prefix")
    }

    fn take(&self) -> Inventory {
        Inventory::take(&self.target()).expect("an inventory")
    }

    /// The only copy.
    fn copy(&self) -> Copy {
        let found = self.take();
        assert!(found.ignored.is_empty() && found.copies.len() == 1, "{found:?}");
        found.copies.into_iter().next().expect("a copy")
    }

    /// What is ignored, where nothing else is found.
    fn ignored(&self) -> Vec<Ignored> {
        let found = self.take();
        assert!(found.copies.is_empty(), "{found:?}");
        found.ignored
    }
}

fn saved(name: &str) -> String {
    format!("{SAVED}{name}")
}

/// The bytes of AMD's HSA library.
fn library() -> Vec<u8> {
    fs::read(amd(Layer::Hsa)).expect("read")
}

/// AMD's HSA library with another SONAME of the same length.
fn with_soname(soname: &str) -> Vec<u8> {
    assert_eq!(soname.len(), SONAME.len());
    let mut bytes = library();
    let wanted = [b"\0", SONAME.as_bytes(), b"\0"].concat();
    let places: Vec<usize> = (0..bytes.len() - wanted.len()).filter(|at| bytes[*at..].starts_with(&wanted)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at + 1..][..soname.len()].copy_from_slice(soname.as_bytes());
    }
    bytes
}

#[test]
fn a_library_is_found_by_its_soname_whatever_its_file_is_called() {
    for name in [NAME, "libhsa-runtime64-1a2b3c4d.so.1", "libhsa-runtime64.so", "libodd name é.so.9", "x.so"] {
        let place = Place::new();
        copy(Layer::Hsa, &place.at(name));
        let copy = place.copy();
        assert_eq!((&copy.path, copy.soname.as_str()), (&place.at(name), SONAME));
        let Standing::Real { real } = copy.standing else { panic!("{:?}", copy.standing) };
        assert_eq!((real.path, real.size), (place.at(name), library().len() as u64));
        assert_eq!(real.build_id, Library::read(&amd(Layer::Hsa)).expect("a library").build_id);
        assert_eq!(copy.owner, Owner::Unmanaged);
    }
}

#[test]
fn another_library_under_the_name_of_amds_is_left_alone_and_others_are_not_mentioned() {
    let place = Place::new();
    for name in [NAME, "libother.so.1"] {
        write(&place.at(name), with_soname("libother-runtime.so.1"));
    }
    let ignored = place.ignored();
    assert_eq!(ignored.len(), 1);
    assert_eq!(
        (&ignored[0].path, ignored[0].reason.as_str()),
        (&place.at(NAME), "its SONAME is \"libother-runtime.so.1\"")
    );
}

#[test]
fn links_are_noted_with_the_library_that_they_lead_to() {
    let place = Place::with_library();
    let hip = place.root.join("rocm/hip/lib");
    link(NAME, &place.at(SONAME));
    link(SONAME, &place.at("libhsa-runtime64.so"));
    link(&format!("../../lib/{SONAME}"), &hip.join(SONAME));
    let links = place.copy().links;
    assert_eq!(links, [place.at("libhsa-runtime64.so"), place.at(SONAME), hip.join(SONAME)]);
}

#[test]
fn links_that_lead_nowhere_outside_or_in_a_circle_are_ignored_with_the_reason() {
    let place = Place::new();
    copy(Layer::Hsa, &place.root.join("outside").join(NAME));
    for (to, reason) in [
        (NAME.to_owned(), "is not there"),
        (format!("../../outside/{NAME}"), "outside of what is looked at; use --system or --prefix"),
        ("libhsa-runtime64.so".to_owned(), "where it leads to cannot be seen"),
    ] {
        link(&to, &place.at("libhsa-runtime64.so"));
        let ignored = place.ignored();
        assert_eq!(ignored.len(), 1);
        assert!(ignored[0].reason.contains(reason), "{ignored:?}");
        fs::remove_file(place.at("libhsa-runtime64.so")).expect("remove");
    }
}

#[test]
fn hard_links_of_one_library_are_two_copies() {
    let place = Place::with_library();
    fs::hard_link(place.at(NAME), place.at("libhsa-runtime64.so.1.5.0.copy")).expect("link");
    assert_eq!(place.take().copies.len(), 2);
}

#[test]
fn a_front_says_what_it_was_made_for_and_whether_its_core_is_there() {
    let place = Place::with_library();
    let build_id = Library::read(&place.at(NAME)).expect("a library").build_id;
    front(&place.at(NAME), CORE_DIRECTORY);
    link(NAME, &place.at(SONAME));
    for found in [false, true] {
        let copy = place.copy();
        assert_eq!((copy.soname.as_str(), copy.links.len()), (SONAME, 1));
        let Standing::Front { real, made_for, core, core_found, moved } = copy.standing else {
            panic!("{:?}", copy.standing)
        };
        assert_eq!((made_for.as_str(), core.as_str(), core_found), (build_id.as_str(), CORE_DIRECTORY, found));
        assert!(!moved);
        assert_eq!((real.path, real.build_id), (place.at(&saved(NAME)), build_id.clone()));
        write(&place.at(CORE_DIRECTORY).join(CORE), "a core");
    }
    fs::remove_file(place.at(CORE_DIRECTORY).join(CORE)).expect("remove");
    let cores = place.take().cores;
    assert_eq!((cores.len(), cores[0].sha256.as_str()), (1, ""));
}

#[test]
fn a_front_was_moved_where_its_path_inside_of_the_root_is_another() {
    let place = Place::new();
    let system = place.root.join("system");
    copy(Layer::Hsa, &system.join("usr/lib/x86_64-linux-gnu").join(NAME));
    let core = core(&place.root.join("rmcp"));
    let (at, under) =
        (|root: &Path| Target::system(root).expect("a system"), |path: &Path| Target::prefix(path).expect("a prefix"));
    let moved = |target: &Target| match &Inventory::take(target).expect("an inventory").copies[..] {
        [Copy { standing: Standing::Front { moved, core_found: true, .. }, .. }] => *moved,
        found => panic!("{found:?}"),
    };
    carry_out(&plan(&at(&system), Goal::Install, &core, None).steps);
    assert!(!moved(&at(&system)));
    let elsewhere = place.root.join("elsewhere");
    fs::rename(&system, &elsewhere).expect("move");
    assert!(!moved(&at(&elsewhere)), "a system that is moved as a whole is the same for those in it");
    assert!(moved(&under(&elsewhere.join("usr"))), "for those outside of it its paths are others");
    fs::rename(elsewhere.join("usr/lib/x86_64-linux-gnu"), elsewhere.join("usr/lib64")).expect("move");
    assert!(moved(&at(&elsewhere)));
}

#[test]
fn what_is_gone_or_was_replaced_is_told_apart() {
    let place = Place::with_library();
    front(&place.at(NAME), CORE_DIRECTORY);
    fs::rename(place.at(NAME), place.root.join("front")).expect("rename");
    link(NAME, &place.at(SONAME));
    let copy_ = place.copy();
    assert!(matches!(copy_.standing, Standing::Missing { .. }) && copy_.links == [place.at(SONAME)], "{copy_:?}");
    copy(Layer::Hsa, &place.at(NAME));
    assert!(matches!(place.copy().standing, Standing::Replaced { .. }));
    fs::rename(place.root.join("front"), place.at(NAME)).expect("rename");
    fs::remove_file(place.at(&saved(NAME))).expect("remove");
    assert_eq!(place.copy().standing, Standing::Orphan);
}

/// Files that cannot have a front, and why.
fn unfit() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let changed = |at: usize, value: u8| {
        let mut bytes = library();
        bytes[at] = value;
        bytes
    };
    vec![
        ("empty", Vec::new(), "it is empty"),
        ("text", b"INPUT(libhsa-runtime64.so.1)\n".to_vec(), "it is not an ELF file"),
        ("archive", b"!<arch>\n".to_vec(), "it is not an ELF file"),
        ("truncated", library()[..100_000].to_vec(), "it is truncated"),
        ("32-bit", changed(4, 1), "it is not a 64-bit x86-64 shared library"),
        ("another machine", changed(18, 0xb7), "it is not a 64-bit x86-64 shared library"),
        ("a static program", changed(16, 2), "it is not a 64-bit x86-64 shared library"),
    ]
}

#[test]
fn a_file_that_cannot_have_a_front_is_ignored_with_the_reason_and_stays_as_it_is() {
    for (what, bytes, reason) in unfit() {
        let place = Place::new();
        write(&place.at(NAME), bytes);
        let before = listing(&place.root);
        let ignored = place.ignored();
        assert!(ignored.len() == 1 && ignored[0].reason.contains(reason), "{what}: {ignored:?}");
        let core = core(&place.root.join("rmcp"));
        let refused = rmcp_install::Plan::make(&place.target(), &place.take(), Goal::Install, Some(&core), None);
        assert!(matches!(refused, Err(Error::Broken(sentence)) if sentence.contains(reason)), "{what}");
        fs::remove_dir_all(place.root.join("rmcp")).expect("remove");
        assert_eq!(listing(&place.root), before);
    }
}

#[test]
fn a_fifo_a_directory_and_a_name_that_is_not_utf_8_are_ignored() {
    let place = Place::new();
    rustix::fs::mknodat(rustix::fs::CWD, place.at("libamdhip64.so.4"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("a FIFO");
    fs::create_dir(place.at("libamdhip64.so.5")).expect("make");
    copy(Layer::Hsa, &place.at("odd").with_file_name(std::ffi::OsStr::from_bytes(b"libodd\xff.so")));
    let reasons: Vec<String> = place.ignored().into_iter().map(|file| file.reason).collect();
    assert_eq!(
        reasons,
        ["its name is not UTF-8; give it another one", "it is not a regular file", "it is not a regular file"]
    );
}

#[test]
fn a_file_that_may_not_be_read_is_ignored() {
    let place = Place::with_library();
    fs::set_permissions(place.at(NAME), std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("mode");
    if fs::File::open(place.at(NAME)).is_ok() {
        println!("skipped: this user may read any file");
        return;
    }
    assert!(place.ignored()[0].reason.contains("it cannot be read"));
}

#[test]
fn a_saved_file_that_is_not_the_fronts_library_is_ignored_with_the_front_and_nothing_is_planned() {
    let other = with_soname("libamdhip64-other.so.");
    let front_bytes = {
        let place = Place::with_library();
        front(&place.at(NAME), CORE_DIRECTORY);
        fs::read(place.at(NAME)).expect("read")
    };
    let mut cases: Vec<(&str, Vec<u8>)> = unfit().into_iter().map(|(what, bytes, _)| (what, bytes)).collect();
    cases.extend([("another SONAME", other), ("a front", front_bytes.clone())]);
    for (what, bytes) in cases {
        let place = Place::new();
        write(&place.at(NAME), &front_bytes);
        write(&place.at(&saved(NAME)), bytes);
        write(&place.at(CORE_DIRECTORY).join(CORE), "a core");
        let paths: Vec<PathBuf> = place.ignored().into_iter().map(|file| file.path).collect();
        assert_eq!(paths, [place.at(NAME), place.at(&saved(NAME))], "{what}");
        let core = core(&place.root.join("rmcp"));
        for goal in [Goal::Repair, Goal::Uninstall] {
            assert!(plan(&place.target(), goal, &core, None).is_empty(), "{what}");
        }
    }
}

#[test]
fn a_saved_file_in_the_way_of_a_library_is_ignored_with_it() {
    for (what, bytes, _) in unfit() {
        let place = Place::with_library();
        write(&place.at(&saved(NAME)), bytes);
        let ignored = place.ignored();
        assert!(ignored.len() == 2 && ignored[0].reason.contains("in the way"), "{what}: {ignored:?}");
    }
}

#[test]
fn a_saved_library_whose_name_is_taken_by_something_else_is_kept() {
    let takers: [&dyn Fn(&Path); 4] = [
        &|path| write(path, "text"),
        &|path| fs::create_dir(path).expect("make"),
        &|path| link("elsewhere", path),
        &|path| write(path, with_soname("libother-runtime.so.1")),
    ];
    for taker in takers {
        let place = Place::new();
        copy(Layer::Hsa, &place.at(&saved(NAME)));
        taker(&place.at(NAME));
        let ignored = place.ignored();
        assert!(ignored.iter().any(|file| file.path == place.at(&saved(NAME))), "{ignored:?}");
        let core = core(&place.root.join("rmcp"));
        assert!(plan(&place.target(), Goal::Uninstall, &core, None).is_empty());
    }
}

#[test]
fn a_front_that_was_put_there_by_hand_or_copied_to_another_name_is_ignored() {
    let place = Place::with_library();
    let library = Library::read(&amd(Layer::Hsa)).expect("a library");
    write(&place.at("libhsa-runtime64.so.1"), build(&library, &Options::default()));
    front(&place.at(NAME), CORE_DIRECTORY);
    fs::copy(place.at(NAME), place.at("libhsa-runtime64.so.copy")).expect("copy");
    let found = place.take();
    assert_eq!(found.copies.len(), 1, "{found:?}");
    let ignored: Vec<&PathBuf> = found.ignored.iter().map(|file| &file.path).collect();
    assert_eq!(ignored, [&place.at("libhsa-runtime64.so.1"), &place.at("libhsa-runtime64.so.copy")]);
    assert!(found.ignored.iter().all(|file| file.reason.contains("which this command did not put there")));
}

#[test]
fn an_installed_tree_is_not_fronted_again() {
    let place = Place::with_library();
    let core = core(&place.root.join("rmcp"));
    for _ in 0..2 {
        carry_out(&plan(&place.target(), Goal::Install, &core, None).steps);
    }
    assert_eq!(fs::read(place.at(&saved(NAME))).expect("read"), library());
    assert!(!place.at(&saved(&saved(NAME))).exists());
}

#[test]
fn a_damaged_front_is_ignored_and_not_taken_for_a_library() {
    let place = Place::with_library();
    front(&place.at(NAME), CORE_DIRECTORY);
    let mut bytes = fs::read(place.at(NAME)).expect("read");
    let magic = bytes.windows(8).position(|window| window == b"RCMF\x01\0\0\0").expect("the descriptor");
    bytes[magic] = 0;
    write(&place.at(NAME), bytes);
    let ignored = place.ignored();
    assert!(ignored[0].reason.contains("damaged front"), "{ignored:?}");
}

/// The front at `path` says that it is of another format.
fn of_another_format(path: &Path) {
    let mut bytes = fs::read(path).expect("read");
    let descriptor = bytes.windows(8).position(|window| window == b"RCMF\x01\0\0\0").expect("the descriptor");
    bytes[descriptor + 4] = 2;
    write(path, bytes);
}

#[test]
fn a_front_of_another_format_is_made_again_if_its_library_is_beside_it_and_left_alone_if_not() {
    let place = Place::with_library();
    front(&place.at(NAME), CORE_DIRECTORY);
    of_another_format(&place.at(NAME));
    let core = core(&place.root.join("rmcp"));
    let repair = plan(&place.target(), Goal::Repair, &core, None);
    assert!(repair.changes.iter().any(|change| change.becomes == rmcp_install::Changed::Renewed), "{repair:?}");
    fs::remove_file(place.at(&saved(NAME))).expect("remove");
    assert!(place.ignored()[0].reason.contains("did not put there"));
}

#[test]
fn a_file_of_a_python_distribution_belongs_to_it() {
    let (_guard, root) = tree();
    let packages = root.join("lib/python3.11/site-packages");
    copy(Layer::Hsa, &packages.join("torch/lib/libhsa-runtime64.so"));
    write(&packages.join("torch-2.4.dist-info/RECORD"), "torch/lib/libhsa-runtime64.so,,\n");
    let found = Inventory::take(&Target::python(&root).expect("an environment")).expect("an inventory");
    let record = packages.join("torch-2.4.dist-info/RECORD");
    let path = "torch/lib/libhsa-runtime64.so".to_owned();
    assert_eq!(found.copies[0].owner, Owner::Wheel { record, path });
}

#[test]
fn the_only_name_of_a_library_is_no_stray_even_if_it_is_a_temporary_one() {
    let place = Place::new();
    let temporary = place.at(".rmcp-old-3-libhsa-runtime64.so.1");
    copy(Layer::Hsa, &temporary);
    assert!(place.take().strays.is_empty() && place.ignored()[0].reason.contains("under a temporary name"));
    fs::hard_link(&temporary, place.at(NAME)).expect("link");
    assert_eq!(place.take().strays, [temporary]);
}

#[test]
fn temporary_files_and_core_directories_are_known_by_their_names() {
    let place = Place::new();
    for name in [".rmcp-new-3-libamdhip64.so.5", ".rmcp-old-3-libamdhip64.so.5", ".rmcp-other", "rmcp-1.0.0-0123abcd"] {
        write(&place.at(name), "");
    }
    for name in ["rmcp-1.0.0-rc1-0123abcd", "rmcp-1.0.0-0123abc", "rmcp-tools-0123abcd", "rmcp-1.0.0-0123ABCD"] {
        fs::create_dir(place.at(name)).expect("make");
    }
    let found = place.take();
    assert_eq!(found.strays, [place.at(".rmcp-new-3-libamdhip64.so.5"), place.at(".rmcp-old-3-libamdhip64.so.5")]);
    let cores: Vec<&PathBuf> = found.cores.iter().map(|core| &core.path).collect();
    assert_eq!(cores, [&place.at("rmcp-1.0.0-rc1-0123abcd")]);
}

#[test]
fn a_core_is_a_library_with_its_soname_and_its_entry_and_nothing_else() {
    let (_guard, root) = tree();
    let compile = |soname: &str, function: &str| {
        let (source, library) = (root.join("core.c"), root.join("librmcp.so"));
        write(&source, format!("void {function}(void) {{}}\n"));
        let output = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", &format!("-Wl,-soname,{soname}"), "-o"])
            .args([&library, &source])
            .output()
            .expect("a C compiler");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    };
    let core = Core::read(&compile(CORE, "rmcp_front_attach")).expect("a core");
    assert_eq!(core.directory(), format!("rmcp-{}-{}", core.version, &core.sha256[..8]));
    assert_eq!((core.version.as_str(), core.sha256.len()), (env!("CARGO_PKG_VERSION"), 64));
    let sentence = |path: &Path| Core::read(path).expect_err("no core").to_string();
    assert!(sentence(&compile("libother.so", "rmcp_front_attach")).contains("its SONAME is \"libother.so\""));
    assert!(sentence(&compile(CORE, "other")).contains("does not export rmcp_front_attach"));
    assert!(sentence(&root.join("core.c")).contains("it is not an ELF file"));
    assert!(sentence(&root).contains("it is not a file"));
    assert!(sentence(&root.join("gone")).contains("gone"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever stands in a directory: no panic, and an uninstallation destroys nothing of AMD's.
    #[test]
    fn any_contents_are_judged(entries in prop::collection::vec((0usize..8, 0usize..9, any::<u16>()), 1..7)) {
        let place = Place::new();
        let names = [
            NAME, SONAME, "libhsa-runtime64.so", "rmcp-real-libhsa-runtime64.so.1.5.0", "rmcp-real-libhsa-runtime64.so.1",
            ".rmcp-new-1-libhsa-runtime64.so", CORE_DIRECTORY, "rmcp-real-x.so",
        ];
        for (name, kind, seed) in entries {
            let path = place.at(names[name]);
            if path.symlink_metadata().is_err() {
                stand(&path, kind, seed);
            }
        }
        let core = core(&place.root.join("rmcp"));
        let found = Inventory::take(&place.target()).expect("an inventory");
        for goal in [Goal::Install, Goal::Repair, Goal::Uninstall] {
            let plan = rmcp_install::Plan::make(&place.target(), &found, goal, Some(&core), None);
            prop_assert!(plan.is_ok() || goal == Goal::Install, "{plan:?}");
        }
        let libraries = |place: &Place| {
            let entries = fs::read_dir(&place.directory).expect("read").flatten();
            let amd = |bytes: &[u8]| elf::examine(bytes).is_ok_and(|l| !l.front && Layer::of(&l.soname).is_some());
            entries.filter(|entry| fs::read(entry.path()).is_ok_and(|bytes| amd(&bytes))).count()
        };
        let had = libraries(&place);
        carry_out(&plan(&place.target(), Goal::Uninstall, &core, None).steps);
        prop_assert!((had > 0) <= (libraries(&place) > 0));
        let after = plan(&place.target(), Goal::Uninstall, &core, None);
        prop_assert!(after.is_empty(), "{after:?}");
    }
}

/// Puts something of a kind at `path`.
fn stand(path: &Path, kind: usize, seed: u16) {
    match kind {
        0 => copy(Layer::Hsa, path),
        1 => write(path, "text"),
        2 => write(path, &library()[..usize::from(seed)]),
        3 => fs::create_dir(path).expect("make"),
        4 => link(if seed.is_multiple_of(2) { NAME } else { "libhsa-runtime64.so" }, path),
        5 => {
            let mut bytes = library();
            bytes[usize::from(seed) % 4096] ^= 1;
            write(path, bytes);
        }
        6 => write(&path.join(CORE), "a core"),
        _ => {
            let library = Library::read(&amd(Layer::Hsa)).expect("a library");
            let saved =
                if kind == 7 { saved(&path.file_name().expect("a name").to_string_lossy()) } else { saved(NAME) };
            let options = Options::beside(&library, &saved, &[format!("$ORIGIN/{CORE_DIRECTORY}")]);
            write(path, build(&library, &options));
        }
    }
}
