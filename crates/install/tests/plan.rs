//! What is to be done about trees of AMD's real libraries.

mod plan_support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use plan_support::{amd, carry_out, copy, core, front, link, listing, plan, text, tree, write};
use rmcp_front::{CORE, Layer};
use rmcp_install::{Changed, Core, Error, Goal, Inventory, Owner, Plan, SAVED, Standing, Step, Target};

const HSA: &str = "libhsa-runtime64.so.1.5.0";
const HIP: &str = "libamdhip64.so.5.2.21153";
const MULTIARCH: &str = "usr/lib/x86_64-linux-gnu";

/// Both libraries and their links in the multiarch directory, both a package's.
fn multiarch(root: &Path) {
    let directory = root.join(MULTIARCH);
    copy(Layer::Hip, &directory.join(HIP));
    copy(Layer::Hsa, &directory.join(HSA));
    link(HIP, &directory.join("libamdhip64.so.5"));
    link("libamdhip64.so.5", &directory.join("libamdhip64.so"));
    link(HSA, &directory.join("libhsa-runtime64.so.1"));
    link("usr/lib", &root.join("lib"));
    for (package, file) in [("libamdhip64-5", HIP), ("libhsa-runtime64-1", HSA)] {
        let list = root.join(format!("var/lib/dpkg/info/{package}:amd64.list"));
        write(&list, format!("/.\n/usr\n/{MULTIARCH}\n/{MULTIARCH}/{file}\n"));
    }
}

/// A wheel with the libraries' names as PyTorch's newer wheels have them, without links.
fn torch(environment: &Path) {
    let packages = environment.join("lib/python3.11/site-packages");
    copy(Layer::Hip, &packages.join("torch/lib/libamdhip64.so"));
    copy(Layer::Hsa, &packages.join("torch/lib/libhsa-runtime64.so"));
    write(&environment.join("pyvenv.cfg"), "home = /usr/bin\ninclude-system-site-packages = false\n");
    let record = "torch/lib/libamdhip64.so,,\ntorch/lib/libhsa-runtime64.so,,\ntorch-2.4.dist-info/RECORD,,\n";
    write(&packages.join("torch-2.4.dist-info/RECORD"), record);
}

/// One HSA library below a prefix, and its directory.
fn prefix(tree: &Path) -> (Target, std::path::PathBuf) {
    let directory = tree.join("rocm/lib");
    copy(Layer::Hsa, &directory.join(HSA));
    (Target::prefix(&tree.join("rocm")).expect("a prefix"), directory)
}

fn broken(result: Result<Plan, Error>) -> String {
    match result {
        Err(Error::Broken(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

fn standing(target: &Target) -> Standing {
    let found = Inventory::take(target).expect("an inventory");
    found.copies.into_iter().next().expect("a copy").standing
}

#[test]
fn the_plan_for_a_multiarch_tree_is_as_it_was_read() {
    let (_guard, root) = tree();
    multiarch(&root);
    let target = Target::system(&root).expect("a system");
    let plan = plan(&target, Goal::Install, &core(&root.join("rmcp")), None);
    compare(&text(&plan, &root), "multiarch.txt");
    let after = plan.after.expect("a state");
    assert!(after.installed.iter().all(|front| front.diverted));
}

#[test]
fn the_plan_for_a_torch_wheel_is_as_it_was_read() {
    let (_guard, root) = tree();
    torch(&root.join("venv"));
    let target = Target::python(&root.join("venv")).expect("an environment");
    let plan = plan(&target, Goal::Install, &core(&root.join("rmcp")), None);
    compare(&text(&plan, &root), "torch.txt");
    let record = root.join("venv/lib/python3.11/site-packages/torch-2.4.dist-info/RECORD").metadata().expect("RECORD");
    let time = (record.mtime(), record.mtime_nsec());
    let times: Vec<_> = plan.steps.iter().filter_map(mtime_of).collect();
    assert_eq!(times, [time], "RECORD, and no other new file, has the time of the old one");
}

/// The time that a new file is to have.
fn mtime_of(step: &Step) -> Option<(i64, i64)> {
    match step {
        Step::Create { attributes, .. } => attributes.mtime,
        _ => None,
    }
}

/// With RMCP_BLESS=1 the file is written instead.
fn compare(text: &str, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan_support").join(name);
    if std::env::var_os("RMCP_BLESS").is_some() {
        fs::write(&path, text).expect("write");
    }
    assert_eq!(text, fs::read_to_string(&path).expect("a golden text"));
}

#[test]
fn install_and_uninstall_give_the_tree_back_and_a_second_time_does_nothing() {
    let (_guard, root) = tree();
    multiarch(&root.join("system"));
    torch(&root.join("venv"));
    let core = core(&root.join("rmcp"));
    let system = || Target::system(&root.join("system")).expect("a system");
    let python = || Target::python(&root.join("venv")).expect("an environment");
    for target in [&system as &dyn Fn() -> Target, &python] {
        let before = listing(&root);
        let install = plan(&target(), Goal::Install, &core, None);
        carry_out(&install.steps);
        let state = install.after.expect("a state");
        let found = Inventory::take(&target()).expect("an inventory");
        let fronts =
            found.copies.iter().filter(|copy| matches!(copy.standing, Standing::Front { core_found: true, .. }));
        assert_eq!((fronts.count(), state.installed.len()), (2, 2));
        // dpkg was not told: that is the engine's business.
        for goal in [Goal::Install, Goal::Repair] {
            let again = plan(&target(), goal, &core, Some(&state));
            let others = again.steps.iter().filter(|step| !matches!(step, Step::Divert { .. }));
            assert_eq!(others.count(), 0, "{again:?}");
            assert_eq!(again.after.as_ref(), Some(&state));
        }
        let uninstall = plan(&target(), Goal::Uninstall, &core, Some(&state));
        assert_eq!(uninstall.after, None);
        carry_out(&uninstall.steps);
        assert_eq!(listing(&root), before);
        assert!(plan(&target(), Goal::Uninstall, &core, None).is_empty());
    }
}

#[test]
fn repair_of_a_tree_without_anything_of_ours_does_nothing() {
    let (_guard, root) = tree();
    let (target, _) = prefix(&root);
    let plan = plan(&target, Goal::Repair, &core(&root), None);
    assert!(plan.is_empty() && plan.changes.is_empty() && plan.after.is_none(), "{plan:?}");
}

#[test]
fn nothing_to_install_is_an_error_that_names_where_was_looked_and_why_files_do_not_count() {
    let (_guard, root) = tree();
    let target = {
        write(&root.join("rocm/lib/libamdhip64.so.5"), "text");
        Target::prefix(&root.join("rocm")).expect("a prefix")
    };
    let found = Inventory::take(&target).expect("an inventory");
    let sentence = broken(Plan::make(&target, &found, Goal::Install, Some(&core(&root)), None));
    assert!(sentence.contains("rocm/lib") && sentence.contains("it is not an ELF file"), "{sentence}");
    let empty = Target::prefix(&root.join("rocm/lib")).expect("a prefix");
    let sentence = broken(Plan::make(&empty, &Inventory::default(), Goal::Install, Some(&core(&root)), None));
    assert!(sentence.contains("rocm/lib"), "{sentence}");
}

#[test]
fn an_install_without_a_core_is_an_error() {
    let (_guard, root) = tree();
    let (target, _) = prefix(&root);
    let found = Inventory::take(&target).expect("an inventory");
    assert!(broken(Plan::make(&target, &found, Goal::Install, None, None)).contains(CORE));
}

#[test]
fn a_core_that_was_changed_since_it_was_read_is_refused() {
    let (_guard, root) = tree();
    let (target, _) = prefix(&root);
    let core = core(&root);
    write(&core.path, "another");
    let found = Inventory::take(&target).expect("an inventory");
    let plan = Plan::make(&target, &found, Goal::Install, Some(&core), None);
    assert!(matches!(plan, Err(Error::Refused(_))), "{plan:?}");
}

#[test]
fn an_upgrade_over_a_front_is_fronted_and_the_older_library_removed() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let core = core(&root);
    carry_out(&plan(&target, Goal::Install, &core, None).steps);
    // Another file takes the name, as pip and tar do it.
    fs::remove_file(directory.join(HSA)).expect("remove");
    copy(Layer::Hsa, &directory.join(HSA));
    let upgraded = listing(&directory);
    assert!(matches!(standing(&target), Standing::Replaced { .. }));
    let repair = plan(&target, Goal::Repair, &core, None);
    let kinds: Vec<Changed> = repair.changes.iter().map(|change| change.becomes).collect();
    assert_eq!(kinds, [Changed::Removed, Changed::Fronted]);
    carry_out(&repair.steps);
    assert!(matches!(standing(&target), Standing::Front { .. }));
    assert_eq!(listing(&directory).len(), upgraded.len());

    fs::remove_file(directory.join(HSA)).expect("remove");
    copy(Layer::Hsa, &directory.join(HSA));
    carry_out(&plan(&target, Goal::Uninstall, &core, None).steps);
    assert_eq!(listing(&directory).len(), 1);
    assert!(matches!(standing(&target), Standing::Real { .. }));
}

#[test]
fn a_name_that_is_gone_comes_back_from_the_saved_library() {
    for goal in [Goal::Repair, Goal::Install, Goal::Uninstall] {
        let (_guard, root) = tree();
        let (target, directory) = prefix(&root);
        let before = listing(&directory);
        let core = core(&root);
        carry_out(&plan(&target, Goal::Install, &core, None).steps);
        let installed = listing(&directory);
        fs::remove_file(directory.join(HSA)).expect("remove");
        assert!(matches!(standing(&target), Standing::Missing { .. }));
        carry_out(&plan(&target, goal, &core, None).steps);
        assert_eq!(listing(&directory), if goal == Goal::Uninstall { before } else { installed });
    }
}

#[test]
fn a_front_without_its_library_is_removed_with_its_core() {
    for goal in [Goal::Repair, Goal::Install, Goal::Uninstall] {
        let (_guard, root) = tree();
        let (target, directory) = prefix(&root);
        let core = core(&root);
        carry_out(&plan(&target, Goal::Install, &core, None).steps);
        fs::remove_file(directory.join(format!("{SAVED}{HSA}"))).expect("remove");
        assert_eq!(standing(&target), Standing::Orphan);
        let plan = plan(&target, goal, &core, None);
        assert_eq!(plan.after, None);
        carry_out(&plan.steps);
        assert!(listing(&directory).is_empty(), "{:?}", listing(&directory));
    }
}

#[test]
fn a_front_of_another_core_or_another_library_is_made_again_and_the_old_core_removed() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let old = core(&root.join("old"));
    carry_out(&plan(&target, Goal::Install, &old, None).steps);
    let new = Core { version: "10.0.0".to_owned(), ..core(&root.join("new")) };
    let update = plan(&target, Goal::Repair, &new, None);
    let renewed = update.changes.iter().find(|change| change.becomes == Changed::Renewed).expect("renewed");
    assert!(renewed.detail.contains(&new.directory()), "{renewed:?}");
    carry_out(&update.steps);
    assert!(!directory.join(old.directory()).exists() && directory.join(new.directory()).join(CORE).exists());
    // dpkg puts an upgrade under the saved name. Another build-id makes another library of it.
    let saved = directory.join(format!("{SAVED}{HSA}"));
    let mut bytes = fs::read(&saved).expect("read");
    let id = Standing::clone(&standing(&target));
    let Standing::Front { made_for, .. } = id else { panic!("{id:?}") };
    let digits: Vec<u8> =
        (0..made_for.len() / 2).map(|at| u8::from_str_radix(&made_for[2 * at..][..2], 16).expect("hex")).collect();
    let at = bytes.windows(digits.len()).position(|window| window == digits).expect("the build-id");
    bytes[at] ^= 1;
    fs::write(&saved, bytes).expect("write");
    let upgrade = plan(&target, Goal::Repair, &new, None);
    assert!(upgrade.changes[0].detail.contains("another than the front was made for"), "{upgrade:?}");
    carry_out(&upgrade.steps);
    assert!(plan(&target, Goal::Repair, &new, upgrade.after.as_ref()).is_empty());
}

#[test]
fn a_lost_manifest_is_written_again_and_nothing_else() {
    let (_guard, root) = tree();
    let (target, _directory) = prefix(&root);
    let core = core(&root);
    let install = plan(&target, Goal::Install, &core, None);
    carry_out(&install.steps);
    let repair = plan(&target, Goal::Repair, &core, None);
    assert_eq!((repair.steps.len(), &repair.after), (0, &install.after));
    let changes: Vec<_> = repair.changes.iter().map(|change| (&change.path, change.becomes)).collect();
    assert_eq!(changes, [(&target.state.join("state.json"), Changed::Updated)]);
}

#[test]
fn a_core_that_is_damaged_or_gone_is_put_back() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let core = core(&root);
    carry_out(&plan(&target, Goal::Install, &core, None).steps);
    let installed = listing(&directory);
    let file = directory.join(core.directory()).join(CORE);
    let damages: [&dyn Fn() -> std::io::Result<()>; 3] =
        [&|| fs::write(&file, "damaged"), &|| fs::remove_file(&file), &|| {
            fs::remove_dir_all(directory.join(core.directory()))
        }];
    for damage in damages {
        damage().expect("damage");
        carry_out(&plan(&target, Goal::Repair, &core, None).steps);
        assert_eq!(listing(&directory), installed);
    }
}

#[test]
fn temporary_files_without_a_journal_are_removed_and_nothing_is_installed_for_them() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let before = listing(&directory);
    write(&directory.join(".rmcp-new-4-libhsa-runtime64.so.1.5.0"), "half");
    let repair = plan(&target, Goal::Repair, &core(&root), None);
    assert_eq!(repair.after, None);
    carry_out(&repair.steps);
    assert_eq!(listing(&directory), before);
}

#[test]
fn the_core_of_a_front_that_is_left_alone_stays() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let core = core(&root);
    carry_out(&plan(&target, Goal::Install, &core, None).steps);
    write(&directory.join(format!("{SAVED}{HSA}")), "broken");
    let installed = listing(&directory);
    let uninstall = plan(&target, Goal::Uninstall, &core, None);
    assert!(uninstall.is_empty(), "{uninstall:?}");
    assert_eq!(uninstall.untouched.len(), 2);
    assert_eq!(listing(&directory), installed);
}

/// AMD's library without section headers: its exports cannot be read, though its segments are whole.
fn without_sections() -> Vec<u8> {
    let mut bytes = fs::read(amd(Layer::Hsa)).expect("read");
    // e_shoff, e_shnum, e_shstrndx
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    bytes
}

#[test]
fn a_library_that_no_front_can_stand_for_is_left_alone_with_a_reason() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    write(&directory.join("libhsa-runtime64.so.1.6.0"), without_sections());
    let install = plan(&target, Goal::Install, &core(&root), None);
    let left: Vec<&Path> = install.untouched.iter().map(|file| file.path.as_path()).collect();
    assert_eq!(left, [directory.join("libhsa-runtime64.so.1.6.0")]);
    assert_eq!(install.after.expect("a state").installed.len(), 1);
    fs::remove_file(directory.join(HSA)).expect("remove");
    let found = Inventory::take(&target).expect("an inventory");
    let sentence = broken(Plan::make(&target, &found, Goal::Install, Some(&core(&root)), None));
    assert!(sentence.contains("libhsa-runtime64.so.1.6.0"), "{sentence}");
}

#[test]
fn a_front_whose_new_library_can_have_none_keeps_its_core_and_a_missing_name_comes_back_without_a_front() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let old = core(&root.join("old"));
    carry_out(&plan(&target, Goal::Install, &old, None).steps);
    write(&directory.join(format!("{SAVED}{HSA}")), without_sections());
    let new = Core { version: "10.0.0".to_owned(), ..core(&root.join("new")) };
    let repair = plan(&target, Goal::Repair, &new, None);
    assert!(repair.is_empty() && repair.untouched.len() == 1, "{repair:?}");
    fs::remove_file(directory.join(HSA)).expect("remove");
    carry_out(&plan(&target, Goal::Repair, &new, None).steps);
    assert_eq!(fs::read(directory.join(HSA)).expect("read"), without_sections());
    assert_eq!(listing(&directory).len(), 1);
}

#[test]
fn a_manifest_whose_fronts_are_all_gone_is_removed() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let core = core(&root);
    let state = plan(&target, Goal::Install, &core, None).after;
    fs::remove_file(directory.join(HSA)).expect("remove");
    for goal in [Goal::Repair, Goal::Uninstall] {
        let plan = plan(&target, goal, &core, state.as_ref());
        let manifest = target.state.join("state.json");
        assert!(plan.after.is_none() && plan.steps == [Step::CleanFile { path: manifest }], "{plan:?}");
    }
}

#[test]
fn a_path_that_a_search_path_cannot_hold_leaves_only_the_one_beside_the_front() {
    for (name, both) in [("plain", true), ("with:colon", false), ("with$dollar", false), ("with space é 'q'", true)] {
        let (_guard, root) = tree();
        let directory = root.join(name).join("lib");
        copy(Layer::Hsa, &directory.join(HSA));
        let target = Target::prefix(&root.join(name)).expect("a prefix");
        let core = core(&root);
        carry_out(&plan(&target, Goal::Install, &core, None).steps);
        let search = rmcp_front::Front::read(&directory.join(HSA)).expect("a front").search;
        let absolute = directory.join(core.directory()).to_string_lossy().into_owned();
        assert_eq!(search[0], format!("$ORIGIN/{}", core.directory()));
        assert_eq!(search.contains(&absolute), both, "{search:?}");
    }
}

#[test]
fn a_search_path_is_written_as_it_is_inside_the_root() {
    let (_guard, root) = tree();
    multiarch(&root);
    let target = Target::system(&root).expect("a system");
    let core = core(&root.join("rmcp"));
    carry_out(&plan(&target, Goal::Install, &core, None).steps);
    let search = rmcp_front::Front::read(&root.join(MULTIARCH).join(HSA)).expect("a front").search;
    assert!(search.contains(&format!("/{MULTIARCH}/{}", core.directory())), "{search:?}");
}

#[test]
fn two_of_one_soname_and_unmanaged_files_are_remarked_on() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    fs::hard_link(directory.join(HSA), directory.join("libhsa-runtime64-1a2b3c4d.so.1")).expect("link");
    fs::create_dir_all(root.join("var/lib/rpm")).expect("make");
    let plan = plan(&target, Goal::Install, &core(&root), None);
    assert!(plan.notes[0].contains("libhsa-runtime64.so.1 is there 2 times"), "{:?}", plan.notes);
    assert!(
        plan.notes[1].contains("nothing tells RMCP") && plan.notes[1].contains("rmcp repair --prefix"),
        "{:?}",
        plan.notes
    );
    // Each name has its own front and its own saved name of the same inode.
    carry_out(&plan.steps);
    let found = Inventory::take(&target).expect("an inventory");
    assert_eq!(found.copies.len(), 2);
    assert!(
        found
            .copies
            .iter()
            .all(|copy| copy.owner == Owner::Unmanaged && matches!(copy.standing, Standing::Front { .. }))
    );
}

#[test]
fn an_rpm_system_is_told_that_it_has_no_diversions() {
    let (_guard, root) = tree();
    copy(Layer::Hsa, &root.join("usr/lib64").join(HSA));
    fs::create_dir_all(root.join("usr/lib/sysimage/rpm")).expect("make");
    let target = Target::system(&root).expect("a system");
    let plan = plan(&target, Goal::Install, &core(&root.join("rmcp")), None);
    assert!(plan.notes.iter().any(|note| note.contains("rpm has no diversions")), "{:?}", plan.notes);
}

#[test]
fn a_diversion_of_ours_ends_with_the_front_or_when_its_files_are_gone() {
    let (_guard, root) = tree();
    multiarch(&root);
    let core = core(&root.join("rmcp"));
    let target = || Target::system(&root).expect("a system");
    carry_out(&plan(&target(), Goal::Install, &core, None).steps);
    let diversion = |file: &str| format!("/{MULTIARCH}/{file}\n/{MULTIARCH}/{SAVED}{file}\n:\n");
    write(&root.join("var/lib/dpkg/diversions"), diversion(HIP) + &diversion(HSA) + &diversion("libamdhip64.so.4.9"));
    let again = plan(&target(), Goal::Install, &core, None);
    let ended = |plan: &Plan| plan.steps.iter().filter(|step| matches!(step, Step::Undivert { .. })).count();
    assert_eq!((again.steps.len(), ended(&again)), (1, 1), "{again:?}");
    assert_eq!(ended(&plan(&target(), Goal::Uninstall, &core, None)), 3);
    // The package is gone, and the front is left.
    fs::remove_file(root.join(MULTIARCH).join(format!("{SAVED}{HSA}"))).expect("remove");
    fs::remove_file(root.join("var/lib/dpkg/info/libhsa-runtime64-1:amd64.list")).expect("remove");
    assert_eq!(ended(&plan(&target(), Goal::Repair, &core, None)), 2);
    write(&root.join("var/lib/dpkg/diversions"), format!("/{MULTIARCH}/{HIP}\n/elsewhere/{HIP}\nother\n"));
    let found = Inventory::take(&target()).expect("an inventory");
    assert!(found.ignored.iter().any(|file| file.reason.contains("for other")), "{:?}", found.ignored);
}

#[test]
fn a_front_made_by_hand_beside_a_saved_library_counts_as_installed() {
    let (_guard, root) = tree();
    let (target, directory) = prefix(&root);
    let before = listing(&directory);
    front(&directory.join(HSA), "rmcp-1.0.0-00000000");
    assert!(matches!(standing(&target), Standing::Front { core_found: false, .. }));
    carry_out(&plan(&target, Goal::Uninstall, &core(&root), None).steps);
    assert_eq!(listing(&directory), before);
}
