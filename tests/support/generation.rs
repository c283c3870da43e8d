//! Programs of every ROCm generation: compiled against its headers and by its compiler, run under its own loader on the virtual card.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

#[allow(unused_imports)] // each test binary uses a part of it
pub use rmcp_fixtures::{Generation, generations};
use rmcp_fixtures::{HSA_SONAME, Origin};

use super::{Policy, Run, fnv, front_was_loaded, on_card_with, program, succeed};

/// The command that starts `program` with this generation's libraries: the generation's loader and its words before the program.
pub fn command(generation: &Generation, program: &Path) -> Command {
    let mut command = Command::new(generation.loader());
    command.arg("--library-path").arg(generation.libraries()).arg(program);
    command
}

/// A program that the generation's packages have, e.g. `rocminfo`.
pub fn tool(generation: &Generation, name: &str) -> PathBuf {
    generation.root.join("usr/bin").join(name)
}

/// Runs a program of this generation on the virtual card `spec`: with AMD's libraries alone, or by `rmcp run` with a policy. With a policy under which there
/// is a record, the record must have the generation's front of `libamdhip64` or, for a program of HSA alone, of `libhsa-runtime64`: a run in which
/// the loader silently took AMD's library would show nothing.
pub fn run(generation: &Generation, spec: &str, policy: Policy, program: &Path, arguments: &[&str]) -> Run {
    run_with(generation, spec, policy, &[], program, arguments)
}

/// As [`run`], with further environment variables.
pub fn run_with(
    generation: &Generation,
    spec: &str,
    policy: Policy,
    environment: &[(&str, &str)],
    program: &Path,
    arguments: &[&str],
) -> Run {
    let libraries = generation.libraries();
    let text = |path: &'_ Path| path.to_str().expect("UTF-8").to_owned();
    let (libraries, path) = (text(&libraries), text(program));
    let words = [&["--library-path", &libraries, &path], arguments].concat();
    let run = on_card_with(spec, policy, environment, &generation.loader(), &words);
    if !run.report.is_null() {
        let opened = |soname: &str, real: PathBuf| {
            let fronts = run.report["fronts"].as_array().expect("fronts");
            let real = real.to_str().expect("UTF-8");
            front_was_loaded(&run.report, soname)
                && fronts.iter().filter(|front| front["soname"] == soname).all(|front| front["real_path"] == real)
        };
        assert!(
            opened(generation.suite.hip_soname, generation.hip()) || opened(HSA_SONAME, generation.hsa()),
            "{}: no front of this generation was loaded: {}\n{}",
            generation.name(),
            run.report["fronts"],
            run.stderr
        );
    }
    run
}

/// A program of `tests/programs`, compiled for this generation, once per content and arguments. `.hip.cpp` programs have code for gfx1010 and gfx1030.
pub fn compile(generation: &Generation, source: &str, arguments: &[&str]) -> PathBuf {
    if generation.suite.origin == Origin::Installed {
        return program(source, arguments);
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(source);
    let text = std::fs::read(&source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    let name = source.file_name().expect("a file name").to_string_lossy().into_owned();
    let versions: String = generation.packages.iter().map(|(name, version)| format!("{name} {version}\0")).collect();
    let root = generation.root.to_string_lossy();
    let key = fnv(&[&text[..], arguments.join("\0").as_bytes(), versions.as_bytes(), root.as_bytes()].concat());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let stem = format!("{}-{}-{key:016x}", name.split('.').next().expect("a stem"), generation.name());
    let out = directory.join(&stem);
    // As in `program`: compiled beside and renamed.
    static COMPILING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = COMPILING.lock().unwrap_or_else(PoisonError::into_inner);
    if !out.exists() {
        let temporary = tempfile::tempdir_in(directory).expect("a temporary directory");
        let half = temporary.path().join("program");
        let compiler = Compiler::new(generation, temporary.path());
        let mut command = compiler.command(&name);
        succeed(command.arg(&source).arg("-o").arg(&half).arg("-lamdhip64").args(arguments));
        std::fs::rename(&half, &out).expect("rename the compiled program");
    }
    out
}

/// The generation's own clang.
///
/// Its programs need the generation's C library, and so its loader, and clang starts itself and the linkers as programs of their own: scripts stand in for them
/// all, in a directory that clang takes for its own since it goes by the name under which it was called. hipcc cannot be used: it looks for clang, the
/// device libraries and HIP at absolute paths of an installed system, and starts them without a loader.
struct Compiler<'a> {
    generation: &'a Generation,
    /// `llvm-N` as clang sees it: `bin` with the scripts, `lib` with its headers and device libraries.
    directory: PathBuf,
}

impl<'a> Compiler<'a> {
    fn new(generation: &'a Generation, temporary: &Path) -> Self {
        let directory = temporary.join("llvm");
        let real = Self::llvm(generation);
        std::fs::create_dir_all(directory.join("bin")).expect("create");
        symlink(real.join("lib"), directory.join("lib")).expect("link");
        for name in ["clang", "clang++", "clang-offload-bundler", "ld.lld", "lld"] {
            let script = directory.join("bin").join(name);
            let text = format!(
                "#!/bin/sh\nexec '{}' --library-path '{}' --argv0 \"$0\" '{}' \"$@\"\n",
                generation.loader().display(),
                generation.libraries().display(),
                real.join("bin").join(name).display()
            );
            std::fs::write(&script, text).expect("write");
            std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("mode");
        }
        Self { generation, directory }
    }

    /// The directory of the only LLVM that the generation's packages depend on.
    fn llvm(generation: &Generation) -> PathBuf {
        let clang = generation.packages.keys().find_map(|name| name.strip_prefix("clang-")?.parse::<u32>().ok());
        generation.root.join(format!("usr/lib/llvm-{}", clang.expect("hipcc depends on clang-N")))
    }

    /// clang with everything but the source and the libraries.
    fn command(&self, source: &str) -> Command {
        let root = self.generation.root.display();
        let hip = source.ends_with(".hip.cpp");
        let name = if source.ends_with(".c") { "clang" } else { "clang++" };
        let mut command = Command::new(self.directory.join("bin").join(name));
        command.args(["-no-canonical-prefixes", "-fuse-ld=lld", "-O2", "-Wno-deprecated-declarations"]);
        command.arg(format!("--sysroot={root}"));
        if hip {
            // What hipcc passes (its `HipBinAmd::executeHipCCCmd`), with the paths of the unpacked root.
            command.args(["-x", "hip", "--hip-link", "-std=c++17"]);
            command.args(["--offload-arch=gfx1010", "--offload-arch=gfx1030"]);
            command.arg(format!("--rocm-path={root}/usr"));
            command.arg(format!("--rocm-device-lib-path={}", self.device_libraries().display()));
        }
        // What clang makes on the way is removed with its directory.
        command.env("TMPDIR", &self.directory);
        command
    }

    /// `rocm-device-libs-N` installs into clang's own directory.
    fn device_libraries(&self) -> PathBuf {
        let clang = self.directory.join("lib/clang");
        let versions = std::fs::read_dir(&clang).unwrap_or_else(|e| panic!("{}: {e}", clang.display()));
        let mut places = versions.map(|version| version.expect("an entry").path().join("amdgcn/bitcode"));
        places.find(|place| place.is_dir()).unwrap_or_else(|| panic!("{}: no amdgcn/bitcode", clang.display()))
    }
}
