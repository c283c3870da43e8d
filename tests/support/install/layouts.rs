//! The trees in which AMD's libraries are found in the field, built of a generation's real libraries, each with a program that reaches them in the tree's own way.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use rmcp_fixtures::HSA_SONAME;

use super::in_place::{ends, own_list, rmcp, run_in_place};
use super::libraries::{MULTIARCH, SearchPath, bare, build_id, hashed, patchelf, rebuild};
use crate::support::generation::{Generation, compile};
use crate::support::{Run, on_card_with, succeed};

/// What a program of a layout calls.
pub const CALLS: [&str; 3] = ["hipMalloc", "hipHostMalloc", "hipHostMalloc:0x2"];
/// When everything in a tree was last changed, and when an upgrade changed it: seconds since 1970.
const BUILT: &str = "@1700000000.123456789";
const UPGRADED: u64 = 1_710_000_000;

/// A way in which the libraries lie in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian's: versioned files, links by SONAME, a link for the linker; found by library path.
    Multiarch,
    /// AMD's own packages: `/opt/rocm-X.Y.Z`, which `/opt/rocm` leads to by absolute links; RUNPATH.
    OptRocm,
    /// The oldest ROCm wheels of PyTorch: hashed names, RUNPATH.
    TorchHashed,
    /// The later ones: bare names, DT_RPATH, and a RECORD.
    TorchBare,
    /// TheRock's SDK wheels: files named by SONAME, DT_RPATH, opened by absolute path.
    TheRock,
    /// conda: hard links into a cache of packages, DT_RPATH.
    Conda,
    /// Triton's own copies, bare and by SONAME, opened by absolute path.
    Triton,
}

pub const KINDS: [Kind; 7] =
    [Kind::Multiarch, Kind::OptRocm, Kind::TorchHashed, Kind::TorchBare, Kind::TheRock, Kind::Conda, Kind::Triton];

/// A part of a command line.
#[derive(Clone, Debug)]
enum Word {
    InTree(PathBuf),
    Text(&'static str),
}

/// A tree with libraries and a program. Paths are relative to the tree, which can be moved.
#[derive(Debug)]
pub struct Layout {
    pub kind: Kind,
    /// Whose libraries they are, and under whose loader the program runs.
    pub generation: Generation,
    pub tree: PathBuf,
    /// The regular files of the HIP and HSA libraries that the program comes to.
    pub hip: PathBuf,
    pub hsa: PathBuf,
    /// All regular files that are one of AMD's libraries, these two among them.
    pub libraries: Vec<PathBuf>,
    /// What the tree's package manager replaces in an upgrade besides the libraries: its own lists.
    lists: Vec<PathBuf>,
    /// The Python environment, if it is one.
    environment: Option<PathBuf>,
    /// Other arguments that name it.
    named_by: Option<Vec<OsString>>,
    /// On the program's library path, in front of what the suite has besides AMD's libraries.
    library_path: Option<PathBuf>,
    program: Vec<Word>,
    directory: tempfile::TempDir,
}

impl Layout {
    /// With the libraries as they are.
    pub fn build(kind: Kind, generation: &Generation) -> Self {
        Builder::new(kind, generation).build()
    }

    /// A copy of it, in a place of its own, that has the same attributes and times.
    pub fn twin(&self) -> Self {
        let (directory, tree) = place();
        succeed(Command::new("cp").arg("-a").arg(&self.tree).arg(&tree));
        Self {
            kind: self.kind,
            generation: self.generation.clone(),
            tree,
            hip: self.hip.clone(),
            hsa: self.hsa.clone(),
            libraries: self.libraries.clone(),
            lists: self.lists.clone(),
            environment: self.environment.clone(),
            named_by: None,
            library_path: self.library_path.clone(),
            program: self.program.clone(),
            directory,
        }
    }

    /// The same with libraries from another build of the same source: what differs is their build-ids, and the manager's lists of them.
    pub fn rebuilt(&self) -> Self {
        let twin = self.twin();
        for file in &twin.libraries {
            let file = twin.tree.join(file);
            rebuild(&file, &file);
        }
        for list in &twin.lists {
            let list = twin.tree.join(list);
            let text = std::fs::read_to_string(&list).expect("read");
            std::fs::write(&list, format!("{text}\n")).expect("write");
        }
        twin
    }

    /// For messages.
    pub fn name(&self) -> String {
        format!("{:?} {}", self.kind, self.generation.name())
    }

    pub fn hip(&self) -> PathBuf {
        self.tree.join(&self.hip)
    }

    pub fn hsa(&self) -> PathBuf {
        self.tree.join(&self.hsa)
    }

    /// The arguments by which `rmcp` is told of the tree.
    pub fn target(&self) -> Vec<OsString> {
        match (&self.named_by, &self.environment) {
            (Some(arguments), _) => arguments.clone(),
            (None, Some(environment)) => vec!["--python".into(), self.tree.join(environment).into()],
            (None, None) => vec!["--system".into(), "--root".into(), self.tree.clone().into()],
        }
    }

    /// Names it by other arguments.
    pub fn named_by(&mut self, arguments: Vec<OsString>) {
        self.named_by = Some(arguments);
    }

    /// Runs another program of the tree, which needs no arguments but the calls.
    pub fn runs_program(&mut self, program: &str) {
        self.program = vec![Word::InTree(program.into())];
    }

    /// Moves the tree to another place.
    pub fn relocate(&mut self) {
        let to = self.directory.path().join("moved elsewhere");
        std::fs::rename(&self.tree, &to).expect("move the tree");
        self.tree = to;
    }

    /// What the tree's manager does to bring it to the files of `next`: new inodes under the old names, new lists, new times.
    pub fn upgrade(&mut self, next: &Self) {
        assert_eq!(self.libraries, next.libraries, "an upgrade that keeps the names");
        for file in self.libraries.iter().chain(&self.lists) {
            let (from, to) = (next.tree.join(file), self.tree.join(file));
            if self.kind == Kind::Conda && self.libraries.contains(file) {
                // Unlinked, and linked into the cache's new package.
                let cached = self.tree.join("pkgs/hip-next").join(file.file_name().expect("a name"));
                copy(&from, &cached);
                modified(&cached);
                std::fs::remove_file(&to).expect("remove");
                std::fs::hard_link(&cached, &to).expect("hard link");
            } else {
                let beside = to.with_extension("dpkg-new");
                copy(&from, &beside);
                modified(&beside);
                std::fs::rename(&beside, &to).expect("rename");
            }
        }
        let directories = self.libraries.iter().chain(&self.lists).map(|file| self.tree.join(file));
        for directory in directories.filter_map(|file| file.parent().map(Path::to_owned)) {
            modified(&directory);
        }
        if self.kind == Kind::Conda {
            modified(&self.tree.join("pkgs/hip-next"));
            modified(&self.tree.join("pkgs"));
        }
        self.generation = next.generation.clone();
    }

    /// The program with [`CALLS`], as the words of a command line.
    fn words(&self) -> Vec<String> {
        let mut path: Vec<PathBuf> = self.library_path.iter().map(|path| self.tree.join(path)).collect();
        path.push(without_amds(&self.generation, self.directory.path()));
        let path = std::env::join_paths(path).expect("paths without colons");
        let mut words = vec![text(&self.generation.loader()), "--library-path".to_owned(), text(path.as_ref())];
        words.extend(self.program.iter().map(|word| match word {
            Word::InTree(path) => text(&self.tree.join(path)),
            Word::Text(text) => (*text).to_owned(),
        }));
        words.extend(CALLS.map(str::to_owned));
        words
    }

    /// Runs the program on a virtual RX 6800 as its user would, without `rmcp run`. The report is `Null` if no RMCP was there to record.
    pub fn run(&self) -> Run {
        // The loader says on stderr which libraries it initialises.
        self.run_by(|program, arguments| run_in_place(&[("LD_DEBUG", "libs")], program, arguments))
    }

    /// The same under `rmcp run`.
    pub fn run_by_rmcp(&self) -> Run {
        let (variable, list) = own_list(self.directory.path());
        let environment = [(variable, list.to_str().expect("UTF-8"))];
        self.run_by(|program, arguments| on_card_with("gfx1030", Some("default"), &environment, program, arguments))
    }

    fn run_by(&self, run: impl FnOnce(&Path, &[&str]) -> Run) -> Run {
        let words = self.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(Path::new(words[0]), &words[1..])
    }

    /// `rmcp WORD` and the tree's name: demands the exit code, gives stdout.
    #[track_caller]
    pub fn rmcp(&self, word: &str, options: &[&str], expected: i32) -> String {
        self.by(&mut rmcp(self.directory.path()), word, options, expected)
    }

    /// The same with another `rmcp` than the one that is tested.
    #[track_caller]
    pub fn by_other(&self, rmcp: &Path, word: &str, options: &[&str], expected: i32) -> String {
        self.by(Command::new(rmcp).envs([own_list(self.directory.path())]), word, options, expected)
    }

    #[track_caller]
    fn by(&self, rmcp: &mut Command, word: &str, options: &[&str], expected: i32) -> String {
        println!("{}: rmcp {word} {options:?}", self.name());
        ends(rmcp.arg(word).args(self.target()).args(options), expected)
    }
}

/// Files named like AMD's libraries that the loader initialised, without the links on the way.
pub fn loaded(run: &Run) -> Vec<PathBuf> {
    let paths = run.stderr.lines().filter_map(|line| line.split_once("calling init: ")).map(|(_, path)| path);
    let mut found: Vec<PathBuf> = paths
        .filter(|path| ["libamdhip64", "libhsa-runtime64"].iter().any(|name| path.contains(name)))
        .map(|path| Path::new(path).canonicalize().unwrap_or_else(|e| panic!("{path}: {e}")))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// What RMCP, or the program, said: stderr without the loader's lines.
pub fn said(run: &Run) -> String {
    let ours = |line: &&str| !line.trim_start().starts_with(|c: char| c.is_ascii_digit()) && !line.trim().is_empty();
    run.stderr.lines().filter(ours).collect::<Vec<_>>().join("\n")
}

/// A directory, and the place in it for a tree, without symbolic links: programs report the paths that they see.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let tree = directory.path().canonicalize().expect("the directory").join("tree");
    (directory, tree)
}

struct Builder {
    layout: Layout,
}

impl Builder {
    fn new(kind: Kind, generation: &Generation) -> Self {
        let (directory, tree) = place();
        let layout = Layout {
            kind,
            generation: generation.clone(),
            tree,
            hip: PathBuf::new(),
            hsa: PathBuf::new(),
            libraries: Vec::new(),
            lists: Vec::new(),
            environment: None,
            named_by: None,
            library_path: None,
            program: Vec::new(),
            directory,
        };
        Self { layout }
    }

    fn build(mut self) -> Layout {
        std::fs::create_dir(&self.layout.tree).expect("create");
        match self.layout.kind {
            Kind::Multiarch => self.multiarch(),
            Kind::OptRocm => self.opt_rocm(),
            Kind::TorchHashed => self.torch_hashed(),
            Kind::TorchBare => self.torch_bare(),
            Kind::TheRock => self.therock(),
            Kind::Conda => self.conda(),
            Kind::Triton => self.triton(),
        }
        succeed(Command::new("find").arg(&self.layout.tree).args(["-exec", "touch", "-h", "-d", BUILT, "{}", "+"]));
        self.layout
    }

    fn multiarch(&mut self) {
        let directory = Path::new(MULTIARCH);
        self.libraries_with_links(directory);
        self.link("lib", "usr/lib");
        self.loader_configuration(&["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"]);
        let program = self.alloc("usr/bin/hip_client");
        self.layout.library_path = Some(directory.to_owned());
        self.layout.program = vec![Word::InTree(program)];
    }

    fn opt_rocm(&mut self) {
        let rocm = format!("opt/rocm-{}", self.layout.generation.name());
        self.libraries_with_links(&Path::new(&rocm).join("lib"));
        self.search_path("$ORIGIN", SearchPath::Runpath, &self.layout.libraries);
        self.link("etc/alternatives/rocm", &format!("/{rocm}"));
        self.link("opt/rocm", "/etc/alternatives/rocm");
        self.loader_configuration(&["/opt/rocm/lib"]);
        let program = self.alloc(format!("{rocm}/bin/hip_client"));
        self.search_path("$ORIGIN/../lib", SearchPath::Runpath, [&program]);
        self.layout.program = vec![Word::InTree(program)];
    }

    fn torch_hashed(&mut self) {
        let torch = self.environment("env").join("torch");
        let soname = self.soname();
        let (hip, hsa) = (hashed(soname), hashed(HSA_SONAME));
        self.two_libraries(&torch.join("lib"), &hip, &hsa);
        self.needs(&self.layout.hip, HSA_SONAME, &hsa);
        self.search_path("$ORIGIN", SearchPath::Runpath, &self.layout.libraries);
        let program = self.alloc(torch.join("bin/torch_shm_manager"));
        self.needs(&program, soname, &hip);
        self.search_path("$ORIGIN/../lib", SearchPath::Runpath, [&program]);
        self.layout.program = vec![Word::InTree(program)];
    }

    fn torch_bare(&mut self) {
        let packages = self.environment("env");
        let lib = packages.join("torch/lib");
        self.two_libraries(&lib, "libamdhip64.so", "libhsa-runtime64.so");
        self.needs(&self.layout.hip, HSA_SONAME, "libhsa-runtime64.so");
        let client = self.alloc_library(&lib.join("libtorch_hip.so"));
        self.needs(&client, self.soname(), "libamdhip64.so");
        self.search_path("$ORIGIN", SearchPath::Rpath, self.layout.libraries.iter().chain([&client]));
        let files = [self.layout.hip.clone(), self.layout.hsa.clone(), client.clone()];
        self.record(&packages, "torch-2.7.1.dist-info", &files);
        self.load("env/bin/load", vec![Word::InTree(client)]);
    }

    fn therock(&mut self) {
        let packages = self.environment("env");
        let soname = self.soname();
        self.two_libraries(&packages.join("_rocm_sdk_core/lib"), soname, HSA_SONAME);
        self.search_path("$ORIGIN", SearchPath::Rpath, &self.layout.libraries);
        for name in [soname, HSA_SONAME] {
            let devel = packages.join("_rocm_sdk_devel/lib");
            self.link(devel.join(name), &format!("../../_rocm_sdk_core/lib/{name}"));
            self.link(devel.join(bare(name)), name);
        }
        let client = self.alloc_library(&packages.join("torch/lib/libtorch_hip.so"));
        self.search_path("$ORIGIN/../../_rocm_sdk_core/lib", SearchPath::Rpath, [&client]);
        let hip = self.layout.hip.clone();
        self.load("env/bin/load", vec![Word::InTree(hip), Word::InTree(client)]);
    }

    fn conda(&mut self) {
        let environment = Path::new("envs/rocm");
        let lib = environment.join("lib");
        self.libraries_with_links(&lib);
        self.search_path("$ORIGIN", SearchPath::Rpath, &self.layout.libraries);
        let cache = self.directory("pkgs/hip");
        for file in &self.layout.libraries {
            let name = file.file_name().expect("a name");
            std::fs::hard_link(self.layout.tree.join(file), cache.join(name)).expect("hard link");
        }
        self.file(environment.join("bin/python3.11"), "#!/bin/sh\nexit 1\n");
        self.link(environment.join("bin/python3"), "python3.11");
        self.directory(lib.join("python3.11/site-packages"));
        self.file(environment.join("conda-meta/history"), "==> 2026-01-01 00:00:00 <==\n");
        let list = environment.join("conda-meta/hip-6.0-0.json");
        let files: Vec<String> = self.layout.libraries.iter().map(|file| text(file)).collect();
        let build = build_id(&self.layout.hip());
        let entry = serde_json::json!({"name": "hip", "build": build, "files": files, "link": {"source": "pkgs/hip", "type": 1}});
        self.file(&list, &entry.to_string());
        self.layout.lists.push(list);
        let program = self.alloc(environment.join("bin/hip_client"));
        self.search_path("$ORIGIN/../lib", SearchPath::Rpath, [&program]);
        self.layout.environment = Some(environment.to_owned());
        self.layout.program = vec![Word::InTree(program)];
    }

    fn triton(&mut self) {
        let triton = self.environment("env").join("triton");
        let lib = triton.join("third_party/rocm/lib");
        let soname = self.soname();
        self.two_libraries(&lib, "libamdhip64.so", "libhsa-runtime64.so");
        let copy = self.library(&self.layout.generation.hip(), &lib.join(soname));
        self.layout.libraries.push(copy);
        for file in &self.layout.libraries.clone() {
            if *file != self.layout.hsa {
                self.needs(file, HSA_SONAME, "libhsa-runtime64.so");
            }
        }
        self.search_path("$ORIGIN", SearchPath::Runpath, &self.layout.libraries);
        let client = self.alloc_library(&triton.join("_C/libtriton.so"));
        patchelf(&self.layout.tree.join(&client), &["--add-needed", "libhsa-runtime64.so"]);
        self.search_path("$ORIGIN/../third_party/rocm/lib", SearchPath::Runpath, [&client]);
        let hip = self.layout.hip.clone();
        self.load("env/bin/load", vec![Word::InTree(hip), Word::InTree(client)]);
    }

    /// A virtual environment as `python -m venv` makes it; gives its site-packages.
    fn environment(&mut self, name: &str) -> PathBuf {
        let environment = PathBuf::from(name);
        self.file(
            environment.join("pyvenv.cfg"),
            "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\nexecutable = /usr/bin/python3.11\n",
        );
        self.link(environment.join("bin/python3"), "/usr/bin/python3");
        self.link(environment.join("bin/python"), "python3");
        let packages = environment.join("lib/python3.11/site-packages");
        self.directory(&packages);
        self.layout.environment = Some(environment);
        packages
    }

    /// RECORD of a wheel with `files`: digests may be left out, and nobody here reads them.
    fn record(&mut self, packages: &Path, directory: &str, files: &[PathBuf]) {
        let record = packages.join(directory).join("RECORD");
        let line = |file: &PathBuf| {
            let size = std::fs::metadata(self.layout.tree.join(file)).expect("a file").len();
            format!("{},,{size}\n", text(file.strip_prefix(packages).expect("in site-packages")))
        };
        let mut lines: String = files.iter().map(line).collect();
        lines += &format!("{directory}/RECORD,,\n");
        self.file(&record, &lines);
        self.layout.lists.push(record);
    }

    fn soname(&self) -> &'static str {
        self.layout.generation.suite.hip_soname
    }

    /// Versioned files as the suite has them, links by SONAME and for the linker.
    fn libraries_with_links(&mut self, directory: &Path) {
        let version =
            |path: PathBuf| text(path.canonicalize().expect("a library").file_name().expect("a name").as_ref());
        let (hip, hsa) = (version(self.layout.generation.hip()), version(self.layout.generation.hsa()));
        self.two_libraries(directory, &hip, &hsa);
        for (soname, file) in [(self.soname(), hip), (HSA_SONAME, hsa)] {
            self.link(directory.join(soname), &file);
            self.link(directory.join(bare(soname)), soname);
        }
    }

    fn two_libraries(&mut self, directory: &Path, hip: &str, hsa: &str) {
        self.layout.hip = self.library(&self.layout.generation.hip(), &directory.join(hip));
        self.layout.hsa = self.library(&self.layout.generation.hsa(), &directory.join(hsa));
        self.layout.libraries = vec![self.layout.hip.clone(), self.layout.hsa.clone()];
    }

    /// A copy of one of AMD's libraries.
    fn library(&self, from: &Path, to: &Path) -> PathBuf {
        copy(from, &self.layout.tree.join(to));
        to.to_owned()
    }

    /// The program `alloc`.
    fn alloc(&self, to: impl AsRef<Path>) -> PathBuf {
        copy(&compile(&self.layout.generation, "alloc.c", &[]), &self.layout.tree.join(&to));
        to.as_ref().to_owned()
    }

    /// `alloc` as a library, with `alloc_main`.
    fn alloc_library(&self, to: &Path) -> PathBuf {
        let built = compile(&self.layout.generation, "alloc.c", &["-shared", "-fPIC", "-Dmain=alloc_main"]);
        copy(&built, &self.layout.tree.join(to));
        to.to_owned()
    }

    /// A program that opens `libraries` and calls the last; it is linked to none of AMD's.
    fn load(&mut self, to: &str, libraries: Vec<Word>) {
        let path = self.layout.tree.join(to);
        copy(&compile(&self.layout.generation, "load.c", &[]), &path);
        patchelf(&path, &["--remove-needed", self.soname()]);
        self.layout.program = vec![Word::InTree(to.into())];
        self.layout.program.extend(libraries);
        self.layout.program.push(Word::Text("--"));
    }

    fn needs(&self, file: &Path, needed: &str, instead: &str) {
        patchelf(&self.layout.tree.join(file), &["--replace-needed", needed, instead]);
    }

    fn search_path<'a>(&self, path: &str, tag: SearchPath, files: impl IntoIterator<Item = &'a PathBuf>) {
        for file in files {
            tag.set(&self.layout.tree.join(file), path);
        }
    }

    fn loader_configuration(&self, directories: &[&str]) {
        self.file("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
        self.file("etc/ld.so.conf.d/libraries.conf", &format!("{}\n", directories.join("\n")));
        self.directory("var/cache/ldconfig");
    }

    fn directory(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.layout.tree.join(path);
        std::fs::create_dir_all(&path).expect("create");
        path
    }

    fn file(&self, path: impl AsRef<Path>, contents: &str) {
        let path = self.layout.tree.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("create");
        std::fs::write(path, contents).expect("write");
    }

    fn link(&self, path: impl AsRef<Path>, to: &str) {
        let path = self.layout.tree.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("create");
        symlink(to, path).expect("link");
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

/// Copies a file, with new inode and default owner, into a directory that is made if it is not there.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("a parent")).expect("create");
    std::fs::copy(from, to).unwrap_or_else(|e| panic!("{} -> {}: {e}", from.display(), to.display()));
}

/// Sets the time of an upgrade.
fn modified(path: &Path) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(UPGRADED);
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.set_modified(time).expect("set the time");
}

/// A directory of links to all of a generation's libraries but AMD's two: what the loader finds behind a tree's own search path must not be
/// another copy of them.
fn without_amds(generation: &Generation, below: &Path) -> PathBuf {
    let directory = below.join(format!("rest-{}", generation.name()));
    if !directory.exists() {
        std::fs::create_dir(&directory).expect("create");
        let libraries = generation.libraries();
        for entry in std::fs::read_dir(&libraries).unwrap_or_else(|e| panic!("{}: {e}", libraries.display())) {
            let name = entry.expect("an entry").file_name();
            let text = name.to_string_lossy();
            let amds = ["libamdhip64.", "libhsa-runtime64."].iter().any(|prefix| text.starts_with(prefix));
            if text.contains(".so") && !amds {
                symlink(libraries.join(&name), directory.join(&name)).expect("link");
            }
        }
    }
    directory
}
