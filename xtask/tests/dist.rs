//! `cargo xtask dist`: the tree, the archive and the wheel. The Debian package has `deb.rs`.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rmcp_fixtures::generations;
use rmcp_front::Manifest;
use support::{
    CALLS, allocating_program, checkout, clean, differences, dist, listing, made, output, said, succeed, text,
};

fn manifests() -> Vec<(String, Manifest)> {
    let entries = fs::read_dir(checkout().join("wrappers/abi")).expect("wrappers/abi");
    let read = |path: PathBuf| {
        let manifest = Manifest::from_text(&fs::read_to_string(&path).expect("text")).expect("a manifest");
        (path.file_stem().expect("a name").to_string_lossy().into_owned(), manifest)
    };
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

fn prebuilt(name: &str, manifest: &Manifest) -> PathBuf {
    made().tree.join("lib/rmcp/fronts").join(name).join(&manifest.soname)
}

#[test]
fn the_tree_has_everything_and_works_wherever_it_is() {
    let place = tempfile::Builder::new().prefix("a place with spaces, é ").tempdir().expect("a temporary directory");
    // The loader's search path cannot have a space in it, and fronts are found by it.
    let cache = tempfile::tempdir().expect("a temporary directory");
    let tree = place.path().join("rmcp");
    succeed(Command::new("cp").arg("-a").arg(&made().tree).arg(&tree));
    for name in [
        "lib/rmcp/librmcp.so",
        "include/rmcp/rmcp.h",
        "include/rmcp/front.h",
        "share/man/man1/rmcp.1",
        "share/man/man1/rmcp-run.1",
        "share/bash-completion/completions/rmcp",
        "share/zsh/site-functions/_rmcp",
        "share/fish/vendor_completions.d/rmcp.fish",
        "share/doc/rmcp/README.md",
        "share/doc/rmcp/LICENSE",
        "share/doc/rmcp/THIRD-PARTY.txt",
    ] {
        assert!(tree.join(name).is_file(), "{name} is missing");
    }
    for document in fs::read_dir(checkout().join("docs")).expect("docs") {
        let name = document.expect("an entry").file_name();
        assert!(tree.join("share/doc/rmcp/docs").join(&name).exists(), "{name:?} is missing");
    }
    let run = succeed(
        clean(tree.join("bin/rmcp"))
            .args(["run", "--virtual", "gfx1030", "--"])
            .arg(allocating_program())
            .args(CALLS)
            .env("XDG_CACHE_HOME", cache.path()),
    );
    assert!(text(&run.stderr).contains("1 rewritten"), "{}", said(&run));
}

#[test]
fn the_same_commit_gives_the_same_bytes_which_name_no_path_of_this_machine() {
    let again = tempfile::tempdir().expect("a temporary directory");
    let (first, second) = (made(), dist(again.path()));
    let everything = |_: &Path| true;
    let changed = differences(&listing(&first.tree, &everything), &listing(&second.tree, &everything));
    assert!(changed.is_empty(), "{changed:#?}");
    for (first, second) in [(&first.archive, &second.archive), (&first.deb, &second.deb), (&first.wheel, &second.wheel)]
    {
        assert_eq!(first.file_name(), second.file_name());
        assert!(fs::read(first).expect("read") == fs::read(second).expect("read"), "{}", first.display());
    }
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME")).expect("HOME");
    for name in ["bin/rmcp", "lib/rmcp/librmcp.so", "lib/rmcp/libvgpu_preload.so"] {
        let bytes = fs::read(first.tree.join(name)).expect("a binary");
        for path in [checkout().to_str().expect("UTF-8"), &home] {
            let path = format!("{path}/");
            assert!(!bytes.windows(path.len()).any(|window| window == path.as_bytes()), "{name} has {path} in it");
        }
    }
}

#[test]
fn the_binaries_are_stripped_and_have_build_ids() {
    for name in ["bin/rmcp", "lib/rmcp/librmcp.so", "lib/rmcp/libvgpu_preload.so"] {
        let headers = succeed(Command::new("readelf").args(["-SnW"]).arg(made().tree.join(name)));
        let headers = text(&headers.stdout);
        assert!(headers.contains("Build ID:"), "{name}: {headers}");
        assert!(!headers.contains(".symtab") && !headers.contains(".debug"), "{name}: {headers}");
    }
}

/// nm is the judge: it shares no code with what made the fronts.
#[test]
fn every_prebuilt_front_exports_what_its_manifest_says() {
    let manifests = manifests();
    for (name, manifest) in &manifests {
        let nm = succeed(
            Command::new("nm").args(["-D", "--defined-only", "--with-symbol-versions"]).arg(prebuilt(name, manifest)),
        );
        // `0000000000001000 T hipMalloc@@hip_4.2`; the version nodes themselves are absolute symbols.
        let nm = text(&nm.stdout);
        let symbols = nm.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let found: BTreeSet<&str> = symbols.filter(|words| words[1] != "A").map(|words| words[2]).collect();
        let wanted: Vec<String> = manifest.exports.iter().map(|e| format!("{}@@{}", e.name, e.node)).collect();
        assert_eq!(found, wanted.iter().map(String::as_str).collect(), "{name}");
    }
    assert_eq!(manifests.len(), fs::read_dir(made().tree.join("lib/rmcp/fronts")).expect("fronts").count());
}

#[test]
fn every_prebuilt_front_fits_the_library_that_its_manifest_was_made_of() {
    let manifests = manifests();
    for generation in generations() {
        for (real, version) in [(generation.hip(), generation.name()), (generation.hsa(), generation.rocr())] {
            let soname = real.file_name().expect("a name").to_string_lossy();
            let name = format!("{soname}-{version}");
            let (name, manifest) = manifests.iter().find(|(found, _)| *found == name).expect("a manifest");
            let report = rmcp_front::check(&real, &prebuilt(name, manifest)).expect("both are read");
            // It is made for any build of that release.
            let differences: Vec<_> =
                report.differences.iter().filter(|line| !line.contains("made for another build")).collect();
            assert!(differences.is_empty(), "{name}: {differences:?}");
        }
    }
}

/// As docs/packaging.md tells packagers to lay them out, and moved afterwards.
#[test]
fn prebuilt_fronts_work_beside_the_real_libraries_in_a_rocm_prefix() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let built = place.path().join("built/lib");
    fs::create_dir_all(built.join("rmcp")).expect("directories");
    fs::copy(made().tree.join("lib/rmcp/librmcp.so"), built.join("rmcp/librmcp.so")).expect("the core");
    let bookworm = &generations()[0];
    for (real, version) in [(bookworm.hip(), bookworm.name()), (bookworm.hsa(), bookworm.rocr())] {
        let soname = real.file_name().expect("a name").to_string_lossy().into_owned();
        let front = made().tree.join(format!("lib/rmcp/fronts/{soname}-{version}/{soname}"));
        fs::copy(front, built.join(&soname)).expect("the front");
        fs::copy(&real, built.join(format!("rmcp-real-{soname}"))).expect("the real library");
    }
    fs::rename(place.path().join("built"), place.path().join("opt")).expect("moved");
    let record = place.path().join("record");
    succeed(
        clean(support::built("vgpu"))
            .args(["gfx1030", "--"])
            .arg(allocating_program())
            .args(CALLS)
            .env("LD_LIBRARY_PATH", place.path().join("opt/lib"))
            .env("RMCP_RECORD", &record),
    );
    let report = succeed(clean(made().tree.join("bin/rmcp")).args(["report", "--rewritten"]).arg(&record));
    assert!(text(&report.stdout).contains("hipHostMalloc"), "{}", said(&report));
}

#[test]
fn man_pages_are_shown_without_a_warning_and_have_an_index_line() {
    let pages: Vec<PathBuf> = fs::read_dir(made().tree.join("share/man/man1"))
        .expect("man pages")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(pages.iter().any(|page| page.ends_with("rmcp-run.1")), "{pages:?}");
    for page in pages {
        // As lintian calls it.
        let shown = succeed(
            clean("man")
                .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
                .arg(&page)
                .envs([("MANROFFSEQ", ""), ("MANWIDTH", "80")]),
        );
        assert_eq!(text(&shown.stderr), "", "{}", page.display());
        let name = page.file_stem().expect("a name").to_string_lossy().into_owned();
        let index = succeed(clean("lexgrog").arg(&page));
        assert!(text(&index.stdout).contains(&format!("\"{name} - ")), "{}", said(&index));
    }
}

#[test]
fn bash_completes_the_subcommands() {
    let script = made().tree.join("share/bash-completion/completions/rmcp");
    let complete = "source \"$1\"; COMP_WORDS=(rmcp ru); COMP_CWORD=1; _rmcp rmcp ru rmcp; echo \"${COMPREPLY[@]}\"";
    let completed = succeed(clean("bash").args(["--norc", "-c", complete, "bash"]).arg(script));
    assert_eq!(text(&completed.stdout).trim(), "run", "{}", said(&completed));
}

/// A fresh virtual environment. Nothing is written beside the sources by Python itself, and nothing is fetched.
fn environment(directory: &Path) -> PathBuf {
    let environment = directory.join("env with a space");
    succeed(clean("/usr/bin/python3").args(["-m", "venv"]).arg(&environment));
    environment
}

fn pip(environment: &Path) -> Command {
    let mut pip = clean(environment.join("bin/python"));
    pip.args(["-m", "pip", "--disable-pip-version-check"]).env("PYTHONDONTWRITEBYTECODE", "1");
    pip
}

#[test]
fn the_wheel_gives_an_environment_the_command_and_leaves_it_without_a_trace() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let environment = environment(place.path());
    let names = || listing(&environment, &|_| true).into_keys().collect::<BTreeSet<_>>();
    let before = names();
    succeed(pip(&environment).args(["install", "--no-index"]).arg(&made().wheel));
    assert!(names().iter().any(|name| name.ends_with("share/man/man1/rmcp.1")));
    let run = succeed(
        clean(environment.join("bin/rmcp"))
            .args(["run", "--virtual", "gfx1030", "--"])
            .arg(allocating_program())
            .args(CALLS)
            .env("XDG_CACHE_HOME", place.path().join("cache")),
    );
    assert!(text(&run.stderr).contains("1 rewritten"), "{}", said(&run));
    let uninstalled = succeed(pip(&environment).args(["uninstall", "--yes", "rmcp"]));
    let (added, removed) = (&names() - &before, &before - &names());
    // pip removes files, and of directories those of the package's own name.
    let added: Vec<_> = added.into_iter().filter(|name| !environment.join(name).is_dir()).collect();
    assert!(added.is_empty() && removed.is_empty(), "{added:?} {removed:?} {}", said(&uninstalled));
}

#[test]
fn the_command_of_the_wheel_installs_into_its_own_environment() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let environment = environment(place.path());
    succeed(pip(&environment).args(["install", "--no-index"]).arg(&made().wheel));
    // Bare names, as PyTorch's wheels have them.
    let torch = environment.join("lib/python3.11/site-packages/torch/lib");
    fs::create_dir_all(&torch).expect("directories");
    let bookworm = &generations()[0];
    for (real, name) in [(bookworm.hip(), "libamdhip64.so"), (bookworm.hsa(), "libhsa-runtime64.so")] {
        fs::copy(real, torch.join(name)).expect("a library");
    }
    let before = listing(&torch, &|_| true);
    let rmcp = |words: &[&str]| {
        let mut command = clean(environment.join("bin/rmcp"));
        command.args(words).arg("--python").arg(&environment).env("HOME", place.path());
        command
    };
    succeed(rmcp(&["install", "--yes"]).stdin(std::process::Stdio::null()));
    assert!(torch.join("rmcp-real-libamdhip64.so").is_file());
    succeed(&mut rmcp(&["status"]));
    succeed(&mut rmcp(&["uninstall", "--yes"]));
    let changed = differences(&before, &listing(&torch, &|_| true));
    assert!(changed.is_empty(), "{changed:#?}");
}

#[test]
fn auditwheel_agrees_with_the_platform_tag() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let environment = environment(place.path());
    let installed = output(pip(&environment).args(["install", "--quiet", "auditwheel"]));
    if !installed.status.success() {
        println!("skipped: auditwheel cannot be had ({})", text(&installed.stderr).lines().last().unwrap_or_default());
        return;
    }
    let shown = succeed(clean(environment.join("bin/auditwheel")).arg("show").arg(&made().wheel));
    let name = made().wheel.file_stem().expect("a name").to_string_lossy().into_owned();
    let tag = name.rsplit_once('-').expect("a tag").1;
    // It wraps its lines.
    let words = text(&shown.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("is consistent with the following platform tag: \"{tag}\"")), "{words}");
}
