//! The search against the system's own loader, and the reader of dynamic sections against damaged files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};

use super::explicit::Explicit;
use super::ld_cache::LdCache;
use super::search::{Found, Loader, Reason};
use super::{Real, fronts};
use rmcp_front::Layer;

/// A name that no system has, so that only the test's copies are found.
const HIP: &str = "libamdhip64.so.99";

fn cc(arguments: &[&str], out: &Path) {
    let directory = out.parent().expect("a directory");
    let source = directory.join("source.c");
    let text =
        if arguments.contains(&"-shared") { "int f(void) { return 0; }" } else { "int main(void) { return 0; }" };
    std::fs::write(&source, text).expect("written");
    let status = Command::new("cc").arg("-Wl,--no-as-needed").args(arguments).arg(&source).arg("-o").arg(out).status();
    assert!(status.expect("cc").success(), "{arguments:?}");
}

fn library(directory: &Path, name: &str, soname: &str, needs: &[&str]) -> PathBuf {
    std::fs::create_dir_all(directory).expect("made");
    let out = directory.join(name);
    let soname = format!("-Wl,-soname,{soname}");
    let mut arguments = vec!["-shared", "-fPIC", &soname];
    arguments.extend(needs);
    cc(&arguments, &out);
    out
}

/// What ld.so itself loads for the SONAMEs of AMD's libraries.
fn loaded_by_ld_so(program: &Path, library_path: &str) -> BTreeMap<String, PathBuf> {
    let output = Command::new(program)
        .env("LD_TRACE_LOADED_OBJECTS", "1")
        .env("LD_LIBRARY_PATH", library_path)
        .env_remove("LD_PRELOAD")
        .output()
        .expect("ld.so");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.trim().split_once(" => "))
        .filter(|(name, _)| Layer::of(name).is_some())
        .filter_map(|(name, rest)| Some((name.to_owned(), PathBuf::from(rest.split_once(" (0x")?.0))))
        .collect()
}

fn loader(library_path: &str) -> Loader {
    Loader {
        library_path: library_path.split(':').filter(|part| !part.is_empty()).map(PathBuf::from).collect(),
        preload: Vec::new(),
        ..Loader::system()
    }
}

fn found(loader: &Loader, program: &Path) -> BTreeMap<String, PathBuf> {
    let found = loader.find(program).expect("nothing is broken");
    let linked = found.reason == Reason::Linked;
    found.reals.into_iter().filter(|_| linked).map(|real| (real.soname, real.path)).collect()
}

#[test]
fn the_search_finds_what_the_systems_loader_finds() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let path = |name: &str| root.join(name).to_str().expect("UTF-8").to_owned();
    for place in ["a", "b", "c"] {
        library(&root.join(place), HIP, HIP, &[]);
    }
    // Needs HIP itself, in each of the ways.
    let link = format!("-L{}", path("a"));
    let hip = format!("-l:{HIP}");
    let mut compared = 0;
    for (middle, tag) in [
        ("none", ""),
        ("old", "-Wl,--disable-new-dtags,-rpath,$ORIGIN/../b"),
        ("new", "-Wl,--enable-new-dtags,-rpath,${ORIGIN}/../b"),
    ] {
        let mut needs = vec![link.as_str(), hip.as_str()];
        needs.extend(Some(tag).filter(|tag| !tag.is_empty()));
        library(&root.join(middle), "libmiddle.so", "libmiddle.so", &needs);
        for program_tag in [
            "-Wl,--disable-new-dtags,-rpath,".to_owned() + &path(middle),
            "-Wl,--enable-new-dtags,-rpath,".to_owned() + &path(middle),
            format!("-Wl,--disable-new-dtags,-rpath,$ORIGIN/c:{}", path(middle)),
            format!("-Wl,--enable-new-dtags,-rpath,$ORIGIN/c:{}", path(middle)),
        ] {
            for direct in [false, true] {
                let program = root.join("program");
                let middle_path = format!("-L{}", path(middle));
                let mut arguments = vec![program_tag.as_str(), &middle_path, "-lmiddle", "-Wl,--allow-shlib-undefined"];
                if direct {
                    arguments.extend([link.as_str(), hip.as_str()]);
                } else {
                    arguments.push("-Wl,--unresolved-symbols=ignore-all");
                }
                cc(&arguments, &program);
                for library_path in [String::new(), path("a"), format!("{}:{}", path("empty"), path("b"))] {
                    let expected = loaded_by_ld_so(&program, &library_path);
                    let what = format!("{middle} {program_tag} direct {direct} LD_LIBRARY_PATH {library_path}");
                    let real = |paths: BTreeMap<String, PathBuf>| -> BTreeMap<String, PathBuf> {
                        paths.into_iter().map(|(name, path)| (name, path.canonicalize().expect("exists"))).collect()
                    };
                    let ours = real(found(&loader(&library_path), &program));
                    assert_eq!(ours, real(expected), "{what}");
                    compared += usize::from(!ours.is_empty());
                }
            }
        }
    }
    assert!(compared > 40, "only {compared} of them found a library");
}

#[test]
fn where_dt_rpath_leads_the_fronts_are_preloaded_and_elsewhere_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = library(&directory.path().join("own"), HIP, HIP, &[]);
    let (link, name) = (format!("-L{}", own.parent().expect("a parent").display()), format!("-l:{HIP}"));
    for (tag, preloaded) in [("--disable-new-dtags", true), ("--enable-new-dtags", false)] {
        let program = directory.path().join("program");
        cc(&[&link, &name, &format!("-Wl,{tag},-rpath,$ORIGIN/own")], &program);
        let reals = loader("").find(&program).expect("found").reals;
        let preload = fronts::preload(Path::new("/fronts"), &reals);
        assert_eq!(preload.contains(&format!("/fronts/{HIP}")), preloaded, "{tag} {preload:?}");
    }
}

#[test]
fn a_library_is_known_by_its_soname_and_asked_for_by_its_own_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path().join("own");
    // As in older wheels: the file has a hash in its name, the SONAME is unchanged, and the user's DT_NEEDED has the file's name. The
    // linker writes the SONAME, so the program is linked to a twin of that SONAME.
    let file = "libamdhip64-1a2b3c4d.so.99";
    library(&directory.path().join("twin"), file, file, &[]);
    let program = directory.path().join("program");
    let twin = format!("-L{}", directory.path().join("twin").display());
    cc(&[&twin, &format!("-l:{file}"), "-Wl,--disable-new-dtags,-rpath,$ORIGIN/own"], &program);
    library(&own, file, HIP, &[]);
    let reals = loader("").find(&program).expect("found").reals;
    assert_eq!(reals.len(), 1, "{reals:?}");
    assert_eq!((reals[0].soname.as_str(), reals[0].names.contains(file)), (HIP, true));
    assert_eq!(fronts::preload(Path::new("/f"), &reals), [format!("/f/{HIP}"), file.to_owned()]);
}

#[test]
fn a_dangling_link_to_a_needed_library_is_refused_unless_another_copy_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = library(&directory.path().join("good"), HIP, HIP, &[]);
    let program = directory.path().join("program");
    let link = format!("-L{}", good.parent().expect("a parent").display());
    cc(&[&link, &format!("-l:{HIP}"), "-Wl,-rpath,$ORIGIN/own"], &program);
    std::fs::create_dir(directory.path().join("own")).expect("made");
    std::os::unix::fs::symlink("gone.so", directory.path().join("own").join(HIP)).expect("linked");
    let failure = loader("").find(&program).expect_err("dangling");
    assert_eq!(failure.code, 3);
    assert!(failure.sentence.contains(HIP) && failure.sentence.contains("does not exist"), "{}", failure.sentence);
    let elsewhere = loader(directory.path().join("good").to_str().expect("UTF-8"));
    assert_eq!(found(&elsewhere, &program)[HIP], good);
}

#[test]
fn a_script_gets_what_the_library_path_has_before_what_the_system_has() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = library(&directory.path().join("first"), HIP, HIP, &[]);
    library(&directory.path().join("second"), HIP, HIP, &[]);
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").expect("written");
    let loader = Loader {
        library_path: ["first", "second"].map(|name| directory.path().join(name)).to_vec(),
        preload: Vec::new(),
        cache: LdCache::default(),
        default_directories: Vec::new(),
        rocm_directories: Vec::new(),
    };
    let at_hand = loader.find(&script).expect("found");
    assert_eq!(at_hand.reason, Reason::AtHand);
    assert_eq!(at_hand.reals.iter().map(|real| &real.path).collect::<Vec<_>>(), [&first]);
    let with = |path: PathBuf| Loader { library_path: vec![path], ..loader.clone() }.find(&script);
    assert_eq!(with(directory.path().join("nowhere")).expect("nothing is broken").reals, []);

    // What is broken and would be opened is refused; a text for the linker is not one of those.
    let broken = directory.path().join("broken");
    std::fs::create_dir(&broken).expect("made");
    std::fs::write(broken.join("libamdhip64.so"), "INPUT(-lother)").expect("written");
    assert_eq!(with(broken.clone()).expect("nothing is broken").reals, []);
    std::os::unix::fs::symlink("gone.so", broken.join(HIP)).expect("linked");
    assert!(with(broken.clone()).expect_err("dangling").sentence.contains("does not exist"));
    std::fs::remove_file(broken.join(HIP)).expect("removed");
    std::fs::write(broken.join(HIP), "text").expect("written");
    assert!(with(broken).expect_err("broken").sentence.contains("not an ELF file"));
}

/// What `rmcp install` leaves of the library at `path`.
fn install(path: &Path) -> PathBuf {
    let saved = path.with_file_name(format!("rmcp-real-{}", path.file_name().expect("a name").to_string_lossy()));
    std::fs::rename(path, &saved).expect("renamed");
    let library = rmcp_front::Library::read(&saved).expect("a library");
    let name = saved.file_name().expect("a name").to_string_lossy();
    let options = rmcp_front::Options::beside(&library, &name, &["$ORIGIN/rmcp".to_owned()]);
    rmcp_front::write(&rmcp_front::build(&library, &options), path).expect("a front");
    saved
}

#[test]
fn a_front_installed_in_place_is_looked_through_and_only_with_its_library() {
    let directory = tempfile::tempdir().expect("a directory");
    let own = directory.path().canonicalize().expect("exists").join("own");
    let file = library(&own, &format!("{HIP}.1.2"), HIP, &[]);
    std::os::unix::fs::symlink(format!("{HIP}.1.2"), own.join(HIP)).expect("link");
    let program = directory.path().join("program");
    let link = format!("-L{}", own.display());
    cc(&[&link, &format!("-l:{HIP}"), "-Wl,--disable-new-dtags,-rpath,$ORIGIN/own"], &program);
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").expect("written");
    let find = |program: &Path| {
        let library_path = vec![own.clone()];
        Loader { library_path, rocm_directories: Vec::new(), ..loader("") }.find(program)
    };
    let hip =
        |program: &Path| find(program).expect("found").reals.into_iter().find(|real| real.soname == HIP).expect("HIP");
    let before = [&program, &script].map(|program| hip(program));
    assert_eq!((before[0].version().as_str(), &before[0].front), ("99.1.2", &None));
    let saved = install(&file);
    for (program, before) in [&program, &script].into_iter().zip(before) {
        let real = hip(program);
        assert_eq!((&real.path, real.version().as_str()), (&saved, "99.1.2"));
        assert_eq!(real.front.as_ref().map(|front| front.file_name().expect("a name").to_owned()), Some(HIP.into()));
        assert_eq!(real.names, before.names);
    }
    std::fs::rename(&saved, own.join("elsewhere")).expect("renamed");
    for program in [&program, &script] {
        let failure = find(program).expect_err("nothing is behind it");
        assert!(failure.code == 3 && failure.sentence.contains("`rmcp repair`"), "{failure:?}");
        assert!(failure.sentence.contains(saved.to_str().expect("UTF-8")), "{failure:?}");
    }
    std::fs::copy(&file, &saved).expect("copied");
    assert!(find(&program).expect_err("a front behind a front").sentence.contains("front itself"));
}

#[test]
fn a_name_that_two_releases_share_leads_to_the_one_that_comes_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let places = ["a", "b"].map(|name| directory.path().join(name));
    for (place, soname) in places.iter().zip([HIP, "libamdhip64.so.98"]) {
        library(place, soname, soname, &[]);
        std::os::unix::fs::symlink(soname, place.join("libamdhip64.so")).expect("link");
    }
    let script = directory.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").expect("written");
    for (first, second, soname) in [(0, 1, HIP), (1, 0, "libamdhip64.so.98")] {
        let library_path = [first, second].map(|index| places[index].clone()).to_vec();
        let found = Loader { library_path, ..loader("") }.find(&script).expect("nothing is broken");
        assert!([HIP, "libamdhip64.so.98"].iter().all(|name| found.reals.iter().any(|real| real.soname == *name)));
        let named: Vec<&str> = found
            .reals
            .iter()
            .filter(|real| real.names.contains("libamdhip64.so"))
            .map(|real| real.soname.as_str())
            .collect();
        assert_eq!(named, [soname]);
    }
}

#[test]
fn hsas_name_for_the_linker_is_offered_only_where_the_loader_takes_it_before_dt_runpath() {
    const HSA: &str = "libhsa-runtime64.so.1";
    let directory = tempfile::tempdir().expect("a directory");
    let place = directory.path().join("machine");
    library(&place, HSA, HSA, &[]);
    let link = format!("-L{}", place.display());
    library(&place, HIP, HIP, &[&link, &format!("-l:{HSA}"), "-Wl,--enable-new-dtags,-rpath,$ORIGIN"]);
    for (soname, name) in [(HIP, "libamdhip64.so"), (HSA, "libhsa-runtime64.so")] {
        std::os::unix::fs::symlink(soname, place.join(name)).expect("link");
    }
    let (none, here) = (Vec::new(), vec![place.clone()]);
    let loader = |library_path: &[PathBuf], default_directories: &[PathBuf]| Loader {
        library_path: library_path.to_vec(),
        preload: Vec::new(),
        cache: LdCache::default(),
        default_directories: default_directories.to_vec(),
        rocm_directories: Vec::new(),
    };
    let names = |found: Found| -> Vec<String> {
        let reals: BTreeMap<String, Real> = found.reals.into_iter().map(|real| (real.soname.clone(), real)).collect();
        [HIP, HSA].iter().flat_map(|soname| reals[*soname].names.clone()).collect()
    };
    let script = Path::new("/etc/passwd");
    let (hip, both) = (["libamdhip64.so"], ["libamdhip64.so", "libhsa-runtime64.so"]);
    assert_eq!(names(loader(&none, &here).find(script).expect("the system's")), hip);
    assert_eq!(names(loader(&here, &none).find(script).expect("LD_LIBRARY_PATH's")), both);
    assert_eq!(names(loader(&none, &none).find_in(&place).expect("named ones")), both);

    // A system whose HIP itself needs it so.
    std::fs::remove_file(place.join("libhsa-runtime64.so")).expect("removed");
    library(&place, "libhsa-runtime64.so", "libhsa-runtime64.so", &[]);
    library(&place, HIP, HIP, &[&link, "-l:libhsa-runtime64.so", "-Wl,--enable-new-dtags,-rpath,$ORIGIN"]);
    std::fs::copy(place.join(HSA), place.join("libhsa-runtime64.so")).expect("copied");
    assert_eq!(names(loader(&none, &here).find(script).expect("the system's")), both);

    // What is not offered need not be whole.
    std::fs::write(place.join("libhsa-runtime64.so"), b"\x7fELF").expect("damaged");
    library(&place, HIP, HIP, &[&link, &format!("-l:{HSA}"), "-Wl,--enable-new-dtags,-rpath,$ORIGIN"]);
    assert_eq!(names(loader(&none, &here).find(script).expect("the system's")), hip);
}

#[test]
fn two_hip_libraries_with_different_hsa_libraries_are_not_mixed() {
    let directory = tempfile::tempdir().expect("a directory");
    for (place, hip) in [("one", "libamdhip64.so.98"), ("two", HIP)] {
        let place = directory.path().join(place);
        library(&place, "libhsa-runtime64.so.1", "libhsa-runtime64.so.1", &[]);
        let link = format!("-L{}", place.display());
        library(&place, hip, hip, &[&link, "-l:libhsa-runtime64.so.1", "-Wl,--enable-new-dtags,-rpath,$ORIGIN"]);
    }
    let loader = Loader {
        library_path: Vec::new(),
        preload: Vec::new(),
        cache: LdCache::default(),
        default_directories: vec![directory.path().join("one")],
        rocm_directories: vec![directory.path().join("two")],
    };
    let found = loader.find(Path::new("/etc/passwd")).expect("nothing is broken");
    let sonames: Vec<&str> = found.reals.iter().map(|real| real.soname.as_str()).collect();
    assert_eq!(sonames, ["libamdhip64.so.98", "libhsa-runtime64.so.1"]);
    assert!(found.notes.iter().any(|note| note.contains(HIP)), "{:?}", found.notes);
}

#[test]
fn builders_that_start_together_use_one_whole_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = library(directory.path(), HIP, HIP, &[]);
    let cache = directory.path().join("cache");
    std::fs::create_dir(&cache).expect("made");
    let real = Real {
        soname: HIP.into(),
        path,
        build_id: String::new(),
        names: ["libamdhip64.so".to_owned()].into(),
        front: None,
        before_library_path: false,
    };
    let core = std::env::current_exe().expect("any file will do");
    let start = Arc::new(Barrier::new(8));
    let build = || {
        let (start, cache, core, reals) = (Arc::clone(&start), cache.clone(), core.clone(), vec![real.clone()]);
        std::thread::spawn(move || {
            start.wait();
            fronts::prepare(&cache, &core, &reals).expect("prepared")
        })
    };
    let threads: Vec<_> = (0..8).map(|_| build()).collect();
    let mut results: Vec<PathBuf> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    results.dedup();
    assert_eq!(results.len(), 1);
    let entries = || std::fs::read_dir(&cache).expect("read").count();
    assert_eq!(entries(), 1, "nothing temporary is left");
    for name in [HIP, "libamdhip64.so"] {
        assert!(rmcp_front::is_front(&std::fs::read(results[0].join(name)).expect("read")), "{name}");
    }

    // What somebody damaged is made again; another build of the library gets another directory.
    std::fs::write(results[0].join(HIP), b"").expect("damaged");
    assert_eq!(fronts::prepare(&cache, &core, std::slice::from_ref(&real)).expect("repaired"), results[0]);
    assert!(rmcp_front::is_front(&std::fs::read(results[0].join(HIP)).expect("read")));
    let other = Real { build_id: "00".into(), ..real };
    assert_ne!(fronts::prepare(&cache, &core, &[other]).expect("prepared"), results[0]);
    assert_eq!(entries(), 2);
}

#[test]
fn the_cache_is_the_first_usable_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("file"), "").expect("written");
    let cache = |xdg: Option<PathBuf>, home: Option<PathBuf>| {
        fronts::cache(|name| match name {
            "XDG_CACHE_HOME" => xdg.clone().map(Into::into),
            _ => home.clone().map(Into::into),
        })
    };
    assert_eq!(cache(Some(path("x")), Some(path("h"))), Ok(path("x/rmcp")));
    assert_eq!(cache(None, Some(path("h"))), Ok(path("h/.cache/rmcp")));
    for unusable in [path("file"), path("with space"), path("with:colon"), PathBuf::from("relative")] {
        assert_eq!(cache(Some(unusable), Some(path("h"))), Ok(path("h/.cache/rmcp")));
    }
    let failure = cache(None, Some(path("file"))).expect_err("no place");
    assert!(failure.code == 3 && failure.sentence.contains("XDG_CACHE_HOME"), "{failure:?}");
}

#[test]
fn names_of_amds_libraries_are_told_from_others() {
    for (name, kind) in [
        ("libamdhip64.so.5", Some(Layer::Hip)),
        ("libamdhip64.so", Some(Layer::Hip)),
        ("libamdhip64-1a2b3c4d.so.5", Some(Layer::Hip)),
        ("libhsa-runtime64.so.1", Some(Layer::Hsa)),
        ("libhsa-runtime64.a", None),
        ("libamdhip64x.so", None),
        ("rmcp-real-libamdhip64.so.5", None),
    ] {
        assert_eq!(Layer::of(name), kind, "{name}");
    }
}

#[test]
fn a_loader_on_the_command_line_says_what_it_starts_and_where_it_looks() {
    let words = |text: &str| text.split(' ').map(std::ffi::OsString::from).collect::<Vec<_>>();
    let mut arguments =
        words("--argv0 --preload --inhibit-cache --library-path /a:/b --preload /p.so /bin/x --library-path /c");
    let explicit = Explicit::parse(&arguments).expect("a program");
    assert_eq!(explicit.program, Path::new("/bin/x"));
    let loader = explicit.apply(Loader::system(), &arguments);
    assert_eq!(loader.library_path, [Path::new("/a"), Path::new("/b")]);
    assert_eq!(loader.preload.last().map(String::as_str), Some("/p.so"));
    assert!(explicit.prepend(Path::new("/fronts"), &mut arguments));
    assert_eq!(arguments[4], "/fronts:/a:/b");
    assert_eq!(arguments[9], "/c", "the program's own arguments are left alone");

    let mut arguments = words("/bin/x --library-path /c");
    assert!(!Explicit::parse(&arguments).expect("a program").prepend(Path::new("/fronts"), &mut arguments));
    assert_eq!(Explicit::parse(&words("--version")), None);
    assert_eq!(Explicit::of(Path::new("/bin/sh"), &words("/bin/x")), None, "a program that is no loader");
}
