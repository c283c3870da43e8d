//! Debian packages of AMD's libraries, and a root in which dpkg installs them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rmcp_fixtures::{Generation, HSA_PACKAGE, HSA_SONAME};

use super::in_place::{ends, rmcp};
use super::libraries::{self, MULTIARCH, rebuild};
use super::listing::{Listing, snapshot};
use crate::support::succeed;

/// dpkg's own files.
const DATABASE: &str = "var/lib/dpkg";

/// The regular file of one of AMD's libraries, and its SONAME, to which a link leads.
pub struct Library {
    pub file: PathBuf,
    pub name: String,
    pub soname: String,
}

impl Library {
    pub fn hip(generation: &Generation) -> Self {
        Self::of(&generation.hip(), generation.suite.hip_soname)
    }

    pub fn hsa(generation: &Generation) -> Self {
        Self::of(&generation.hsa(), HSA_SONAME)
    }

    fn of(path: &Path, soname: &str) -> Self {
        let file = path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = file.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        Self { file, name, soname: soname.to_owned() }
    }

    /// The same from another build: nothing but the build-id differs.
    pub fn rebuilt(self, directory: &Path) -> Self {
        let file = directory.join(&self.name);
        rebuild(&self.file, &file);
        Self { file, ..self }
    }

    /// Where it is installed.
    pub fn path(&self) -> PathBuf {
        Path::new(MULTIARCH).join(&self.name)
    }

    /// Where the real one is once it has a front.
    pub fn saved(&self) -> PathBuf {
        libraries::saved(&self.path())
    }
}

/// Builds `PACKAGE_VERSION_amd64.deb` in `directory`: the library and a link by its SONAME.
pub fn deb(directory: &Path, package: &str, version: &str, library: &Library) -> PathBuf {
    let stage = tempfile::tempdir().expect("a temporary directory");
    let libraries = stage.path().join(MULTIARCH);
    std::fs::create_dir_all(stage.path().join("DEBIAN")).expect("create");
    std::fs::create_dir_all(&libraries).expect("create");
    let control = format!(
        "Package: {package}\nVersion: {version}\nArchitecture: amd64\nMaintainer: RMCP's tests <none@example.org>\nDescription: a library of AMD's\n"
    );
    std::fs::write(stage.path().join("DEBIAN/control"), control).expect("write");
    std::fs::copy(&library.file, libraries.join(&library.name)).expect("copy");
    symlink(&library.name, libraries.join(&library.soname)).expect("link");
    let deb = directory.join(format!("{package}_{version}_amd64.deb"));
    succeed(Command::new("dpkg-deb").args(["-Znone", "--build"]).arg(stage.path()).arg(&deb));
    deb
}

/// The packages of a release: HIP's and HSA's.
pub struct Release {
    pub hip: Library,
    pub hsa: Library,
    debs: Vec<PathBuf>,
    _directory: tempfile::TempDir,
}

impl Release {
    /// A generation's own libraries, or another build of them.
    pub fn new(generation: &Generation, version: &str, is_rebuilt: bool) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let build = |library: Library| if is_rebuilt { library.rebuilt(directory.path()) } else { library };
        let (hip, hsa) = (build(Library::hip(generation)), build(Library::hsa(generation)));
        let debs = [("libamdhip64-5", &hip), (HSA_PACKAGE, &hsa)]
            .map(|(package, library)| deb(directory.path(), package, version, library))
            .into();
        Self { hip, hsa, debs, _directory: directory }
    }

    pub fn libraries(&self) -> [&Library; 2] {
        [&self.hip, &self.hsa]
    }
}

/// A tree in which dpkg installs.
pub struct Root {
    directory: tempfile::TempDir,
}

impl Root {
    /// With a merged `/usr`, as Debian has it, and no packages.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().join("root");
        for name in [MULTIARCH, "var/lib/dpkg/info", "var/lib/dpkg/updates"] {
            std::fs::create_dir_all(root.join(name)).expect("create");
        }
        symlink("usr/lib", root.join("lib")).expect("link");
        succeed(Command::new("touch").args(["-h", "-d", "@1700000000"]).arg(root.join("lib")));
        std::fs::write(root.join("var/lib/dpkg/status"), "").expect("write");
        Self { directory }
    }

    pub fn path(&self) -> PathBuf {
        // Programs report the paths that they see.
        self.directory.path().canonicalize().expect("the directory").join("root")
    }

    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path().join(path)
    }

    /// dpkg with these words, in this tree; stdout and stderr.
    pub fn dpkg<W: AsRef<std::ffi::OsStr>>(&self, words: impl IntoIterator<Item = W>) -> String {
        let mut command = Command::new("dpkg");
        command.arg("--root").arg(self.path()).arg("--force-not-root").args(words).env("LC_ALL", "C");
        let output = succeed(&mut command);
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8")).concat()
    }

    pub fn install(&self, release: &Release) {
        self.dpkg([Path::new("--install")].into_iter().chain(release.debs.iter().map(PathBuf::as_path)));
    }

    pub fn purge(&self) {
        self.dpkg(["--purge", "libamdhip64-5", HSA_PACKAGE]);
    }

    /// What dpkg finds changed in its packages' files: nothing, demanded.
    #[track_caller]
    pub fn verify(&self) {
        assert_eq!(self.dpkg(["--verify"]), "");
    }

    /// `rmcp WORD --system --root ROOT`: demands the exit code, gives stdout.
    #[track_caller]
    pub fn rmcp(&self, word: &str, options: &[&str], expected: i32) -> String {
        let mut command = rmcp(self.directory.path());
        ends(command.arg(word).args(["--system", "--root"]).arg(self.path()).args(options), expected)
    }

    /// The list of diversions.
    pub fn diversions(&self) -> String {
        std::fs::read_to_string(self.join(DATABASE).join("diversions")).unwrap_or_default()
    }

    /// The tree without dpkg's own files.
    pub fn snapshot(&self) -> Listing {
        let mut entries = snapshot(&self.path());
        entries.retain(|path, _| !path.starts_with(DATABASE));
        entries
    }

    /// Everything but directories, and without dpkg's own files.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = self.snapshot();
        entries.into_iter().filter(|(_, entry)| !entry.is_directory()).map(|(path, _)| path).collect()
    }
}
