//! Python environments with wheels of AMD's libraries, installed by pip or uv.

use std::path::{Path, PathBuf};
use std::process::Command;

use rmcp_fixtures::{Generation, HSA_SONAME};

use super::in_place::{ends, rmcp, run_in_place};
use super::libraries::{SearchPath, bare, build_id, hashed, patchelf, rebuild, saved};
use super::listing::{Listing, snapshot};
use crate::support::{Run, succeed};

/// How a wheel holds AMD's libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// PyTorch's oldest ROCm wheels: hashed names, DT_RUNPATH.
    TorchHashed,
    /// The later ones: bare names, DT_RPATH.
    TorchBare,
    /// TheRock's SDK: names are SONAMEs, DT_RPATH.
    TheRock,
}

pub const LAYOUTS: [Layout; 3] = [Layout::TorchHashed, Layout::TorchBare, Layout::TheRock];

impl Layout {
    /// The distribution, as its files have the name, and its package.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::TorchHashed | Self::TorchBare => ("torch", "torch"),
            Self::TheRock => ("rocm_sdk_core", "_rocm_sdk_core"),
        }
    }

    /// File names of the HIP and the HSA library.
    fn libraries(self, hip_soname: &str) -> [String; 2] {
        [hip_soname, HSA_SONAME].map(|soname| match self {
            Self::TorchHashed => hashed(soname),
            Self::TorchBare => bare(soname),
            Self::TheRock => soname.to_owned(),
        })
    }
}

/// A wheel, and what is in it.
pub struct Wheel {
    pub layout: Layout,
    pub file: PathBuf,
    /// The HIP and the HSA library: path in `site-packages`, and build-id.
    pub libraries: [(PathBuf, String); 2],
    _directory: tempfile::TempDir,
}

impl Wheel {
    /// Of a generation's libraries, or of another build of them.
    pub fn new(layout: Layout, generation: &Generation, version: &str, is_rebuilt: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let names = layout.libraries(generation.suite.hip_soname);
        let files = [(generation.hip(), &names[0]), (generation.hsa(), &names[1])].map(|(from, name)| {
            let file = directory.path().join(name);
            match is_rebuilt {
                true => rebuild(&from, &file),
                false => _ = std::fs::copy(&from, &file).unwrap_or_else(|e| panic!("{}: {e}", from.display())),
            }
            file
        });
        patchelf(&files[0], &["--replace-needed", HSA_SONAME, &names[1]]);
        let tag = match layout {
            Layout::TorchHashed => SearchPath::Runpath,
            Layout::TorchBare | Layout::TheRock => SearchPath::Rpath,
        };
        files.iter().for_each(|file| tag.set(file, "$ORIGIN"));
        let (distribution, package) = layout.names();
        let inside = |name: &String| Path::new(package).join("lib").join(name);
        let pairs =
            files.iter().zip(&names).map(|(file, name)| format!("{}={}", inside(name).display(), file.display()));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/wheel.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(directory.path()).args([distribution, version, package]).args(pairs);
        let file = String::from_utf8(succeed(&mut command).stdout).expect("UTF-8").trim_end().into();
        let libraries = [0, 1].map(|at| (inside(&names[at]), build_id(&files[at])));
        Self { layout, file, libraries, _directory: directory }
    }
}

/// What installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    Pip,
    Uv,
}

/// pip, and uv if there is one; if not, that is said.
pub fn installers() -> Vec<Installer> {
    match Command::new("uv").arg("--version").output() {
        Ok(output) if output.status.success() => vec![Installer::Pip, Installer::Uv],
        _ => {
            println!("skipped: uv is not installed");
            vec![Installer::Pip]
        }
    }
}

/// A virtual environment.
pub struct Environment {
    installer: Installer,
    directory: tempfile::TempDir,
}

impl Environment {
    pub fn new(installer: Installer) -> Self {
        let environment = Self { installer, directory: tempfile::tempdir().expect("a temporary directory") };
        let mut command = environment.quiet(Command::new("python3"));
        command.args(["-m", "venv"]);
        if installer == Installer::Uv {
            command.arg("--without-pip");
        }
        succeed(command.arg(environment.path()));
        environment
    }

    pub fn path(&self) -> PathBuf {
        // Programs report the paths that they see.
        self.directory.path().canonicalize().expect("the directory").join("environment")
    }

    fn python(&self) -> PathBuf {
        self.path().join("bin/python")
    }

    pub fn site_packages(&self) -> PathBuf {
        let mut versions = std::fs::read_dir(self.path().join("lib")).expect("lib");
        versions.next().expect("python3.N").expect("an entry").path().join("site-packages")
    }

    /// Without the user's settings, and without compiled modules that a mere import would leave.
    fn quiet(&self, mut command: Command) -> Command {
        let settings = |name: &str| ["PIP_", "UV_", "PYTHON"].iter().any(|prefix| name.starts_with(prefix));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(settings)) {
            command.env_remove(name);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PIP_CONFIG_FILE", "/dev/null");
        command.envs([("PIP_NO_CACHE_DIR", "1"), ("PIP_DISABLE_PIP_VERSION_CHECK", "1")]);
        command.envs([("UV_NO_CONFIG", "1"), ("UV_OFFLINE", "1"), ("UV_LINK_MODE", "hardlink")]);
        command.env("UV_CACHE_DIR", self.cache());
        command
    }

    /// `pip WORD` or `uv pip WORD`, in this environment.
    fn manage(&self, word: &str) -> Command {
        match self.installer {
            Installer::Pip => {
                let mut command = self.quiet(Command::new(self.python()));
                command.args(["-m", "pip", word]);
                command
            }
            Installer::Uv => {
                let mut command = self.quiet(Command::new("uv"));
                command.args(["pip", word, "--python"]).arg(self.python());
                command
            }
        }
    }

    /// Where uv links files from.
    pub fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    pub fn install(&self, wheel: &Wheel) {
        let again = match self.installer {
            Installer::Pip => "--force-reinstall",
            Installer::Uv => "--reinstall",
        };
        succeed(self.manage("install").args(["--no-index", "--no-deps", again]).arg(&wheel.file));
    }

    pub fn uninstall(&self, wheel: &Wheel) {
        let mut command = self.manage("uninstall");
        if self.installer == Installer::Pip {
            command.arg("--yes");
        }
        succeed(command.arg(wheel.layout.names().0));
    }

    /// Demands that the installer finds nothing wrong.
    pub fn check(&self) {
        succeed(&mut self.manage("check"));
    }

    /// `rmcp WORD --python ENV`: demands the exit code, gives stdout.
    #[track_caller]
    pub fn rmcp(&self, word: &str, options: &[&str], expected: i32) -> String {
        let mut command = rmcp(self.directory.path());
        ends(command.arg(word).arg("--python").arg(self.path()).args(options), expected)
    }

    /// Opens the wheel's HIP library in the environment's Python, by ctypes, and makes one host allocation.
    pub fn run(&self, wheel: &Wheel) -> Run {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/alloc.py");
        let library = self.site_packages().join(&wheel.libraries[0].0);
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        run_in_place(&[("PYTHONDONTWRITEBYTECODE", "1")], &self.python(), &[&text(&script), &text(&library)])
    }

    /// The wheel's real libraries behind their fronts: path and build-id.
    pub fn behind_fronts(&self, wheel: &Wheel) -> Vec<(PathBuf, String)> {
        wheel.libraries.iter().map(|(path, id)| (saved(&self.site_packages().join(path)), id.clone())).collect()
    }

    pub fn snapshot(&self) -> Listing {
        snapshot(&self.path())
    }

    /// The list of a distribution's files.
    pub fn record(&self, wheel: &Wheel) -> String {
        let (name, _) = wheel.layout.names();
        let entries = std::fs::read_dir(self.site_packages()).expect("site-packages");
        let mut names = entries.map(|entry| entry.expect("an entry").path());
        let is_its = |path: &PathBuf| {
            let file = path.file_name().expect("a name").to_string_lossy();
            file.starts_with(&format!("{name}-")) && file.ends_with(".dist-info")
        };
        let directory = names.find(is_its).unwrap_or_else(|| panic!("{name} is not installed"));
        std::fs::read_to_string(directory.join("RECORD")).expect("RECORD")
    }
}
