//! `rmcp run`: starts a program behind fronts of the libraries that it would load, and says at the end what happened.

mod summary;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use rmcp_front::CORE;
use rmcp_policy::Mode;
use rmcp_record::OpenError;
use vgpu::child;
use vgpu::launch::{LIBRARY, Prepared};
use vgpu::spec::Spec;

use crate::failure::Failure;
use crate::libraries::explicit::Explicit;
use crate::libraries::fronts::{self, Fronts};
use crate::libraries::search::{Found, Loader};
use crate::virtual_card::{companion, prepare};
use summary::{Facts, summary};

pub const HELP: &str = "\
The real libraries are those that the loader would take for the program: DT_RPATH, LD_LIBRARY_PATH,
DT_RUNPATH, the loader's cache; a loader that is named as the program (LD.SO --library-path DIRS
PROGRAM) is followed too. For scripts, shells and Python, which open libraries later or start
other programs, they are those of LD_LIBRARY_PATH and the system; where such a program brings its own
(a Python wheel with ROCm in it), name their directory with --libraries.

Policies:
  off      forward everything, record nothing
  audit    record, change nothing
  default  on RDNA1 and RDNA2, host memory that is coherent only because nobody said otherwise becomes
           non-coherent; without PCIe atomics mapped and registered host memory as well
  strict   mapped and registered host memory too; never what asks for coherence by name

Fronts are kept in $XDG_CACHE_HOME/rmcp or $HOME/.cache/rmcp; nothing else is changed.

Exit code: the program's; 128+N after signal N; 2 for wrong usage; 3 if a library is missing or broken
(nothing is started then); 4 if --record names another kind of file, or the record of a run that goes on;
127 if the program cannot be started.";

#[derive(clap::Args)]
pub struct Arguments {
    /// off, audit, default or strict [default: RMCP_POLICY, or default]
    #[arg(long, value_name = "POLICY")]
    policy: Option<Mode>,
    /// Keep the record of every allocation in this file, for `rmcp report`; an older record there is replaced [default: RMCP_RECORD, or a temporary file]
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Run on virtual cards: gfx1030, gfx1036,gfx1030, gfx1030:atomics=off (`vgpu --help` has the rest)
    #[arg(long = "virtual", value_name = "SPEC")]
    spec: Option<Spec>,
    /// Write what reaches the virtual kernel driver to this file, as JSON lines
    #[arg(long, value_name = "FILE", requires = "spec")]
    virtual_log: Option<PathBuf>,
    /// Take AMD's libraries from this directory, whatever the loader would take
    #[arg(long, value_name = "DIR")]
    libraries: Option<PathBuf>,
    /// No summary at the end
    #[arg(long)]
    quiet: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mode = mode(arguments)?;
    let name = &arguments.program[0];
    let program = child::find(name, std::env::var_os("PATH").as_deref()).map_err(Failure::start)?;
    if let Err(error) = program.metadata() {
        return Err(Failure::start(format!("{} cannot be started: {error}", name.to_string_lossy())));
    }

    let mut words = arguments.program[1..].to_vec();
    let explicit = Explicit::of(&program, &words);
    let (loader, linked) = match &explicit {
        None => (Loader::system(), &program),
        Some(explicit) => (explicit.apply(Loader::system(), &words), &explicit.program),
    };
    let found = match &arguments.libraries {
        Some(directory) => loader.find_in(directory)?,
        None => loader.find(linked)?,
    };
    let fronts = match found.reals.is_empty() {
        true => None,
        false => Some(Fronts::prepare(&companion(CORE)?, &found.reals)?),
    };
    let machine = arguments.spec.as_ref().map(|spec| prepare(spec, arguments.virtual_log.as_deref())).transpose()?;
    let record = Record::prepare(arguments, mode)?;

    // Where the command line names the libraries' directories, they are those of this program and not of what it starts.
    let in_words = match (&explicit, &fronts) {
        (Some(explicit), Some(fronts)) => explicit.prepend(&fronts.directory, &mut words),
        _ => false,
    };
    let mut command = process::Command::new(&program);
    command.args(&words);
    std::os::unix::process::CommandExt::arg0(&mut command, name);
    set_environment(&mut command, mode, record.as_ref(), fronts.as_ref(), !in_words, machine.as_ref())?;
    let code = child::run(&mut command)
        .map_err(|error| Failure::start(format!("{} cannot be started: {error}", name.to_string_lossy())))?;

    if !arguments.quiet {
        let facts = Facts { mode, found: &found, machine: machine.as_ref(), record: record.as_ref() };
        eprint!("{}", summary(&facts));
    }
    Ok(ExitCode::from(code))
}

fn mode(arguments: &Arguments) -> Result<Mode, Failure> {
    match (arguments.policy, std::env::var("RMCP_POLICY")) {
        (Some(mode), _) => Ok(mode),
        (None, Ok(name)) if !name.is_empty() => {
            name.parse().map_err(|error| Failure::usage(format!("RMCP_POLICY: {error}")))
        }
        _ => Ok(Mode::Default),
    }
}

/// Where the run is recorded.
pub struct Record {
    /// Absolute.
    pub path: PathBuf,
    /// Whether it is there after the run.
    pub place: Place,
}

/// Whose record it is.
pub enum Place {
    /// The user named it; held against other runs as long as this one lasts.
    Named(#[expect(dead_code, reason = "kept for its lock")] Option<File>),
    /// `RMCP_RECORD` named it, perhaps an outer `rmcp run`, which may remove it.
    Inherited,
    /// It is removed with this directory.
    Temporary(#[expect(dead_code, reason = "kept for its end")] tempfile::TempDir),
}

impl Record {
    /// `None` if nothing is recorded.
    fn prepare(arguments: &Arguments, mode: Mode) -> Result<Option<Self>, Failure> {
        if mode == Mode::Off {
            return Ok(None);
        }
        let given = arguments.record.clone();
        let inherited = std::env::var_os("RMCP_RECORD").filter(|path| !path.is_empty()).map(PathBuf::from);
        let (path, place) = match (given, inherited) {
            (Some(path), _) => {
                // Another run's record is not to be replaced under it.
                claim(&path)?;
                rmcp_record::create(&path).map_err(record_failure)?;
                let claimed = claim(&path)?;
                (path, Place::Named(claimed))
            }
            // Somebody else's record, for instance of an outer `rmcp run`, is added to.
            (None, Some(path)) => (path, Place::Inherited),
            (None, None) => {
                let directory = tempfile::Builder::new().prefix("rmcp-").tempdir().map_err(|error| {
                    Failure::broken(format!(
                        "there is no place for the record ({}: {error}); set TMPDIR, or use --record FILE",
                        std::env::temp_dir().display()
                    ))
                })?;
                (directory.path().join("record"), Place::Temporary(directory))
            }
        };
        let path =
            std::path::absolute(&path).map_err(|error| Failure::broken(format!("{}: {error}", path.display())))?;
        Ok(Some(Self { path, place }))
    }
}

/// Locks a record file until it is closed; `None` if there is none. The lock is of another kind than the one by which processes take turns at opening it.
fn claim(path: &Path) -> Result<Option<File>, Failure> {
    if !path.is_file() {
        return Ok(None);
    }
    let Ok(file) = File::options().read(true).write(true).open(path) else { return Ok(None) };
    // SAFETY: a plain structure, all zeros: the whole file, from its start.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: an open descriptor and a structure that lives through the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } == 0 {
        return Ok(Some(file));
    }
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Err(Failure::refused(format!(
            "{} is the record of another rmcp run that has not ended; choose another file",
            path.display()
        ))),
        // A file system without locks.
        _ => Ok(Some(file)),
    }
}

fn record_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Foreign(_) => Failure::refused(error),
        _ => Failure::broken(error),
    }
}

/// The environment of the program: ours first, then what was there. `path`: the fronts are found through LD_LIBRARY_PATH.
fn set_environment(
    command: &mut process::Command,
    mode: Mode,
    record: Option<&Record>,
    fronts: Option<&Fronts>,
    path: bool,
    machine: Option<&Prepared>,
) -> Result<(), Failure> {
    command.env("RMCP_POLICY", mode.as_str());
    match record {
        Some(record) => command.env("RMCP_RECORD", &record.path),
        None => command.env_remove("RMCP_RECORD"),
    };
    let mut preload: Vec<OsString> = Vec::new();
    if let Some(machine) = machine {
        command.envs(machine.environment().iter().filter(|(name, _)| *name != "LD_PRELOAD").cloned());
        preload.push(companion(LIBRARY)?.into());
    }
    if let Some(fronts) = fronts {
        // A front that a process never calls then opens nothing.
        command.env("RMCP_OPEN", "lazy");
        if path {
            let rest = entries("LD_LIBRARY_PATH", |c| c == ':' || c == ';');
            command.env("LD_LIBRARY_PATH", join([fronts.directory.clone().into()].into_iter().chain(rest)));
        }
    }
    // What the user preloads stands before AMD's libraries, and so before their fronts.
    preload.extend(entries("LD_PRELOAD", |c| c == ':' || c == ' '));
    preload.extend(fronts.into_iter().flat_map(|fronts| fronts.preload.iter().map(OsString::from)));
    match preload.is_empty() {
        true => command.env_remove("LD_PRELOAD"),
        false => command.env("LD_PRELOAD", join(preload)),
    };
    Ok(())
}

/// The entries of a list variable, without those of an outer `rmcp run`.
fn entries(name: &str, separator: impl Fn(char) -> bool) -> Vec<OsString> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let value = std::env::var_os(name).unwrap_or_default();
    if value.is_empty() {
        return Vec::new();
    }
    let list = name == "LD_LIBRARY_PATH";
    let parts = value.as_bytes().split(|byte| separator(*byte as char)).map(|part| OsString::from_vec(part.to_vec()));
    // An empty entry of LD_LIBRARY_PATH means the working directory; of LD_PRELOAD, nothing.
    let ours = |part: &OsString| {
        let path = Path::new(part);
        fronts::is_ours(path) || path.parent().is_some_and(fronts::is_ours)
    };
    parts.filter(|part| (list || !part.is_empty()) && !ours(part)).collect()
}

fn join(parts: impl IntoIterator<Item = OsString>) -> OsString {
    let parts: Vec<OsString> = parts.into_iter().collect();
    parts.join(":".as_ref())
}

/// What the search found, for the summary.
pub fn real_lines(found: &Found) -> Vec<Vec<String>> {
    let row = |real: &crate::libraries::Real| {
        let short = |text: String, length: usize| text.chars().take(length).collect::<String>();
        vec![
            real.soname.clone(),
            real.version(),
            match real.build_id.is_empty() {
                true => "no build-id".to_owned(),
                false => format!("build-id {}", short(real.build_id.clone(), 12)),
            },
            real.path.display().to_string(),
        ]
    };
    found.reals.iter().map(row).collect()
}
