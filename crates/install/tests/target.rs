//! Which directories a target has: trees as systems, ROCm releases and Python environments lay them out.

mod plan_support;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use plan_support::{link, tree, write};
use proptest::prelude::*;
use rmcp_install::{Error, Kind, Target};

const PACKAGES: &str = "lib/python3.11/site-packages";

fn make(path: &Path) {
    fs::create_dir_all(path).expect("make directories");
}

/// The directories of a target, without the tree's path.
fn directories(target: &Target, tree: &Path) -> Vec<String> {
    target.directories.iter().map(|directory| below(&directory.path, tree)).collect()
}

fn below(path: &Path, tree: &Path) -> String {
    path.strip_prefix(tree).expect("below the tree").to_string_lossy().into_owned()
}

fn refused(result: Result<Target, Error>) -> String {
    match result {
        Err(Error::Refused(sentence) | Error::Broken(sentence)) => sentence,
        other => panic!("{other:?}"),
    }
}

/// A virtual environment with one directory of libraries.
fn venv(environment: &Path) {
    write(&environment.join("pyvenv.cfg"), "home = /usr/bin\n");
    make(&environment.join(PACKAGES).join("torch/lib"));
    link("/usr/bin/env", &environment.join("bin/python3"));
}

#[test]
fn a_system_has_the_loaders_directories_in_its_order_each_once_and_every_rocm() {
    let (_guard, root) = tree();
    for directory in ["usr/lib/x86_64-linux-gnu", "usr/lib64", "opt/rocm-6.4.3/lib", "opt/rocm-6.4.3/core-7.14/lib"] {
        make(&root.join(directory));
    }
    for directory in ["srv/first", "srv/second", "usr/local/lib", "opt/rocm-5.2.3/hip/lib"] {
        make(&root.join(directory));
    }
    for name in ["lib", "lib64"] {
        link(&format!("usr/{name}"), &root.join(name));
    }
    link("/etc/alternatives/rocm", &root.join("opt/rocm"));
    link("/opt/rocm-6.4.3", &root.join("etc/alternatives/rocm"));
    write(&root.join("etc/ld.so.conf"), "# comment\ninclude /etc/ld.so.conf.d/*.conf\n/srv/second # behind\n");
    write(&root.join("etc/ld.so.conf.d/a.conf"), "/srv/first\n/srv/gone\n");
    write(&root.join("etc/ld.so.conf.d/ignored.txt"), "/usr/local/lib\n");
    let target = Target::system(&root).expect("a system");
    assert_eq!(
        directories(&target, &root),
        [
            "srv/first",
            "srv/second",
            "usr/lib/x86_64-linux-gnu",
            "usr/lib64",
            "usr/lib",
            "usr/local/lib",
            "opt/rocm-6.4.3/lib",
            "opt/rocm-6.4.3/core-7.14/lib",
            "opt/rocm-5.2.3/hip/lib"
        ]
    );
    let also = |at: usize| target.directories[at].also.iter().map(|path| below(path, &root)).collect::<Vec<_>>();
    assert_eq!(also(2), ["lib/x86_64-linux-gnu"]);
    assert_eq!(also(6), ["opt/rocm/lib"]);
    assert_eq!((target.kind, &target.root, &target.base), (Kind::System, &root, &root));
    assert_eq!(target.state, root.join("var/lib/rmcp"));
    assert_eq!(target.inside(&root.join("opt/rocm")), Path::new("/opt/rocm"));
}

#[test]
fn no_link_leads_out_of_a_root_and_a_circle_of_links_is_remarked_on() {
    let (_guard, root) = tree();
    let inner = root.join("root");
    make(&root.join("outside/lib"));
    make(&inner.join("usr/lib64"));
    link("../../../../outside/lib", &inner.join("usr/lib"));
    link(&root.join("outside/lib").to_string_lossy(), &inner.join("lib"));
    link("/lib64", &inner.join("lib64"));
    write(&inner.join("etc/ld.so.conf"), "include /etc/ld.so.conf\n/../../outside/lib\n/usr/lib64\n");
    let target = Target::system(&inner).expect("a system");
    assert_eq!(directories(&target, &inner), ["usr/lib64"]);
    assert_eq!(target.notes.len(), 1, "{:?}", target.notes);
    assert!(target.notes[0].contains("lib64 was not looked at"), "{:?}", target.notes);
}

#[test]
fn the_state_of_a_root_is_inside_it_also_by_an_absolute_link() {
    let (_guard, root) = tree();
    make(&root.join("data/lib"));
    link("/data", &root.join("var"));
    assert_eq!(Target::system(&root).expect("a system").state, root.join("data/lib/rmcp"));
    std::fs::remove_dir_all(root.join("data")).expect("remove");
    std::fs::remove_file(root.join("var")).expect("remove");
    assert_eq!(Target::system(&root).expect("a system").state, root.join("var/lib/rmcp"));
}

#[test]
fn the_same_link_inside_the_root_is_followed_there() {
    let (_guard, root) = tree();
    make(&root.join("outside/lib"));
    link("../../../../outside/lib", &root.join("usr/lib"));
    let target = Target::system(&root).expect("a system");
    assert_eq!(directories(&target, &root), ["outside/lib"]);
}

#[test]
fn a_configuration_that_is_a_fifo_or_a_directory_is_not_read() {
    let (_guard, root) = tree();
    make(&root.join("usr/lib"));
    make(&root.join("etc/ld.so.conf.d/x.conf"));
    rustix::fs::mknodat(rustix::fs::CWD, root.join("etc/ld.so.conf"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("a FIFO");
    assert_eq!(directories(&Target::system(&root).expect("a system"), &root), ["usr/lib"]);
}

#[test]
fn a_prefix_has_the_directories_of_a_rocm_of_every_age() {
    let (_guard, root) = tree();
    let prefix = root.join("my rocm");
    for directory in ["lib/x86_64-linux-gnu", "hip/lib", "hsa/lib", "core-7.14/lib", "core-10.0/lib", "llvm/lib"] {
        make(&prefix.join(directory));
    }
    link("lib", &prefix.join("lib64"));
    let target = Target::prefix(&prefix).expect("a prefix");
    assert_eq!(
        directories(&target, &prefix),
        ["lib", "lib/x86_64-linux-gnu", "hip/lib", "hsa/lib", "core-10.0/lib", "core-7.14/lib"]
    );
    assert_eq!(target.state, prefix.join(".rmcp"));
    write(&prefix.join("libamdhip64.so.6"), "");
    let target = Target::prefix(&prefix).expect("a prefix");
    assert_eq!(target.directories.last().map(|directory| &directory.path), Some(&prefix));
}

#[test]
fn a_directory_that_leads_out_of_a_prefix_is_remarked_on_and_left() {
    let (_guard, root) = tree();
    make(&root.join("elsewhere"));
    link("../elsewhere", &root.join("rocm/lib"));
    let target = Target::prefix(&root.join("rocm")).expect("a prefix");
    assert!(target.directories.is_empty());
    assert!(target.notes[0].contains("outside of what was named"), "{:?}", target.notes);
}

#[test]
fn an_environment_is_found_by_its_directory_and_by_its_interpreter() {
    let (_guard, root) = tree();
    let environment = root.join("venv");
    venv(&environment);
    link("venv", &root.join("link to it"));
    for named in ["venv", "link to it", "venv/bin/python3", "link to it/bin/python3"] {
        let target = Target::python(&root.join(named)).expect("an environment");
        assert_eq!((target.kind, &target.base), (Kind::Python, &environment));
        assert_eq!(target.root, Path::new("/"));
        assert_eq!(target.state, environment.join(PACKAGES).join(".rmcp"));
        assert_eq!(directories(&target, &environment), [format!("{PACKAGES}/torch/lib")]);
        assert_eq!(target.directories[0].packages.as_deref(), Some(environment.join(PACKAGES).as_path()));
    }
}

#[test]
fn an_interpreter_outside_of_a_virtual_environment_is_followed_to_its_own() {
    let (_guard, root) = tree();
    let base = root.join("versions/3.11");
    make(&base.join(PACKAGES).join("torch/lib"));
    write(&base.join("bin/python3.11"), b"\x7fELF and so on");
    link("../versions/3.11/bin/python3.11", &root.join("bin/python"));
    assert_eq!(Target::python(&root.join("bin/python")).expect("an environment").base, base);
}

#[test]
fn a_shim_and_other_files_are_refused_with_the_way_out() {
    let (_guard, root) = tree();
    write(&root.join("bin/python"), "#!/usr/bin/env bash\nexec pyenv exec\n");
    write(&root.join("bin/text"), "text");
    for (name, reason) in [("python", "is a script"), ("text", "neither a directory nor a Python interpreter")] {
        let sentence = refused(Target::python(&root.join("bin").join(name)));
        assert!(sentence.contains(reason) && sentence.contains("sys.prefix"), "{sentence}");
    }
    assert!(refused(Target::python(&root)).contains("is no Python environment"));
    assert!(refused(Target::python(&root.join("gone"))).contains("gone"));
}

#[test]
fn every_layout_of_an_environment_has_its_packages() {
    for (layout, packages) in [
        ("debian", vec!["local/lib/python3.11/dist-packages", "lib/python3/dist-packages"]),
        ("fedora", vec!["lib64/python3.12/site-packages", "lib/python3.12/site-packages"]),
        ("two", vec!["lib/python3.13t/site-packages", "lib/python3.9/site-packages"]),
        ("pipx/venvs/name", vec!["lib/python3.12/site-packages"]),
        (".local", vec!["lib/python3.11/site-packages"]),
    ] {
        let (_guard, root) = tree();
        let environment = root.join(layout);
        packages.iter().for_each(|packages| make(&environment.join(packages).join("torch/lib")));
        let target = Target::python(&environment).expect("an environment");
        let expected: Vec<String> = packages.iter().map(|packages| format!("{packages}/torch/lib")).collect();
        assert_eq!(directories(&target, &environment), expected);
        assert_eq!(target.state, environment.join(packages[0]).join(".rmcp"));
    }
}

#[test]
fn known_directories_come_first_then_every_other_that_has_such_files_then_condas() {
    let (_guard, root) = tree();
    let environment = root.join("env");
    let packages = environment.join(PACKAGES);
    for directory in ["_rocm_sdk_core_7/lib", "_rocm_sdk_libraries_gfx1030/lib", "triton/backends/amd/lib", "torch/lib"]
    {
        make(&packages.join(directory));
    }
    write(&packages.join("cupy/.data/lib/libamdhip64-0a1b2c3d.so.5"), "");
    write(&packages.join("left/rmcp-real-libhsa-runtime64.so.1"), "");
    write(&packages.join("other/lib/libother.so.5"), "");
    write(&root.join("outside/libamdhip64.so.5"), "");
    link("../../../../outside", &packages.join("out"));
    link("torch/lib", &packages.join("also"));
    make(&environment.join("conda-meta"));
    let target = Target::python(&environment).expect("an environment");
    let expected = [
        "torch/lib",
        "triton/backends/amd/lib",
        "_rocm_sdk_core_7/lib",
        "_rocm_sdk_libraries_gfx1030/lib",
        "cupy/.data/lib",
        "left",
    ];
    let expected: Vec<String> =
        expected.iter().map(|name| format!("{PACKAGES}/{name}")).chain(["lib".into()]).collect();
    assert_eq!(directories(&target, &environment), expected);
    assert_eq!(target.directories[0].also, [packages.join("also")]);
    assert_eq!(target.directories.last().and_then(|directory| directory.packages.clone()), None);
}

#[test]
fn packages_from_elsewhere_are_remarked_on() {
    let (_guard, root) = tree();
    let environment = root.join("venv");
    venv(&environment);
    make(&root.join("project"));
    write(&environment.join("pyvenv.cfg"), "home = /usr/bin\ninclude-system-site-packages = True\n");
    let path = format!("import site\n# comment\n{}\nnot-there\n", root.join("project").display());
    write(&environment.join(PACKAGES).join("editable.pth"), path);
    let notes = Target::python(&environment).expect("an environment").notes;
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("base Python") && notes[1].contains("project"), "{notes:?}");
}

#[test]
fn arguments_are_quoted_for_a_shell() {
    for (name, argument) in [("plain-1.0", "plain-1.0"), ("my rocm", "my rocm"), ("it's", "it's"), ("é$x", "é$x")] {
        let (_guard, root) = tree();
        make(&root.join(name));
        let arguments = Target::prefix(&root.join(name)).expect("a prefix").arguments();
        let script = format!("set -- {arguments}; printf '%s\\n' \"$@\"");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh");
        let expected = format!("--prefix\n{}\n", root.join(argument).display());
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
    let (_guard, root) = tree();
    let arguments = Target::system(&root).expect("a system").arguments();
    assert_eq!(arguments, format!("--system --root {}", root.display()));
}

#[test]
fn what_is_no_directory_or_not_utf_8_is_refused() {
    let (_guard, root) = tree();
    write(&root.join("file"), "");
    assert!(refused(Target::prefix(&root.join("file"))).contains("is not a directory"));
    assert!(refused(Target::system(&root.join("gone"))).contains("gone"));
    let odd: PathBuf = root.join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    make(&odd.join("lib"));
    make(&odd.join(PACKAGES));
    for target in [Target::prefix(&odd), Target::system(&odd), Target::python(&odd)] {
        assert!(refused(target).contains("not UTF-8"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_configuration_is_read(text in "(include |/|\\*|\\.\\.|usr|lib|=|#|[ \t\n]|\\PC){0,40}") {
        let (_guard, root) = tree();
        make(&root.join("usr/lib"));
        write(&root.join("etc/ld.so.conf"), &text);
        let target = Target::system(&root).expect("a system");
        prop_assert!(target.directories.iter().all(|directory| directory.path.starts_with(&root)));
        venv(&root);
        write(&root.join("pyvenv.cfg"), &text);
        write(&root.join(PACKAGES).join("x.pth"), &text);
        Target::python(&root).expect("an environment");
    }

    #[test]
    fn any_links_end_inside_the_root(links in prop::collection::vec(("[ab]", "(/|\\.\\./|[ab]/|usr/lib/){0,5}[ab]"), 0..6)) {
        let (_guard, root) = tree();
        let inner = root.join("root");
        make(&root.join("b"));
        make(&inner.join("usr/lib/b"));
        for (name, to) in &links {
            let _ = std::os::unix::fs::symlink(to, inner.join("usr/lib").join(name));
            let _ = std::os::unix::fs::symlink(to, inner.join(name));
        }
        write(&inner.join("etc/ld.so.conf"), "/usr/lib/a\n/a\n/b\n/usr/lib/a/b\n/b/a/b\n");
        let target = Target::system(&inner).expect("a system");
        for directory in &target.directories {
            prop_assert!(directory.path.starts_with(&inner));
            prop_assert_eq!(directory.path.canonicalize().expect("a path"), directory.path.clone());
        }
    }
}
