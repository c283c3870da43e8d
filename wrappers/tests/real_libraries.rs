//! Fronts of AMD's real libraries, judged by the tools that packagers use.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rmcp_fixtures::{Generation, HSA_PACKAGE, HSA_SONAME, SUITES, generations, upstream};
use rmcp_front::{Error, Front, Kind, Library, Manifest, Options, build, check, is_front, write};

/// The installed HSA library, for tests to which the generation makes no difference.
fn installed() -> PathBuf {
    Generation::find(&SUITES[0]).unwrap_or_else(|reason| panic!("{reason}")).hsa()
}

/// One of AMD's libraries.
struct Real {
    path: PathBuf,
    soname: &'static str,
    package: &'static str,
    /// Debian's version of the package.
    version: String,
}

/// Both libraries of a generation.
fn libraries(generation: &Generation) -> [Real; 2] {
    let suite = generation.suite;
    [(generation.hip(), suite.hip_soname, suite.hip_package), (generation.hsa(), HSA_SONAME, HSA_PACKAGE)]
        .map(|(path, soname, package)| Real { path, soname, package, version: generation.packages[package].clone() })
}

fn run(command: &mut Command, package: &str) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}: apt-get install {package}"))
}

fn succeed(command: &mut Command, package: &str) -> String {
    let output = run(command, package);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

/// A directory with the fronts of both libraries of a generation under their SONAMEs.
fn fronts(generation: &Generation) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for real in libraries(generation) {
        let library = Library::read(&real.path).expect("AMD's library");
        assert_eq!(library.soname, real.soname);
        write(&build(&library, &Options::default()), &directory.path().join(real.soname)).expect("a front");
    }
    directory
}

/// The front of an installation: its real library is beside it under another name.
fn front_beside(real: &Library) -> Vec<u8> {
    let name = real.path.file_name().expect("a name").to_string_lossy();
    build(real, &Options::beside(real, &format!("rmcp-real-{name}"), &["$ORIGIN/rmcp".to_owned()]))
}

/// A stand-in for the core that opens the real library and fills the slots, eagerly or (CORE_LAZY set) when they are called. It only shows that fronts keep
/// their side of `include/front.h`; the real core has its own tests.
fn stand_in_core(directory: &Path) {
    let source = directory.join("core.c");
    std::fs::write(
        &source,
        r#"#define _GNU_SOURCE
#include "front.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
static void *find(struct rmcp_front *f, uint32_t i) {
    if (!f->core) f->core = dlopen(f->real_path, RTLD_NOW | RTLD_LOCAL);
    if (!f->core) { fprintf(stderr, "%s\n", dlerror()); abort(); }
    void *p = dlvsym(f->core, f->names[i], f->versions[i]);
    if (!p) { fprintf(stderr, "no %s@%s\n", f->names[i], f->versions[i]); abort(); }
    return p;
}
void rmcp_front_attach(struct rmcp_front *f) {
    if (f->magic != RMCP_FRONT_MAGIC || f->abi != RMCP_FRONT_ABI) abort();
    if (!getenv("CORE_LAZY"))
        for (uint32_t i = 0; i < f->function_count; i++) f->slots[i] = find(f, i);
    if (getenv("CORE_SAY")) fprintf(stderr, "attached %s %u %u\n", f->soname, f->function_count, f->object_count);
}
void *rmcp_front_resolve(struct rmcp_front *f, uint32_t i) {
    if (getenv("CORE_SAY")) fprintf(stderr, "resolved %s\n", f->names[i]);
    return f->slots[i] = find(f, i);
}
"#,
    )
    .expect("write");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../include");
    succeed(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wl,-soname,librmcp.so", "-I"])
            .arg(include)
            .arg(&source)
            .arg("-o")
            .arg(directory.join("librmcp.so")),
        "gcc",
    );
}

fn compile(directory: &Path, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
    let file = directory.join(format!("{name}.c"));
    std::fs::write(&file, source).expect("write");
    let out = directory.join(name);
    succeed(Command::new("cc").args(["-O1", "-pthread"]).arg(&file).arg("-o").arg(&out).args(arguments), "gcc");
    out
}

#[test]
fn abidiff_sees_no_difference_and_elflint_no_error() {
    for generation in generations() {
        let directory = fronts(&generation);
        for real in libraries(&generation) {
            let front = directory.path().join(real.soname);
            succeed(Command::new("abidiff").arg(real.path).arg(&front), "abigail-tools");
            let text = succeed(Command::new("eu-elflint").arg("--gnu-ld").arg(&front), "elfutils");
            assert_eq!(text.trim(), "No errors");
            let text = succeed(Command::new("readelf").args(["--wide", "--all"]).arg(&front), "binutils");
            assert!(!text.contains("readelf: "), "it warns: {text}");
        }
    }
}

#[test]
fn a_front_of_an_installation_is_as_clean_and_needs_the_hsa_library_that_the_real_one_needs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for generation in generations() {
        for real in libraries(&generation) {
            let library = Library::read(&real.path).expect("AMD's library");
            let front = directory.path().join(real.soname);
            write(&front_beside(&library), &front).expect("a front");
            succeed(Command::new("abidiff").arg(&real.path).arg(&front), "abigail-tools");
            let text = succeed(Command::new("eu-elflint").arg("--gnu-ld").arg(&front), "elfutils");
            assert_eq!(text.trim(), "No errors");
            let needed = match real.soname {
                HSA_SONAME => vec!["librmcp.so"],
                _ => vec!["librmcp.so", HSA_SONAME],
            };
            let dynamic = rmcp_front::dynamic::read(&std::fs::read(&front).expect("read")[..]).expect("a library");
            assert_eq!(dynamic.needed, needed);
            assert_eq!(check(&real.path, &front).expect("both can be read").differences, Vec::<String>::new());
        }
    }
}

#[test]
fn a_front_of_an_installation_does_not_depend_on_where_its_real_library_is_now() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let before = Library::read(&installed().canonicalize().expect("AMD's library")).expect("AMD's library");
    let name = before.path.file_name().expect("a name").to_string_lossy().into_owned();
    let saved = directory.path().join(format!("rmcp-real-{name}"));
    std::fs::copy(&before.path, &saved).expect("copy");
    let after = Library::read(&saved).expect("its copy");
    let core = ["$ORIGIN/rmcp".to_owned()];
    let bytes = |real: &Library, saved: &str| build(real, &Options::beside(real, saved, &core));
    let front = bytes(&before, &format!("rmcp-real-{name}"));
    assert_eq!(front, bytes(&after, &format!("rmcp-real-{name}")));
    // What the front is made of is in its own build-id.
    let build_id = |bytes: &[u8]| rmcp_front::elf::examine(bytes).expect("a library").build_id;
    let other = bytes(&after, "rmcp-real-other");
    assert_ne!(build_id(&front), build_id(&other));
    let path = directory.path().join("front");
    write(&other, &path).expect("a front");
    let read = Front::read(&path).expect("a front");
    assert_eq!((read.real_path.as_path(), &read.real_build_id), (Path::new("rmcp-real-other"), &before.build_id));
    assert_eq!(read.search, [&core[..], &before.dynamic.search()].concat());
}

#[test]
fn a_front_of_an_installation_searches_as_its_real_library_does() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hsa = directory.path().join("libhsa-runtime64.so");
    let shared = |out: &Path, arguments: &[&str]| {
        let source = directory.path().join("source.c");
        std::fs::write(&source, "int hipInit(unsigned f) { return f; }").expect("write");
        succeed(
            Command::new("cc")
                .args(["-shared", "-fPIC", "-Wl,--no-as-needed"])
                .arg(&source)
                .args(arguments)
                .arg("-o")
                .arg(out),
            "gcc",
        );
    };
    // As PyTorch's wheels have it: needed by its bare name, which is not the SONAME.
    shared(&hsa, &["-Wl,-soname,libhsa-runtime64.so"]);
    let link = format!("-L{}", directory.path().display());
    let hip = directory.path().join("libamdhip64.so");
    for (tag, path, kind) in [
        ("-Wl,--disable-new-dtags,-rpath,$ORIGIN:/b", "$ORIGIN/rmcp:$ORIGIN:/b", "RPATH"),
        ("-Wl,--enable-new-dtags,-rpath,$ORIGIN:/b", "$ORIGIN/rmcp:$ORIGIN:/b", "RUNPATH"),
        ("-O1", "$ORIGIN/rmcp", "RPATH"),
    ] {
        shared(&hip, &["-Wl,-soname,libamdhip64.so.6", &link, "-l:libhsa-runtime64.so", tag]);
        let front = directory.path().join("front");
        write(&front_beside(&Library::read(&hip).expect("a library")), &front).expect("a front");
        let dynamic = rmcp_front::dynamic::read(&std::fs::read(&front).expect("read")[..]).expect("a library");
        let (wanted, other) = match kind {
            "RPATH" => (dynamic.rpath, dynamic.runpath),
            _ => (dynamic.runpath, dynamic.rpath),
        };
        assert_eq!((wanted.as_deref(), other), (Some(path), None), "{tag}");
        assert_eq!(dynamic.needed, ["librmcp.so", "libhsa-runtime64.so"]);
    }
}

#[test]
fn exported_names_and_versions_are_the_real_ones() {
    let names = |path: &Path| -> Vec<String> {
        let text =
            succeed(Command::new("nm").args(["-D", "--defined-only", "--with-symbol-versions"]).arg(path), "binutils");
        // The type letter: D and B (data with or without content) are one kind of export.
        let line = |line: &str| line.get(17..).map(|rest| rest.replacen("B ", "D ", 1));
        let mut names: Vec<String> = text.lines().filter(|l| !l.contains(" A ")).filter_map(line).collect();
        names.sort();
        names
    };
    for generation in generations() {
        let directory = fronts(&generation);
        for real in libraries(&generation) {
            let wanted = names(&real.path);
            assert!(wanted.len() > 200, "{wanted:?}");
            assert_eq!(names(&directory.path().join(real.soname)), wanted, "{}", real.path.display());
        }
    }
}

#[test]
fn check_passes_a_right_front_and_names_what_is_wrong_in_others() {
    for (directory, Real { path, soname, .. }) in
        generations().iter().flat_map(|generation| libraries(generation).map(|real| (fronts(generation), real)))
    {
        let right = check(&path, &directory.path().join(soname)).expect("both can be read");
        assert_eq!(right.differences, Vec::<String>::new());
        let library = Library::read(&path).expect("AMD's library");
        let wrong = directory.path().join("wrong.so");
        let differences = |library: &Library| {
            write(&build(library, &Options::default()), &wrong).expect("a front");
            check(&path, &wrong).expect("both can be read").differences
        };
        let mut less = library.clone();
        let gone = less.exports.remove(7);
        assert_eq!(differences(&less), [format!("{}@@{} is missing", gone.name, gone.node)]);
        let mut other = library.clone();
        other.exports[3].binding = match other.exports[3].binding {
            rmcp_front::Binding::Global => rmcp_front::Binding::Weak,
            rmcp_front::Binding::Weak => rmcp_front::Binding::Global,
        };
        assert_eq!(differences(&other).len(), 1);
        let mut renamed = library.clone();
        renamed.soname = "libother.so.1".into();
        assert!(differences(&renamed)[0].contains("libother.so.1"));
        let mut rebuilt = library.clone();
        rebuilt.build_id = "00".into();
        assert!(differences(&rebuilt)[0].contains("another build"));
        let mut orphan = library.clone();
        let node = orphan.nodes.pop().expect("a node");
        assert!(differences(&orphan)[0].contains(&node.name));
        // The real library itself is no front.
        assert!(check(&path, &path).expect("both can be read").differences[0].contains("not a front"));
    }
}

#[test]
fn the_same_library_gives_the_same_bytes_and_a_front_is_known_as_one() {
    for real in generations().iter().flat_map(libraries) {
        let library = Library::read(&real.path).expect("AMD's library");
        let bytes = build(&library, &Options::default());
        assert_eq!(bytes, build(&library, &Options::default()));
        assert!(is_front(&bytes));
        assert!(!is_front(&std::fs::read(&library.path).expect("AMD's library")));
        let tool = b"HSA_AMD_TOOL_PRIORITY";
        assert!(!bytes.windows(tool.len()).any(|w| w == tool), "ROCr loads whatever has this string as a tool");
    }
}

const CALLS: &str = r#"
#define __HIP_PLATFORM_AMD__ 1
#include <hip/hip_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
static void *work(void *unused) {
    (void)unused;
    for (int i = 0; i < 1000; i++)
        if (strcmp(hipGetErrorName(hipErrorInvalidValue), "hipErrorInvalidValue") || hipGetErrorString(hipSuccess) == NULL)
            return (void *)1;
    return NULL;
}
__attribute__((constructor)) static void early(void) {
    int version = 0;
    if (hipRuntimeGetVersion(&version) != hipSuccess || version < 50000000)
        fprintf(stderr, "early call: %d\n", version);
}
int main(void) {
    pthread_t threads[16];
    for (int i = 0; i < 16; i++) pthread_create(&threads[i], NULL, work, NULL);
    long bad = 0;
    for (int i = 0; i < 16; i++) { void *r; pthread_join(threads[i], &r); bad += (long)r; }
    int version = 0;
    hipRuntimeGetVersion(&version);
    printf("%ld %d\n", bad, version);
    return bad != 0;
}
"#;

/// Starts a program under a generation's own loader, with the fronts in `directory` before its libraries.
fn under(generation: &Generation, directory: &Path, program: &Path) -> Command {
    let mut command = Command::new(generation.loader());
    let path = format!("{}:{}", directory.display(), generation.libraries().display());
    command.args(["--library-path", &path]).arg(program).env("CORE_SAY", "1");
    command
}

/// The arguments by which a program is linked with the front of `soname` in `directory`.
fn link(directory: &Path, soname: &str) -> [String; 3] {
    [format!("-L{}", directory.display()), format!("-l:{soname}"), "-Wl,--allow-shlib-undefined".into()]
}

#[test]
fn programs_link_with_both_linkers_and_calls_arrive_eagerly_and_lazily() {
    for generation in generations() {
        let directory = fronts(&generation);
        let directory = directory.path();
        stand_in_core(directory);
        let [hip, _] = libraries(&generation);
        let functions = Library::read(&hip.path).expect("AMD's library").exports.len();
        let major = hip.soname.rsplit('.').next().expect("a version");
        for linker in ["bfd", "lld"] {
            let arguments = [&[format!("-fuse-ld={linker}")][..], &link(directory, hip.soname)].concat();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let program = compile(directory, &format!("calls-{linker}"), CALLS, &arguments);
            for lazy in [false, true] {
                let mut command = under(&generation, directory, &program);
                if lazy {
                    command.env("CORE_LAZY", "1");
                }
                let text = succeed(&mut command, "lld");
                let attached = format!("attached {} {functions} 0", hip.soname);
                assert!(text.contains(&attached), "the front was loaded: {text}");
                assert_eq!(text.contains("resolved hipGetErrorString"), lazy, "{text}");
                assert!(text.lines().any(|line| line.starts_with(&format!("0 {major}"))), "{text}");
                assert_loader_is_silent(&text);
            }
        }
    }
}

/// What the loader says about versions it misses and objects of another size.
fn assert_loader_is_silent(text: &str) {
    for complaint in ["no version information", "different size", "error while loading", "symbol lookup error"] {
        assert!(!text.contains(complaint), "{text}");
    }
}

#[test]
fn the_debuggers_object_is_exported_with_its_size_and_version_and_the_loader_is_silent_about_it() {
    let source = r#"
#include <link.h>
#include <stdio.h>
extern struct r_debug _amdgpu_r_debug;
int hsa_status_string(int, const char **);
int main(void) {
    const char *text = 0;
    printf("status %d\n", hsa_status_string(0x1000, &text));
    printf("object %d\n", &_amdgpu_r_debug != 0);
    return text == 0;
}
"#;
    for generation in generations() {
        let directory = fronts(&generation);
        let directory = directory.path();
        stand_in_core(directory);
        let library = Library::read(&generation.hsa()).expect("AMD's library");
        let object = library.exports.iter().find(|export| export.name == "_amdgpu_r_debug").expect("_amdgpu_r_debug");
        assert_eq!(object.kind, Kind::Object);
        assert!(object.size >= 40, "struct r_debug of link.h: {object:?}");
        let symbols =
            succeed(Command::new("readelf").args(["--wide", "--dyn-syms"]).arg(directory.join(HSA_SONAME)), "binutils");
        let symbol = symbols.lines().find(|line| line.contains("_amdgpu_r_debug")).expect("in the front");
        let words: Vec<&str> = symbol.split_whitespace().collect();
        let wanted = [object.size.to_string(), "OBJECT".into(), format!("_amdgpu_r_debug@@{}", object.node)];
        assert_eq!([words[2], words[3], words[7]], wanted);
        // By a copy in the program, which has to have the object's size, and by address.
        for mode in ["-no-pie", "-fPIE"] {
            let arguments = [&[mode.to_owned()][..], &link(directory, HSA_SONAME)].concat();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let program = compile(directory, &format!("object{mode}"), source, &arguments);
            let text = succeed(&mut under(&generation, directory, &program), "gcc");
            assert!(text.contains("attached libhsa-runtime64.so.1"), "the front was loaded: {text}");
            assert!(text.contains("status 0") && text.contains("object 1"), "{text}");
            assert_loader_is_silent(&text);
        }
    }
}

/// A library whose functions take every kind of register argument, to see that the lazy stub keeps them.
#[test]
fn integer_vector_and_stack_arguments_survive_the_lazy_stub() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    stand_in_core(directory.path());
    let source = r#"
#include <stdarg.h>
double mix(int a, double b, long c, float d, long e, double f, long g, double h, long i, double j, double k, double l, double m, long n, double o) {
    return a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10 + k * 11 + l * 12 + m * 13 + n * 14 + o * 15;
}
double sum(int count, ...) { va_list list; double s = 0; va_start(list, count); for (int i = 0; i < count; i++) s += va_arg(list, double); va_end(list); return s; }
int data[10] = {1};
"#;
    let file = directory.path().join("real.c");
    std::fs::write(&file, source).expect("write");
    let script = directory.path().join("script");
    std::fs::write(&script, "V1 { global: mix; data; local: *; }; V2 { global: sum; } V1;").expect("write");
    let library = directory.path().join("libreal.so.1");
    succeed(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wl,-soname,libreal.so.1"])
            .arg(format!("-Wl,--version-script={}", script.display()))
            .arg(&file)
            .arg("-o")
            .arg(&library),
        "gcc",
    );
    let read = Library::read(&library).expect("a library");
    assert_eq!(read.nodes[1].parents, ["V1"]);
    let fronts = directory.path().join("fronts");
    std::fs::create_dir(&fronts).expect("a directory");
    write(
        &build(&read, &Options { runpath: vec![directory.path().display().to_string()], ..Options::default() }),
        &fronts.join("libreal.so.1"),
    )
    .expect("a front");
    succeed(Command::new("eu-elflint").arg("--gnu-ld").arg(fronts.join("libreal.so.1")), "elfutils");
    let main = r#"
#include <stdio.h>
double mix(int, double, long, float, long, double, long, double, long, double, double, double, double, long, double);
double sum(int, ...);
int main(void) { printf("%.1f %.1f\n", mix(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), sum(9, 1., 2., 3., 4., 5., 6., 7., 8., 9.)); }
"#;
    let program = compile(directory.path(), "mixed", main, &[fronts.join("libreal.so.1").to_str().expect("UTF-8")]);
    for lazy in [None, Some("1")] {
        let mut command = Command::new(&program);
        command.env("LD_LIBRARY_PATH", &fronts);
        if let Some(lazy) = lazy {
            command.env("CORE_LAZY", lazy);
        }
        // 1*1 + 2*2 + ... + 15*15, and 1 + ... + 9.
        assert_eq!(succeed(&mut command, "gcc").trim(), "1240.0 45.0");
    }
}

#[test]
fn the_checked_in_manifests_are_what_the_libraries_export() {
    for Real { path: real, soname, package, version } in generations().iter().flat_map(libraries) {
        let library = Library::read(&real).expect("AMD's library");
        let manifest = Manifest::of(&library, &format!("Debian {package} {version}"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("abi/{soname}-{}.json", upstream(&version)));
        if std::env::var_os("RMCP_UPDATE_MANIFESTS").is_some() {
            std::fs::write(&path, manifest.to_text()).expect("write");
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            // A suite has moved on within its family.
            println!("skipped: there is no {}; RMCP_UPDATE_MANIFESTS=1 writes it", path.display());
            continue;
        };
        let stored = Manifest::from_text(&text).expect("JSON");
        assert_eq!(
            (&stored.nodes, &stored.exports),
            (&manifest.nodes, &manifest.exports),
            "RMCP_UPDATE_MANIFESTS=1 rewrites {}",
            path.display()
        );
        assert_eq!(stored.to_text(), text);
        // A front made from the manifest alone is as good.
        let directory = tempfile::tempdir().expect("a temporary directory");
        let front = directory.path().join(soname);
        write(&build(&stored.library(PathBuf::from("/nowhere")), &Options::default()), &front).expect("a front");
        succeed(Command::new("abidiff").arg(&real).arg(&front), "abigail-tools");
        assert_eq!(check(&real, &front).expect("both can be read").differences, Vec::<String>::new());
    }
}

#[test]
fn a_broken_library_is_refused_with_its_path_and_the_reason() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let whole = std::fs::read(installed()).expect("AMD's library");
    let front = build(&Library::read(&installed()).expect("AMD's library"), &Options::default());
    for (name, bytes, reason) in [
        ("empty", &b""[..], "empty"),
        ("text", b"INPUT(libfoo.so)", "not an ELF file"),
        ("half", &whole[..whole.len() / 2], "truncated"),
        ("header", &whole[..100], "truncated"),
        ("front", &front, "front itself"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).expect("write");
        let error = Library::read(&path).expect_err(name).to_string();
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
    assert!(matches!(Front::read(&installed()), Err(Error::NotFront { .. })));
    assert!(matches!(Library::read(&directory.path().join("missing")), Err(Error::Unreadable { .. })));
    assert!(matches!(write(b"x", &directory.path().join("no/such/directory")), Err(Error::Unwritable { .. })));
}

/// File offset of the value of a dynamic tag.
fn value_of(bytes: &[u8], wanted: u64) -> usize {
    let word =
        |at: usize| usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))).expect("usize");
    let headers = (0..usize::from(u16::from_le_bytes([bytes[56], bytes[57]]))).map(|n| word(32) + 56 * n);
    let dynamic = headers.into_iter().find(|at| bytes[*at..at + 4] == 2u32.to_le_bytes()).expect("PT_DYNAMIC");
    let mut entries = (word(dynamic + 8)..).step_by(16).take_while(|at| word(*at) != 0);
    entries.find(|at| word(*at) as u64 == wanted).expect("the tag") + 8
}

#[test]
fn a_chain_of_version_definitions_that_the_loader_cannot_follow_is_refused() {
    const DT_VERDEF: u64 = 0x6fff_fffc;
    const DT_VERDEFNUM: u64 = 0x6fff_fffd;
    let directory = tempfile::tempdir().expect("a temporary directory");
    for real in generations().iter().flat_map(libraries) {
        let whole = std::fs::read(&real.path).expect("AMD's library");
        let number = |tag| {
            let at = value_of(&whole, tag);
            (at, u64::from_le_bytes(whole[at..at + 8].try_into().expect("8 bytes")))
        };
        let ((chain, first), (counter, count)) = (number(DT_VERDEF), number(DT_VERDEFNUM));
        for (at, value) in [(counter, count - 1), (counter, count + 1), (counter, u64::MAX), (chain, first + 1)] {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let path = directory.path().join(real.soname);
            std::fs::write(&path, &bytes).expect("write");
            let error = Library::read(&path).expect_err("damaged").to_string();
            assert!(error.contains("its version definitions are damaged"), "{value:#x}: {error}");
        }
    }
}

mod property {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn damaged_bytes_never_panic(changes in prop::collection::vec((0usize..80_000, any::<u8>()), 1..40), cut in 0usize..120_000) {
            let library = Library::read(&installed()).expect("AMD's library");
            let mut bytes = build(&library, &Options::default());
            // Most of the changes go where the headers and tables are.
            for (at, value) in changes {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            bytes.truncate(cut);
            let directory = tempfile::tempdir().expect("a temporary directory");
            let path = directory.path().join("damaged");
            std::fs::write(&path, &bytes).expect("write");
            let _ = Library::read(&path);
            let _ = Front::read(&path);
            let _ = check(&installed(), &path);
        }
    }
}
